/*
 * Reserving a workspace; see workspace.h. The list of arrays is walked twice: once to add up their
 * sizes, once to hand out addresses.
 */
#include "core/model/workspace.h"

#include "core/base/mem.h"
#include "core/data/batch.h"
#include "core/model/groups.h"
#include "core/model/head.h"
#include "core/model/layer.h"
#include "core/model/partials.h"
#include "core/ops/attention.h"

#include <stdlib.h>

enum { ALIGN_FLOATS = 16, GROUP_TOKENS = 2048, GROUP_LONGEST_ROWS = 8 };

/*
 * A cursor over the memory; with base NULL it only counts. Sizes that overflow stick at SIZE_MAX.
 * Lent memory is floats lent_from..lent_to of the gradients, taken from its end.
 */
struct carver {
    float *base;
    size_t floats;
    const struct workspace_shape *shape;
    size_t lent_from, lent_to;
};

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

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

/* The same for what a layer keeps: below the layer's own gradients, where there is room. */
static float *
carve_kept(struct carver *carver, size_t layer, size_t rows, size_t columns)
{
    const struct workspace_shape *shape = carver->shape;
    size_t count = 0;
    if (shape->layout == NULL || !mem_multiply(rows, columns, &count))
        return carve(carver, rows, columns);
    size_t end = least(carver->lent_to, tensor_offset(shape->layout, TENSOR_QUERY_WEIGHT, layer));
    if (end < count || (end - count) / ALIGN_FLOATS * ALIGN_FLOATS < carver->lent_from)
        return carve(carver, rows, columns);
    carver->lent_to = (end - count) / ALIGN_FLOATS * ALIGN_FLOATS;
    return shape->gradients == NULL ? NULL : shape->gradients + carver->lent_to;
}

/* Places for bfloat16, two in a float's. */
static uint16_t *
carve_half(struct carver *carver, size_t rows, size_t columns)
{
    return (uint16_t *)(void *)carve(carver, rows, (columns + 1) / 2);
}

static uint16_t *
carve_half_kept(struct carver *carver, size_t layer, size_t rows, size_t columns)
{
    return (uint16_t *)(void *)carve_kept(carver, layer, rows, (columns + 1) / 2);
}

/* ---- layers ---------------------------------------------------------------------------------- */

/*
 * A narrow layer's outputs are addressed by row: they never share memory with a wide layer's, since
 * in the forward pass each chunk is in a layer of its own.
 */
static void
carve_narrow(struct carver *carver, const struct model_config *config, const struct workspace *w,
             struct layer_activations *layer)
{
    size_t rows = w->group_rows;
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    bool training = w->shape.training;
    *layer = (struct layer_activations){
        .narrow = true,
        .input = layer->input,
        .qkv = layer->qkv,
        .half = {.input = layer->half.input, .qkv = layer->half.qkv},
    };
    layer->query = carve(carver, rows, h);
    layer->residual = carve(carver, rows, h);
    layer->context = carve(carver, rows, h);
    layer->attention_sum = carve(carver, rows, h);
    layer->attention_stats = carve(carver, rows, 2);
    layer->attention_out = carve(carver, rows, h);
    layer->inner = carve(carver, rows, i);
    layer->activated = training ? carve(carver, rows, i) : layer->inner;
    layer->output_sum = training ? carve(carver, rows, h) : layer->attention_sum;
    layer->output_stats = carve(carver, rows, 2);
}

/* Are all of a layer's outputs computed? The last one's only for a head that looks at all. */
static bool
is_wide(const struct model_config *config, size_t layer)
{
    return layer + 1 < config->layers || head_is_wide(config);
}

/* What a layer keeps unless it is computed again. */
static void
carve_kept_arrays(struct carver *carver, const struct model_config *config,
                  const struct workspace *w, size_t l, struct layer_activations *layer)
{
    size_t tokens = w->group_tokens;
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    bool wide = is_wide(config, l);
    if (w->shape.bf16)
        layer->half.qkv = carve_half_kept(carver, l, tokens, 3 * h);
    else
        layer->qkv = carve_kept(carver, l, tokens, 3 * h);
    if (wide && w->shape.bf16)
        layer->half.inner = carve_half_kept(carver, l, tokens, i);
    else if (wide)
        layer->inner = carve_kept(carver, l, tokens, i);
    if (wide) {
        layer->attention_sum = carve_kept(carver, l, tokens, h);
        layer->attention_stats = carve_kept(carver, l, tokens, 2);
    }
}

