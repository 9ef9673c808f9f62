/*
 * Reserving a workspace; see workspace.h. The list of arrays is walked twice: once to add up their
 * sizes, once to hand out addresses.
 */
#include "core/model/workspace.h"

#include "core/base/mem.h"
#include "core/data/batch.h"

#include <stdlib.h>

enum { ALIGN_FLOATS = 16 };

/* A cursor over the memory; with base NULL it only counts. Sizes that overflow stick at SIZE_MAX.
 */
struct carver {
    float *base;
    size_t floats;
};

static float *
carve(struct carver *carver, size_t rows, size_t columns)
{
    size_t count = 0;
    float *here = carver->base == NULL ? NULL : carver->base + carver->floats;
    if (!mem_multiply(rows, columns, &count) || !mem_add(count, ALIGN_FLOATS, &count) ||
        !mem_add(carver->floats, count / ALIGN_FLOATS * ALIGN_FLOATS, &carver->floats))
        carver->floats = SIZE_MAX;
    return here;
}

/* What a layer keeps of its outputs. */
static void
carve_outputs(struct carver *carver, const struct model_config *config, size_t outputs,
              struct layer_activations *layer)
{
    size_t h = config->hidden_size;
    layer->context = carve(carver, outputs, h);
    layer->attention_sum = carve(carver, outputs, h);
    layer->attention_stats = carve(carver, outputs, 2);
    layer->attention_out = carve(carver, outputs, h);
    layer->inner = carve(carver, outputs, config->intermediate_size);
    layer->output_sum = carve(carver, outputs, h);
    layer->output_stats = carve(carver, outputs, 2);
}

/*
 * A narrow layer's outputs are addressed by row: they never share memory with a wide layer's, since
 * in the forward pass each chunk is in a layer of its own.
 */
static void
carve_narrow(struct carver *carver, const struct model_config *config, const struct workspace *w,
             struct layer_activations *layer)
{
    layer->narrow = true;
    layer->query = carve(carver, w->shape.rows, config->hidden_size);
    layer->residual = carve(carver, w->shape.rows, config->hidden_size);
    carve_outputs(carver, config, w->shape.rows, layer);
    layer->activated =
        w->shape.training ? carve(carver, w->shape.rows, config->intermediate_size) : layer->inner;
}

/* Where only one layer's activations live at a time all wide layers use the first one's. */
static void
carve_layers(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    const struct workspace_shape *shape = &w->shape;
    bool own = shape->training && !shape->checkpointing;
    for (size_t l = 0; l < config->layers; l++) {
        struct layer_activations *layer = &w->layers[l];
        float *input = !shape->training && l >= 2
                           ? w->layers[l - 2].input
                           : carve(carver, shape->tokens, config->hidden_size);
        *layer = own || l == 0 ? (struct layer_activations){0} : w->layers[0];
        if (own || l == 0)
            layer->qkv = carve(carver, shape->tokens, 3 * config->hidden_size);
        layer->input = input;
        layer->residual = input;
        if (l + 1 == config->layers) {
            carve_narrow(carver, config, w, layer);
            continue;
        }
        if (own || l == 0)
            carve_outputs(carver, config, shape->tokens, layer);
        layer->activated = shape->training ? w->d_inner : layer->inner;
    }
}

static void
carve_gradients(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    size_t h = config->hidden_size;
    size_t tokens = w->shape.tokens;
    size_t rows = w->shape.rows;
    w->d_x = carve(carver, tokens, h);
    w->d_first = carve(carver, rows, h);
    w->d_output = carve(carver, tokens, h);
    w->d_attention = carve(carver, tokens, h);
    w->d_context = carve(carver, tokens, h);
    w->d_query = carve(carver, rows, h);
    w->d_qkv = carve(carver, tokens, 3 * h);
    w->d_pooled = carve(carver, rows, h);
    w->partial_size = 9 * h + config->intermediate_size;
    w->partials = carve(carver, batch_chunk_count(rows, tokens), w->partial_size);
}

static void
carve_all(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    const struct workspace_shape *shape = &w->shape;
    size_t h = config->hidden_size;
    w->embedding_sum = carve(carver, shape->tokens, h);
    w->embedding_stats = carve(carver, shape->tokens, 2);
    if (shape->training)
        w->d_inner = carve(carver, shape->tokens, config->intermediate_size);
    carve_layers(carver, config, w);
    w->first = carve(carver, shape->rows, h);
    w->pooled = carve(carver, shape->rows, h);
    w->dropped = carve(carver, shape->rows, h);
    w->logits = carve(carver, shape->rows, config->label_count);
    w->losses = (double *)(void *)carve(carver, shape->rows, 2);
    w->best = (uint32_t *)(void *)carve(carver, shape->rows, 1);
    w->scores =
        carve(carver, shape->threads * (shape->training ? 3 : 1), shape->longest * shape->longest);
    if (shape->training)
        carve_gradients(carver, config, w);
}

size_t
workspace_bytes(const struct model_config *config, const struct workspace_shape *shape)
{
    struct workspace workspace = {.shape = *shape};
    struct carver carver = {0};
    size_t bytes = 0;
    workspace.layers = mem_resize(NULL, config->layers, sizeof *workspace.layers);
    carve_all(&carver, config, &workspace);
    free(workspace.layers);
    return mem_multiply(carver.floats, sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

int
workspace_init(struct workspace *workspace, const struct model_config *config,
               const struct workspace_shape *shape, struct err *err)
{
    size_t bytes = workspace_bytes(config, shape);
    *workspace = (struct workspace){.shape = *shape, .pages = pages_map(bytes, 1)};
    if (workspace->pages.memory == NULL)
        return err_set(err, ERR_MEMORY,
                       "the activations of %zu tokens need %.1f GB, which the machine does not "
                       "have; lower batch_size or max_seq_length, or use gradient_checkpointing",
                       shape->tokens, (double)bytes / 1e9);
    if (shape->training)
        pages_use_all(&workspace->pages, 0, bytes);
    workspace->layers = mem_resize(NULL, config->layers, sizeof *workspace->layers);
    struct carver carver = {.base = workspace->pages.memory};
    carve_all(&carver, config, workspace);
    return 0;
}

void
workspace_fini(struct workspace *workspace)
{
    pages_unmap(&workspace->pages);
    free(workspace->layers);
    *workspace = (struct workspace){0};
}
