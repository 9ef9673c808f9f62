/* The embedding forward and backward; see embedding.h. */
#include "core/model/embedding.h"

#include "core/model/partials.h"
#include "core/model/weights.h"

#include <string.h>

/* ---- rows ------------------------------------------------------------------------------------ */

/* A walk along the tokens of a row: which rows of the embeddings each is made of. */
struct walk {
    const struct pass *pass;
    size_t t; /* token of the batch */
    size_t position, type;
    bool pad;
    size_t next; /* position of the next token that is no padding */
};

static struct walk
walk_along(const struct pass *pass, size_t row)
{
    return (struct walk){.pass = pass,
                         .t = pass->batch->offsets[row] - 1,
                         .next = pass->network->config->first_position};
}

/*
 * One token further. RoBERTa counts the tokens that are no padding and puts those that are at the
 * padding's own row; the others count all. A single type needs no telling.
 */
static void
walk_on(struct walk *walk)
{
    const struct model_config *config = walk->pass->network->config;
    const struct batch *batch = walk->pass->batch;
    walk->t++;
    walk->pad = batch->ids[walk->t] == config->pad_token_id;
    walk->type = config->type_vocab_size > 1 ? batch->types[walk->t] : 0;
    walk->position = walk->next;
    if (config->first_position > 0 && walk->pad)
        walk->position = config->pad_token_id;
    else
        walk->next++;
}

static bool
has_types(const struct pass *pass)
{
    return pass->network->config->type_vocab_size > 0;
}

/* sum (E) of a token's rows */
static void
add_up(const struct walk *walk, float *sum)
{
    const struct network *network = walk->pass->network;
    size_t e = model_config_embedding_size(network->config);
    const float *word = network_tensor(network, TENSOR_WORD_EMBEDDING, 0) +
                        (size_t)walk->pass->batch->ids[walk->t] * e;
    const float *position =
        network_tensor(network, TENSOR_POSITION_EMBEDDING, 0) + walk->position * e;
    if (has_types(walk->pass)) {
        const float *type = network_tensor(network, TENSOR_TYPE_EMBEDDING, 0) + walk->type * e;
        network->ops->add_three(e, word, type, position, sum);
        return;
    }
    memcpy(sum, word, e * sizeof *sum);
    network->ops->add(e, position, sum);
}

static struct dropout
site_of_embedding(const struct chunk *chunk)
{
    return site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_EMBEDDING_DROPOUT, 0);
}

/* First dropout group of a token at this site, of E numbers each. */
static uint64_t
embedding_group(const struct pass *pass, size_t token)
{
    return (uint64_t)(pass->before.tokens + token) *
           dropout_groups(model_config_embedding_size(pass->network->config));
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* x (tokens of the chunk, E): sums through LayerNorm and dropout. */
static void
embed(const struct chunk *chunk, float *x)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    size_t e = model_config_embedding_size(network->config);
    struct dropout site = site_of_embedding(chunk);
    for (size_t row = chunk->first; row < chunk->last; row++) {
        struct walk walk = walk_along(chunk->pass, row);
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++, x += e) {
            walk_on(&walk);
            add_up(&walk, x);
            network->ops->norm(e, (float)network->config->layer_norm_eps, x,
                               network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0),
                               network_tensor(network, TENSOR_EMBEDDING_NORM_BIAS, 0), x,
                               chunk->pass->workspace->embedding_stats + 2 * t);
            network->ops->dropout(&site, embedding_group(chunk->pass, t), e, x);
        }
    }
}

void
embedding_forward(const struct chunk *chunk, float *input)
{
    const struct network *network = chunk->pass->network;
    size_t h = network->config->hidden_size;
    size_t e = model_config_embedding_size(network->config);
    float *embedded = chunk->pass->workspace->embedded;
    if (embedded == NULL) {
        embed(chunk, input);
        return;
    }
    embedded += chunk->from * e;
    embed(chunk, embedded);
    dense_forward(network, chunk->to - chunk->from, e, h, embedded,
                  network_tensor(network, TENSOR_PROJECTION_WEIGHT, 0),
                  network_tensor(network, TENSOR_PROJECTION_BIAS, 0), input, h);
}

