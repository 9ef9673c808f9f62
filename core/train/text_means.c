/* Means over windows; see text_means.h. Sums are in double, in the order in which rows come. */
#include "core/train/text_means.h"

#include "core/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int
text_means_init(struct text_means *means, size_t width, size_t open, struct err *err)
{
    size_t numbers = 0;
    *means = (struct text_means){.width = width, .capacity = open};
    means->open = mem_array(open, sizeof *means->open);
    if (mem_multiply(open, width, &numbers))
        means->sums = mem_array(numbers, sizeof *means->sums);
    means->mean = mem_array(width, sizeof *means->mean);
    if (means->open == NULL || means->sums == NULL || means->mean == NULL)
        return err_set(err, ERR_MEMORY, "the means of %zu numbers do not fit into memory", width);
    for (size_t i = 0; i < open; i++)
        means->open[i].sum = means->sums + i * width;
    return 0;
}

void
text_means_fini(struct text_means *means)
{
    free(means->open);
    free(means->sums);
    free(means->mean);
    *means = (struct text_means){0};
}

void
text_means_restart(struct text_means *means)
{
    means->count = 0;
}

/* The open text, opened where it is not. */
static struct open_text *
find(struct text_means *means, uint32_t text, size_t rows, size_t count)
{
    for (size_t i = 0; i < means->count; i++)
        if (means->open[i].text == text)
            return &means->open[i];
    assert(means->count < means->capacity);
    struct open_text *open = &means->open[means->count++];
    open->text = text;
    open->left = rows;
    memset(open->sum, 0, count * sizeof *open->sum);
    return open;
}

/* The last of those that are open takes the place of one that is answered. */
static void
close_text(struct text_means *means, struct open_text *open)
{
    struct open_text closed = *open;
    *open = means->open[--means->count];
    means->open[means->count] = closed;
}

const float *
text_means_add(struct text_means *means, const struct token_store *store, uint32_t text,
               const float *x, size_t count)
{
    size_t first = token_store_first_row(store, text);
    size_t rows = token_store_first_row(store, (size_t)text + 1) - first;
    if (rows == 1)
        return x;
    assert(count <= means->width);
    struct open_text *open = find(means, text, rows, count);
    for (size_t i = 0; i < count; i++)
        open->sum[i] += (double)x[i];
    if (--open->left > 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        means->mean[i] = (float)(open->sum[i] / (double)rows);
    close_text(means, open);
    return means->mean;
}
