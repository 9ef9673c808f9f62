/*
 * The backward pass; see encoder.h. Its forward is the neighbouring file.
 *
 * Every phase is one pool_run. Chunks leave their share of the bias and LayerNorm gradients in
 * their own partial sums, which are added up in the order of the chunks.
 */
#include "core/model/dense.h"
#include "core/model/pass.h"
#include "core/ops/attention.h"

#include <string.h>

/* Output rows of a weight gradient that one item computes, columns of the embedding's scatter. */
enum { WEIGHT_ROWS = 192, SCATTER_COLUMNS = 64 };

struct backward {
    const struct pass *pass;
    float *gradients;
    size_t layer;
};

/* A chunk on its way back: tokens from..to, rows first..last of the batch. */
struct chunk {
    const struct pass *pass;
    size_t from, to;
    size_t first, last;
    size_t layer;
    float *scratch;  /* the thread's: (3, S, S) */
    float *partials; /* the chunk's */
};

/* Where a tensor's share stands among a chunk's partial sums of a layer, in units of H and I. */
static const struct partial {
    enum tensor_kind kind;
    size_t hidden_before, inner_before; /* offset */
    size_t hidden, inner;               /* length */
} layer_partials[] = {
    {TENSOR_QUERY_BIAS, 0, 0, 3, 0}, /* with key and value, its neighbours */
    {TENSOR_ATTENTION_OUTPUT_BIAS, 3, 0, 1, 0},
    {TENSOR_ATTENTION_NORM_WEIGHT, 4, 0, 1, 0},
    {TENSOR_ATTENTION_NORM_BIAS, 5, 0, 1, 0},
    {TENSOR_OUTPUT_BIAS, 6, 0, 1, 0},
    {TENSOR_OUTPUT_NORM_WEIGHT, 7, 0, 1, 0},
    {TENSOR_OUTPUT_NORM_BIAS, 8, 0, 1, 0},
    {TENSOR_INTERMEDIATE_BIAS, 9, 0, 0, 1},
};

static const struct partial embedding_partials[] = {
    {TENSOR_EMBEDDING_NORM_WEIGHT, 0, 0, 1, 0},
    {TENSOR_EMBEDDING_NORM_BIAS, 1, 0, 1, 0},
};

enum {
    LAYER_PARTIALS = sizeof layer_partials / sizeof *layer_partials,
    EMBEDDING_PARTIALS = sizeof embedding_partials / sizeof *embedding_partials
};

static float *
partial_of(const struct chunk *chunk, const struct partial *table, enum tensor_kind kind)
{
    const struct model_config *config = chunk->pass->network->config;
    while (table->kind != kind)
        table++;
    return chunk->partials + table->hidden_before * config->hidden_size +
           table->inner_before * config->intermediate_size;
}

static struct chunk
chunk_of(const struct backward *backward, size_t item, size_t thread)
{
    const struct pass *pass = backward->pass;
    const struct batch *batch = pass->batch;
    struct workspace *w = pass->workspace;
    struct chunk chunk = {.pass = pass,
                          .layer = backward->layer,
                          .first = batch->chunk_rows[item],
                          .last = batch->chunk_rows[item + 1]};
    chunk.from = batch->offsets[chunk.first];
    chunk.to = batch->offsets[chunk.last];
    chunk.scratch = w->scores + thread * 3 * w->longest * w->longest;
    chunk.partials = w->partials + item * w->partial_size;
    return chunk;
}

/* sum (N) += every one of the rows from..to of x (T,N) */
static void
add_rows(const struct network *network, size_t from, size_t to, size_t n, const float *x,
         float *sum)
{
    for (size_t row = from; row < to; row++)
        network->ops->add(n, x + row * n, sum);
}

/* ---- head ------------------------------------------------------------------------------------ */

/* From the logits' gradient to that of the encoder's output, which is zero but for position 0. */
static void
head_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward, item, thread);
    const struct network *network = chunk.pass->network;
    struct workspace *w = chunk.pass->workspace;
    size_t h = network->config->hidden_size;
    size_t k = network->config->label_count;
    size_t rows = chunk.last - chunk.first;
    float *d_pooled = w->d_pooled + chunk.first * h;
    dense_backward(network, rows, h, k, w->logits + chunk.first * k,
                   network_tensor(network, TENSOR_CLASSIFIER_WEIGHT, 0), false, d_pooled);
    struct dropout site =
        site_of(chunk.pass, chunk.pass->classifier_dropout, RNG_CLASSIFIER_DROPOUT, 0);
    for (size_t row = chunk.first; row < chunk.last; row++)
        network->ops->dropout(&site, site_group(chunk.pass, row), h, w->d_pooled + row * h);
    network->ops->tanh_backward(rows * h, w->pooled + chunk.first * h, d_pooled);
    dense_backward(network, rows, h, h, d_pooled, network_tensor(network, TENSOR_POOLER_WEIGHT, 0),
                   false, w->d_first + chunk.first * h);
    memset(w->d_x + chunk.from * h, 0, (chunk.to - chunk.from) * h * sizeof(float));
    for (size_t row = chunk.first; row < chunk.last; row++)
        memcpy(w->d_x + chunk.pass->batch->offsets[row] * h, w->d_first + row * h,
               h * sizeof(float));
}