/* What all wide layers use in turn. */
static struct layer_activations
carve_shared(struct carver *carver, const struct model_config *config, const struct workspace *w)
{
    size_t tokens = w->group_tokens;
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    struct layer_activations shared = {0};
    if (w->shape.bf16) {
        shared.half.input = carve_half(carver, tokens, h);
        shared.half.context = carve_half(carver, tokens, h);
        shared.half.attention_out = carve_half(carver, tokens, h);
        shared.half.activated = carve_half(carver, tokens, i);
        return shared;
    }
    shared.input = carve(carver, tokens, h);
    shared.context = carve(carver, tokens, h);
    shared.attention_out = carve(carver, tokens, h);
    if (w->shape.training)
        shared.activated = carve(carver, tokens, i);
    return shared;
}

/* Layers from the last down: the higher one is, the more gradients are written after its end. */
static void
carve_layers(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    size_t tokens = w->group_tokens;
    size_t h = config->hidden_size;
    bool own = w->shape.training && !w->shape.checkpointing;
    struct layer_activations shared = carve_shared(carver, config, w);
    if (!own) /* the first layer's rule: nothing above it has been used for the last time */
        carve_kept_arrays(carver, config, w, 0, &shared);
    if (!w->shape.training) {
        shared.activated = shared.inner;
        shared.output_sum = shared.attention_sum;
        shared.output_stats = shared.attention_stats;
    }
    for (size_t l = config->layers; l-- > 0;) {
        struct layer_activations *layer = &w->layers[l];
        *layer = shared;
        if (own)
            carve_kept_arrays(carver, config, w, l, layer);
        if (!is_wide(config, l)) {
            carve_narrow(carver, config, w, layer);
        } else if (w->shape.training) {
            layer->output_sum = carve_kept(carver, l, tokens, h);
            layer->output_stats = carve_kept(carver, l, tokens, 2);
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Does a dense layer bring the embedding to the width of the layers? */
static bool
projects(const struct model_config *config)
{
    return model_config_embedding_size(config) != config->hidden_size;
}

/* Are the head's outputs rows? */
static bool
has_rows(const struct model_config *config)
{
    return head_of(config)->place != HEAD_TOKENS;
}

static void
carve_training(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    size_t h = config->hidden_size;
    size_t rows = w->group_rows;
    w->d_x = carve(carver, w->group_tokens, h);
    if (!head_is_wide(config))
        w->d_first = carve(carver, rows, h);
    if (has_rows(config))
        w->d_pooled = carve(carver, rows, h);
    w->d_embedded = projects(config)
                        ? carve(carver, w->group_tokens, model_config_embedding_size(config))
                        : w->d_x;
    w->partial_size = partials_size(config);
    w->partials = carve(carver,
                        least(batch_chunk_count(w->shape.rows, w->shape.tokens),
                              groups_most_chunks(w->group_tokens)),
                        w->partial_size);
    w->offsets = (size_t *)(void *)carve(carver, rows + 1, sizeof(size_t) / sizeof(float));
    w->chunk_rows = (size_t *)(void *)carve(carver, rows + 1, sizeof(size_t) / sizeof(float));
}

static void
carve_all(struct carver *carver, const struct model_config *config, struct workspace *w)
{
    const struct workspace_shape *shape = &w->shape;
    size_t h = config->hidden_size;
    size_t rows = w->group_rows;
    size_t outputs = head_outputs(config, shape->rows, shape->tokens);
    w->embedding_stats = carve(carver, w->group_tokens, 2);
    if (projects(config))
        w->embedded = carve(carver, w->group_tokens, model_config_embedding_size(config));
    if (shape->training)
        carve_training(carver, config, w);
    carve_layers(carver, config, w);
    w->first = carve(carver, rows, h);
    if (has_rows(config)) {
        w->pooled = carve(carver, rows, h);
        w->dropped = carve(carver, rows, h);
    }
    w->logits = carve(carver, head_outputs(config, rows, w->group_tokens), config->label_count);
    w->losses = (double *)(void *)carve(carver, outputs, 2);
    w->best = (uint32_t *)(void *)carve(carver, outputs, 1);
    w->scores_size = shape->training ? attention_scratch(h, config->heads, shape->longest)
                                     : shape->longest * shape->longest;
    w->scores = carve(carver, shape->threads, w->scores_size);
    w->scratch_tokens = least(w->group_tokens, groups_most_chunk_tokens(shape->longest));
    w->scratch_size = shape->bf16 ? layer_scratch(config) * w->scratch_tokens : 0;
    w->scratch = carve(carver, shape->threads, w->scratch_size);
}

size_t
workspace_group(const struct workspace_shape *shape)
{
    size_t rows = GROUP_LONGEST_ROWS * shape->longest;
    size_t most = rows > GROUP_TOKENS ? rows : GROUP_TOKENS;
    most = shape->group_tokens > 0 ? shape->group_tokens : most;
    return shape->training ? least(most, shape->tokens) : shape->tokens;
}

/* Carve from base, or count with NULL; returns floats. */
static size_t
lay_out(struct workspace *w, const struct model_config *config, float *base)
{
    struct carver carver = {.base = base, .shape = &w->shape};
    w->group_tokens = workspace_group(&w->shape);
    w->group_rows = least(w->shape.rows, w->group_tokens);
    if (w->group_tokens < w->shape.tokens)
        w->shape.layout = NULL; /* gradients of one group wait for the next */
    if (w->shape.layout != NULL) {
        carver.lent_from = tensor_offset(w->shape.layout, TENSOR_POSITION_EMBEDDING, 0);
        carver.lent_to = w->shape.layout->encoder_end;
    }
    carve_all(&carver, config, w);
    return carver.floats;
}

static size_t
count_bytes(const struct model_config *config, const struct workspace_shape *shape)
{
    struct workspace workspace = {.shape = *shape};
    size_t bytes = 0;
    workspace.layers = mem_resize(NULL, config->layers, sizeof *workspace.layers);
    size_t floats = lay_out(&workspace, config, NULL);
    free(workspace.layers);
    return mem_multiply(floats, sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

/* The same shape, or without checkpointing where keeping everything takes no more: that is faster
 * and gives the same bits. *bytes = what it takes. */
static struct workspace_shape
choose_shape(const struct model_config *config, const struct workspace_shape *shape, size_t *bytes)
{
    struct workspace_shape plain = *shape;
    plain.checkpointing = false;
    size_t plain_bytes = count_bytes(config, &plain);
    *bytes = count_bytes(config, shape);
    if (plain_bytes > *bytes)
        return *shape;
    *bytes = plain_bytes;
    return plain;
}

size_t
workspace_bytes(const struct model_config *config, const struct workspace_shape *shape)
{
    size_t bytes = 0;
    choose_shape(config, shape, &bytes);
    return bytes;
}

int
workspace_init(struct workspace *workspace, const struct model_config *config,
               const struct workspace_shape *wanted, struct err *err)
{
    size_t bytes = 0;
    struct workspace_shape chosen = choose_shape(config, wanted, &bytes);
    const struct workspace_shape *shape = &chosen;
    bool guest = shape->host.memory != NULL && bytes <= shape->host.bytes;
    *workspace = (struct workspace){.shape = *shape};
    if (!guest)
        workspace->pages = pages_map(bytes > shape->reserve ? bytes : shape->reserve, 1);
    if (!guest && workspace->pages.memory == NULL)
        return err_set(err, ERR_MEMORY,
                       "the activations of %zu tokens need %.1f GB, which the machine does not "
                       "have; lower batch_size or max_seq_length, or use gradient_checkpointing",
                       workspace_group(shape), (double)bytes / 1e9);
    if (shape->training)
        pages_use_all(&workspace->pages, 0, bytes);
    workspace->layers = mem_resize(NULL, config->layers, sizeof *workspace->layers);
    lay_out(workspace, config, guest ? shape->host.memory : workspace->pages.memory);
    return 0;
}

void
workspace_fini(struct workspace *workspace)
{
    pages_unmap(&workspace->pages);
    free(workspace->layers);
    *workspace = (struct workspace){0};
}