/* Back through the projection: d_embedded from d_x, and the bias's share. */
static void
project_backward(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    const struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    size_t e = model_config_embedding_size(network->config);
    float *d_bias = partials_of(chunk, TENSOR_PROJECTION_BIAS);
    for (size_t t = chunk->from; t < chunk->to; t++)
        network->ops->add(h, w->d_x + t * h, d_bias);
    dense_backward(network, chunk->to - chunk->from, e, h, w->d_x + chunk->from * h, h,
                   network_tensor(network, TENSOR_PROJECTION_WEIGHT, 0), false,
                   w->d_embedded + chunk->from * e);
}

void
embedding_backward(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const struct workspace *w = chunk->pass->workspace;
    size_t e = model_config_embedding_size(network->config);
    struct dropout site = site_of_embedding(chunk);
    float *sum = partials_scratch(chunk);
    if (w->embedded != NULL)
        project_backward(chunk);
    for (size_t row = chunk->first; row < chunk->last; row++) {
        struct walk walk = walk_along(chunk->pass, row);
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            float *d = w->d_embedded + t * e;
            walk_on(&walk);
            add_up(&walk, sum);
            network->ops->dropout(&site, embedding_group(chunk->pass, t), e, d);
            network->ops->norm_backward(e, sum, w->embedding_stats + 2 * t,
                                        network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0), d,
                                        partials_of(chunk, TENSOR_EMBEDDING_NORM_WEIGHT),
                                        partials_of(chunk, TENSOR_EMBEDDING_NORM_BIAS));
        }
    }
}

size_t
embedding_weights(const struct pass *pass, struct weight *list)
{
    const struct network *network = pass->network;
    const struct workspace *w = pass->workspace;
    size_t h = network->config->hidden_size;
    if (w->embedded == NULL)
        return 0;
    list[0] = (struct weight){.offset = tensor_offset(network->layout, TENSOR_PROJECTION_WEIGHT, 0),
                              .out = h,
                              .in = model_config_embedding_size(network->config),
                              .n = pass->batch->tokens,
                              .operands = {.dy = w->d_x, .dy_stride = h, .x = w->embedded}};
    return 1;
}

/* ---- scatter --------------------------------------------------------------------------------- */

/* Zero the first n columns of a (rows,E) gradient. */
static void
zero_columns(float *gradient, size_t rows, size_t e, size_t n)
{
    for (size_t row = 0; row < rows; row++)
        memset(gradient + row * e, 0, n * sizeof *gradient);
}

/* The gradients of the three embeddings, from some column on. */
struct scatter {
    float *words, *positions;
    float *types; /* NULL: there are none */
};

static struct scatter
scatter_to(const struct pass *pass, size_t from, float *gradients)
{
    const struct tensor_layout *layout = pass->network->layout;
    struct scatter out = {
        .words = gradients + tensor_offset(layout, TENSOR_WORD_EMBEDDING, 0) + from,
        .positions = gradients + tensor_offset(layout, TENSOR_POSITION_EMBEDDING, 0) + from};
    if (has_types(pass))
        out.types = gradients + tensor_offset(layout, TENSOR_TYPE_EMBEDDING, 0) + from;
    return out;
}

/* A row of the padding token has no gradient, be it of the words or (RoBERTa) of the positions. */
static void
scatter_token(const struct walk *walk, const struct scatter *to, const float *d, size_t n)
{
    const struct ops *ops = walk->pass->network->ops;
    const struct model_config *config = walk->pass->network->config;
    size_t e = model_config_embedding_size(config);
    if (!walk->pad)
        ops->add(n, d, to->words + (size_t)walk->pass->batch->ids[walk->t] * e);
    if (!walk->pad || config->first_position == 0)
        ops->add(n, d, to->positions + walk->position * e);
    if (to->types != NULL)
        ops->add(n, d, to->types + walk->type * e);
}

void
embedding_scatter(const struct pass *pass, size_t from, size_t n, bool first, float *gradients)
{
    const struct model_config *config = pass->network->config;
    const struct batch *batch = pass->batch;
    size_t e = model_config_embedding_size(config);
    struct scatter to = scatter_to(pass, from, gradients);
    if (first)
        zero_columns(to.positions, config->first_position + config->max_positions, e, n);
    if (first && to.types != NULL)
        zero_columns(to.types, config->type_vocab_size, e, n);
    for (size_t row = 0; row < batch->rows; row++) {
        struct walk walk = walk_along(pass, row);
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            walk_on(&walk);
            scatter_token(&walk, &to, pass->workspace->d_embedded + t * e + from, n);
        }
    }
}