/* Weight and bias gradients of the head; items: pooler's blocks of rows, then the classifier. */
static void
head_weights(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    const struct network *network = backward->pass->network;
    struct workspace *w = backward->pass->workspace;
    size_t h = network->config->hidden_size;
    size_t k = network->config->label_count;
    size_t rows = backward->pass->batch->rows;
    size_t from = item * WEIGHT_ROWS;
    if (from < h) {
        size_t to = from + WEIGHT_ROWS < h ? from + WEIGHT_ROWS : h;
        dense_weight_gradient(network, rows, h, h, from, to, w->d_pooled, w->first,
                              backward->gradients +
                                  tensor_offset(network->layout, TENSOR_POOLER_WEIGHT, 0));
        return;
    }
    float *pooler_bias =
        backward->gradients + tensor_offset(network->layout, TENSOR_POOLER_BIAS, 0);
    float *bias = backward->gradients + tensor_offset(network->layout, TENSOR_CLASSIFIER_BIAS, 0);
    memset(pooler_bias, 0, h * sizeof *pooler_bias);
    memset(bias, 0, k * sizeof *bias);
    add_rows(network, 0, rows, h, w->d_pooled, pooler_bias);
    add_rows(network, 0, rows, k, w->logits, bias);
    dense_weight_gradient(network, rows, h, k, 0, k, w->logits, w->dropped,
                          backward->gradients +
                              tensor_offset(network->layout, TENSOR_CLASSIFIER_WEIGHT, 0));
}

/* ---- one layer ------------------------------------------------------------------------------- */

/*
 * Back through LayerNorm and dropout: d_x becomes the gradient by the sum (which is also that of
 * the residual), d_dense the gradient by the dense layer's output before dropout.
 */
static void
norm_block(const struct chunk *chunk, enum tensor_kind weight, enum tensor_kind bias,
           enum tensor_kind dense_bias, struct dropout site, const float *sum, const float *stats,
           float *d_dense)
{
    const struct network *network = chunk->pass->network;
    size_t h = network->config->hidden_size;
    float *d_x = chunk->pass->workspace->d_x;
    float *d_weight = partial_of(chunk, layer_partials, weight);
    float *d_bias = partial_of(chunk, layer_partials, bias);
    for (size_t t = chunk->from; t < chunk->to; t++) {
        network->ops->norm_backward(h, sum + t * h, stats + 2 * t,
                                    network_tensor(network, weight, chunk->layer), d_x + t * h,
                                    d_weight, d_bias);
        memcpy(d_dense + t * h, d_x + t * h, h * sizeof *d_x);
        network->ops->dropout(&site, site_group(chunk->pass, t), h, d_dense + t * h);
    }
    add_rows(network, chunk->from, chunk->to, h, d_dense,
             partial_of(chunk, layer_partials, dense_bias));
}

static void
feed_forward_block(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    const struct layer_activations *a = &w->layers[chunk->layer];
    size_t h = network->config->hidden_size;
    size_t i = network->config->intermediate_size;
    size_t from = chunk->from;
    size_t n = chunk->to - from;
    norm_block(
        chunk, TENSOR_OUTPUT_NORM_WEIGHT, TENSOR_OUTPUT_NORM_BIAS, TENSOR_OUTPUT_BIAS,
        site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_FFN_OUTPUT_DROPOUT, chunk->layer),
        a->output_sum, a->output_stats, w->d_output);
    dense_backward(network, n, i, h, w->d_output + from * h,
                   network_tensor(network, TENSOR_OUTPUT_WEIGHT, chunk->layer), false,
                   w->d_inner + from * i);
    network->ops->activation_backward(network->config->activation, n * i, a->inner + from * i,
                                      w->d_inner + from * i);
    add_rows(network, from, chunk->to, i, w->d_inner,
             partial_of(chunk, layer_partials, TENSOR_INTERMEDIATE_BIAS));
    dense_backward(network, n, h, i, w->d_inner + from * i,
                   network_tensor(network, TENSOR_INTERMEDIATE_WEIGHT, chunk->layer), true,
                   w->d_x + from * h);
}

