/* Weight gradients by blocks of rows; see weights.h. */
#include "core/model/weights.h"

/* Output rows of a weight gradient that one item computes. */
enum { WEIGHT_ROWS = 192 };

static size_t
blocks(size_t out)
{
    return (out + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
}

size_t
weights_items(const struct weight *weights, size_t count)
{
    size_t items = 0;
    for (size_t i = 0; i < count; i++)
        items += blocks(weights[i].out);
    return items;
}

bool
weights_item(const struct weight_list *list, size_t item)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct weight *weight = &list->weights[i];
        if (item < blocks(weight->out)) {
            size_t from = item * WEIGHT_ROWS;
            size_t to = from + WEIGHT_ROWS < weight->out ? from + WEIGHT_ROWS : weight->out;
            dense_weight_gradient(list->network, weight->n, weight->in, from, to, &weight->operands,
                                  list->accumulate, list->gradients + weight->offset);
            return true;
        }
        item -= blocks(weight->out);
    }
    return false;
}
