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

static void
carve_layer(struct carver *carver, const struct model_config *config, size_t tokens,
            struct layer_activations *layer)
{
    size_t h = config->hidden_size;
    layer->qkv = carve(carver, tokens, 3 * h);
    layer->context = carve(carver, tokens, h);
    layer->attention_sum = carve(carver, tokens, h);
    layer->attention_stats = carve(carver, tokens, 2);
    layer->attention_out = carve(carver, tokens, h);
    layer->inner = carve(carver, tokens, config->intermediate_size);
    layer->output_sum = carve(carver, tokens, h);
    layer->output_stats = carve(carver, tokens, 2);
}

/* Inference reuses one layer's arrays and two inputs in turn. */
static void
carve_layers(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    for (size_t l = 0; l <= config->layers; l++) {
        bool shared = !w->training && l >= 2;
        w->layers[l].input =
            shared ? w->layers[l - 2].input : carve(carver, w->tokens, config->hidden_size);
    }
    for (size_t l = 0; l < config->layers; l++) {
        float *input = w->layers[l].input;
        if (w->training || l == 0)
            carve_layer(carver, config, w->tokens, &w->layers[l]);
        else
            w->layers[l] = w->layers[0];
        w->layers[l].input = input;
    }
}

static void
carve_gradients(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    size_t h = config->hidden_size;
    w->d_x = carve(carver, w->tokens, h);
    w->d_output = carve(carver, w->tokens, h);
    w->d_inner = carve(carver, w->tokens, config->intermediate_size);
    w->d_attention = carve(carver, w->tokens, h);
    w->d_context = carve(carver, w->tokens, h);
    w->d_qkv = carve(carver, w->tokens, 3 * h);
    w->d_pooled = carve(carver, w->rows, h);
    w->d_first = carve(carver, w->rows, h);
    w->partial_size = 9 * h + config->intermediate_size;
    w->partials = carve(carver, batch_chunk_count(w->rows, w->tokens), w->partial_size);
}

static void
carve_all(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    size_t h = config->hidden_size;
    w->embedding_sum = carve(carver, w->tokens, h);
    w->embedding_stats = carve(carver, w->tokens, 2);
    carve_layers(carver, config, w);
    w->first = carve(carver, w->rows, h);
    w->pooled = carve(carver, w->rows, h);
    w->dropped = carve(carver, w->rows, h);
    w->logits = carve(carver, w->rows, config->label_count);
    w->losses = (double *)(void *)carve(carver, w->rows, 2);
    w->best = (uint32_t *)(void *)carve(carver, w->rows, 1);
    w->scores = carve(carver, w->threads * (w->training ? 3 : 1), w->longest * w->longest);
    if (w->training)
        carve_gradients(carver, config, w);
}

int
workspace_init(struct workspace *workspace, const struct model_config *config, bool training,
               size_t rows, size_t tokens, size_t longest, size_t threads, struct err *err)
{
    *workspace = (struct workspace){.training = training,
                                    .rows = rows,
                                    .tokens = tokens,
                                    .longest = longest,
                                    .threads = threads};
    workspace->layers = mem_resize(NULL, config->layers + 1, sizeof *workspace->layers);
    struct carver carver = {0};
    carve_all(&carver, config, workspace);
    workspace->pages = pages_map(carver.floats, sizeof(float));
    if (workspace->pages.memory == NULL) {
        workspace_fini(workspace);
        return err_set(err, ERR_MEMORY,
                       "the activations of %zu tokens need %.1f GB, which the machine does not "
                       "have; lower batch_size or max_seq_length",
                       tokens, (double)carver.floats * sizeof(float) / 1e9);
    }
    carver = (struct carver){.base = workspace->pages.memory};
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