static void
attend_backward(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    struct attention attention = {
        .engine = network->engine,
        .ops = network->ops,
        .heads = network->config->heads,
        .hidden_size = h,
        .dropout = site_of(chunk->pass, chunk->pass->attention_dropout, RNG_ATTENTION_DROPOUT,
                           chunk->layer),
    };
    for (size_t row = 0; row < chunk->last; row++) {
        size_t t = batch->offsets[row];
        attention.length = batch->offsets[row + 1] - t;
        if (row >= chunk->first)
            attention_backward(&attention, w->layers[chunk->layer].qkv + t * 3 * h,
                               w->d_context + t * h, chunk->scratch, w->d_qkv + t * 3 * h);
        attention.group += attention_groups(attention.heads, attention.length);
    }
}

static void
attention_block(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    const struct layer_activations *a = &w->layers[chunk->layer];
    size_t h = network->config->hidden_size;
    size_t from = chunk->from;
    size_t n = chunk->to - from;
    norm_block(chunk, TENSOR_ATTENTION_NORM_WEIGHT, TENSOR_ATTENTION_NORM_BIAS,
               TENSOR_ATTENTION_OUTPUT_BIAS,
               site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_ATTENTION_OUTPUT_DROPOUT,
                       chunk->layer),
               a->attention_sum, a->attention_stats, w->d_attention);
    dense_backward(network, n, h, h, w->d_attention + from * h,
                   network_tensor(network, TENSOR_ATTENTION_OUTPUT_WEIGHT, chunk->layer), false,
                   w->d_context + from * h);
    attend_backward(chunk);
    add_rows(network, from, chunk->to, 3 * h, w->d_qkv,
             partial_of(chunk, layer_partials, TENSOR_QUERY_BIAS));
    dense_backward(network, n, h, 3 * h, w->d_qkv + from * 3 * h,
                   network_tensor(network, TENSOR_QUERY_WEIGHT, chunk->layer), true,
                   w->d_x + from * h);
}

static void
layer_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward, item, thread);
    if (pass_stopped(backward->pass))
        return;
    memset(chunk.partials, 0, backward->pass->workspace->partial_size * sizeof *chunk.partials);
    feed_forward_block(&chunk);
    attention_block(&chunk);
}

/* gradient of a tensor = its partial sums, added in the order of the chunks. */
static void
collect_partial(const struct backward *backward, const struct partial *partial)
{
    const struct network *network = backward->pass->network;
    const struct model_config *config = network->config;
    const struct workspace *w = backward->pass->workspace;
    size_t offset = partial->hidden_before * config->hidden_size +
                    partial->inner_before * config->intermediate_size;
    size_t n = partial->hidden * config->hidden_size + partial->inner * config->intermediate_size;
    float *gradient =
        backward->gradients + tensor_offset(network->layout, partial->kind, backward->layer);
    memcpy(gradient, w->partials + offset, n * sizeof *gradient);
    for (size_t c = 1; c < backward->pass->batch->chunks; c++)
        network->ops->add(n, w->partials + c * w->partial_size + offset, gradient);
}

/* The four weight gradients of a layer: dW (out,in) = dy^T x. */
struct weight {
    enum tensor_kind kind;
    size_t out, in;
    const float *dy; /* (T,out) */
    const float *x;  /* (T,in) */
};

enum { LAYER_WEIGHTS = 4 };

static void
layer_weight_list(const struct backward *backward, struct weight list[LAYER_WEIGHTS])
{
    const struct model_config *config = backward->pass->network->config;
    const struct workspace *w = backward->pass->workspace;
    const struct layer_activations *a = &w->layers[backward->layer];
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    list[0] = (struct weight){TENSOR_OUTPUT_WEIGHT, h, i, w->d_output, a->inner};
    list[1] = (struct weight){TENSOR_INTERMEDIATE_WEIGHT, i, h, w->d_inner, a->attention_out};
    list[2] = (struct weight){TENSOR_QUERY_WEIGHT, 3 * h, h, w->d_qkv, a->input};
    list[3] = (struct weight){TENSOR_ATTENTION_OUTPUT_WEIGHT, h, h, w->d_attention, a->context};
}

