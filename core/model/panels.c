/* Weights in an engine's panels; see panels.h. */
#include "core/model/panels.h"

#include <stdbool.h>

/* Is it a matrix of a dense layer, and do panels divide its outputs? */
static bool
takes_panels(const struct tensor *tensor, size_t width)
{
    bool embedding = tensor->kind == TENSOR_WORD_EMBEDDING ||
                     tensor->kind == TENSOR_POSITION_EMBEDDING ||
                     tensor->kind == TENSOR_TYPE_EMBEDDING;
    return !tensor->vector && !embedding && tensor->rows % width == 0;
}

static void
fill(const struct network *network, const struct tensor *tensor, float *panels)
{
    if (takes_panels(tensor, gemm_panel_width(network->engine)))
        gemm_panels(network->engine, tensor->rows, tensor->columns,
                    network->parameters + tensor->offset, panels + tensor->offset);
}

int
panels_make(const struct network *network, struct pages *panels, struct err *err)
{
    const struct tensor_layout *layout = network->layout;
    size_t width = gemm_panel_width(network->engine);
    *panels = (struct pages){0};
    if (width == 0 || network->config->hidden_size % width != 0) /* Q, K and V are one product */
        return 0;
    *panels = pages_map(layout->total, sizeof(float));
    if (panels->memory == NULL)
        return err_set(err, ERR_MEMORY, "%zu parameters do not fit into memory", layout->total);
    for (size_t i = 0; i < layout->count; i++)
        fill(network, &layout->tensors[i], panels->memory);
    return 0;
}

void
panels_renew(const struct network *network, enum tensor_kind kind, const struct pages *panels)
{
    const struct tensor_layout *layout = network->layout;
    if (panels->memory == NULL)
        return;
    for (size_t i = 0; i < layout->count; i++)
        if (layout->tensors[i].kind == kind)
            fill(network, &layout->tensors[i], panels->memory);
}
