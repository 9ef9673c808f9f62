/* Partial sums of the small gradients; see partials.h. */
#include "core/model/partials.h"

#include <string.h>

/* Where a tensor's share stands among a chunk's partial sums, in units of H, I and E. */
static const struct partial {
    enum tensor_kind kind;
    size_t hidden_before, inner_before; /* offset */
    size_t hidden, inner;               /* length */
    size_t embedding_before, embedding; /* of the embedding: both */
} layer_partials[] = {
    {TENSOR_QUERY_BIAS, 0, 0, 3, 0, 0, 0}, /* with key and value, its neighbours */
    {TENSOR_ATTENTION_OUTPUT_BIAS, 3, 0, 1, 0, 0, 0},
    {TENSOR_ATTENTION_NORM_WEIGHT, 4, 0, 1, 0, 0, 0},
    {TENSOR_ATTENTION_NORM_BIAS, 5, 0, 1, 0, 0, 0},
    {TENSOR_OUTPUT_BIAS, 6, 0, 1, 0, 0, 0},
    {TENSOR_OUTPUT_NORM_WEIGHT, 7, 0, 1, 0, 0, 0},
    {TENSOR_OUTPUT_NORM_BIAS, 8, 0, 1, 0, 0, 0},
    {TENSOR_INTERMEDIATE_BIAS, 9, 0, 0, 1, 0, 0},
};

static const struct partial embedding_partials[] = {
    {.kind = TENSOR_EMBEDDING_NORM_WEIGHT, .embedding = 1},
    {.kind = TENSOR_EMBEDDING_NORM_BIAS, .embedding_before = 1, .embedding = 1},
    {.kind = TENSOR_PROJECTION_BIAS, .embedding_before = 2, .hidden = 1},
};

enum {
    LAYER_PARTIALS = sizeof layer_partials / sizeof *layer_partials,
    EMBEDDING_PARTIALS = sizeof embedding_partials / sizeof *embedding_partials
};

static size_t
offset_of(const struct pass *pass, const struct partial *partial)
{
    const struct model_config *config = pass->network->config;
    return partial->hidden_before * config->hidden_size +
           partial->inner_before * config->intermediate_size +
           partial->embedding_before * model_config_embedding_size(config);
}

size_t
partials_size(const struct model_config *config)
{
    size_t layer = 9 * config->hidden_size + config->intermediate_size;
    size_t embedding = 3 * model_config_embedding_size(config) + config->hidden_size;
    return layer > embedding ? layer : embedding;
}

void
partials_clear(const struct chunk *chunk)
{
    memset(chunk->partials, 0, chunk->pass->workspace->partial_size * sizeof *chunk->partials);
}

float *
partials_of(const struct chunk *chunk, enum tensor_kind kind)
{
    for (size_t i = 0; i < LAYER_PARTIALS; i++)
        if (layer_partials[i].kind == kind)
            return chunk->partials + offset_of(chunk->pass, &layer_partials[i]);
    const struct partial *partial = embedding_partials;
    while (partial->kind != kind)
        partial++;
    return chunk->partials + offset_of(chunk->pass, partial);
}

float *
partials_scratch(const struct chunk *chunk)
{
    const struct model_config *config = chunk->pass->network->config;
    return chunk->partials + 2 * model_config_embedding_size(config) + config->hidden_size;
}

/* gradient of a tensor = (or +=) its partial sums, added in the order of the chunks. */
static void
collect(const struct pass *pass, const struct partial *partial, size_t layer, bool accumulate,
        float *gradients)
{
    const struct network *network = pass->network;
    const struct model_config *config = network->config;
    const struct workspace *w = pass->workspace;
    size_t offset = offset_of(pass, partial);
    size_t n = partial->hidden * config->hidden_size + partial->inner * config->intermediate_size +
               partial->embedding * model_config_embedding_size(config);
    float *gradient = gradients + tensor_offset(network->layout, partial->kind, layer);
    if (!accumulate)
        memcpy(gradient, w->partials + offset, n * sizeof *gradient);
    for (size_t c = accumulate ? 0 : 1; c < pass->batch->chunks; c++)
        network->ops->add(n, w->partials + c * w->partial_size + offset, gradient);
}

void
partials_collect_layer(const struct pass *pass, size_t layer, bool accumulate, float *gradients)
{
    for (size_t i = 0; i < LAYER_PARTIALS; i++)
        collect(pass, &layer_partials[i], layer, accumulate, gradients);
}

void
partials_collect_embedding(const struct pass *pass, bool accumulate, float *gradients)
{
    for (size_t i = 0; i < EMBEDDING_PARTIALS; i++)
        if (tensor_exists(pass->network->layout, embedding_partials[i].kind))
            collect(pass, &embedding_partials[i], 0, accumulate, gradients);
}