static size_t
weight_blocks(size_t out)
{
    return (out + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
}

static size_t
layer_weight_items(const struct backward *backward)
{
    struct weight list[LAYER_WEIGHTS];
    size_t items = 1;
    layer_weight_list(backward, list);
    for (size_t i = 0; i < LAYER_WEIGHTS; i++)
        items += weight_blocks(list[i].out);
    return items;
}

/* Items: blocks of rows of each weight in turn; the last adds up the partial sums. */
static void
layer_weights(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    const struct network *network = backward->pass->network;
    struct weight list[LAYER_WEIGHTS];
    if (pass_stopped(backward->pass))
        return;
    layer_weight_list(backward, list);
    for (size_t i = 0; i < LAYER_WEIGHTS; i++) {
        if (item < weight_blocks(list[i].out)) {
            size_t from = item * WEIGHT_ROWS;
            size_t to = from + WEIGHT_ROWS < list[i].out ? from + WEIGHT_ROWS : list[i].out;
            dense_weight_gradient(network, backward->pass->batch->tokens, list[i].in, list[i].out,
                                  from, to, list[i].dy, list[i].x,
                                  backward->gradients + tensor_offset(network->layout, list[i].kind,
                                                                      backward->layer));
            return;
        }
        item -= weight_blocks(list[i].out);
    }
    for (size_t i = 0; i < LAYER_PARTIALS; i++)
        collect_partial(backward, &layer_partials[i]);
}

/* ---- embedding ------------------------------------------------------------------------------- */

static void
embedding_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward, item, thread);
    const struct network *network = chunk.pass->network;
    struct workspace *w = chunk.pass->workspace;
    size_t h = network->config->hidden_size;
    struct dropout site = site_of(chunk.pass, chunk.pass->hidden_dropout, RNG_EMBEDDING_DROPOUT, 0);
    memset(chunk.partials, 0, w->partial_size * sizeof *chunk.partials);
    for (size_t t = chunk.from; t < chunk.to; t++) {
        float *d_x = w->d_x + t * h;
        network->ops->dropout(&site, site_group(chunk.pass, t), h, d_x);
        network->ops->norm_backward(
            h, w->embedding_sum + t * h, w->embedding_stats + 2 * t,
            network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0), d_x,
            partial_of(&chunk, embedding_partials, TENSOR_EMBEDDING_NORM_WEIGHT),
            partial_of(&chunk, embedding_partials, TENSOR_EMBEDDING_NORM_BIAS));
    }
}

/* Zero columns from..from+n of a whole (rows,H) gradient. */
static void
zero_columns(float *gradient, size_t rows, size_t h, size_t from, size_t n)
{
    for (size_t row = 0; row < rows; row++)
        memset(gradient + row * h + from, 0, n * sizeof *gradient);
}

/* Add the tokens' gradients to the rows that they came from; an item is a range of columns. */
static void
embedding_scatter(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    const struct network *network = backward->pass->network;
    const struct batch *batch = backward->pass->batch;
    const struct model_config *config = network->config;
    size_t h = config->hidden_size;
    size_t from = item * SCATTER_COLUMNS;
    if (from >= h) {
        for (size_t i = 0; i < EMBEDDING_PARTIALS; i++)
            collect_partial(backward, &embedding_partials[i]);
        return;
    }
    size_t n = from + SCATTER_COLUMNS < h ? SCATTER_COLUMNS : h - from;
    float *gradients = backward->gradients;
    float *words = gradients + tensor_offset(network->layout, TENSOR_WORD_EMBEDDING, 0) + from;
    float *positions = gradients + tensor_offset(network->layout, TENSOR_POSITION_EMBEDDING, 0);
    float *types = gradients + tensor_offset(network->layout, TENSOR_TYPE_EMBEDDING, 0);
    zero_columns(positions, config->max_positions, h, from, n);
    zero_columns(types, config->type_vocab_size, h, from, n);
    for (size_t row = 0; row < batch->rows; row++) {
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            const float *d = backward->pass->workspace->d_x + t * h + from;
            size_t position = t - batch->offsets[row];
            if (batch->ids[t] != config->pad_token_id)
                network->ops->add(n, d, words + (size_t)batch->ids[t] * h);
            network->ops->add(n, d, positions + position * h + from);
            network->ops->add(n, d, types + (size_t)batch->types[t] * h + from);
        }
    }
}

void
encoder_backward(const struct pass *pass, float *gradients)
{
    const struct model_config *config = pass->network->config;
    struct backward backward = {.pass = pass, .gradients = gradients};
    size_t h = config->hidden_size;
    pool_run(pass->pool, head_chunk, &backward, pass->batch->chunks);
    pool_run(pass->pool, head_weights, &backward, weight_blocks(h) + 1);
    for (size_t layer = config->layers; layer-- > 0;) {
        backward.layer = layer;
        pool_run(pass->pool, layer_chunk, &backward, pass->batch->chunks);
        pool_run(pass->pool, layer_weights, &backward, layer_weight_items(&backward));
    }
    backward.layer = 0;
    pool_run(pass->pool, embedding_chunk, &backward, pass->batch->chunks);
    pool_run(pass->pool, embedding_scatter, &backward,
             (h + SCATTER_COLUMNS - 1) / SCATTER_COLUMNS + 1);
}
