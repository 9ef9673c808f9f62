/*
 * The backward pass; see encoder.h. Its forward is the neighbouring file.
 *
 * Every phase is one pool_run. Chunks leave their share of the bias and LayerNorm gradients in
 * their own partial sums, which are added up in the order of the chunks.
 */
#include "core/model/dense.h"
#include "core/model/layer.h"
#include "core/model/partials.h"

#include <string.h>

/* Output rows of a weight gradient that one item computes, columns of the embedding's scatter. */
enum { WEIGHT_ROWS = 192, SCATTER_COLUMNS = 64 };

struct backward {
    const struct pass *pass;
    float *gradients;
    size_t layer;
};

/* ---- head ------------------------------------------------------------------------------------ */

/* From the logits' gradient to that of the last layer's outputs. */
static void
head_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    const struct network *network = chunk.pass->network;
    struct workspace *w = chunk.pass->workspace;
    size_t h = network->config->hidden_size;
    size_t k = network->config->label_count;
    size_t rows = chunk.last - chunk.first;
    float *d_pooled = w->d_pooled + chunk.first * h;
    dense_backward(network, rows, h, k, w->logits + chunk.first * k, k,
                   network_tensor(network, TENSOR_CLASSIFIER_WEIGHT, 0), false, d_pooled);
    struct dropout site =
        site_of(chunk.pass, chunk.pass->classifier_dropout, RNG_CLASSIFIER_DROPOUT, 0);
    for (size_t row = chunk.first; row < chunk.last; row++)
        network->ops->dropout(&site, site_group(chunk.pass, row), h, w->d_pooled + row * h);
    network->ops->tanh_backward(rows * h, w->pooled + chunk.first * h, d_pooled);
    dense_backward(network, rows, h, h, d_pooled, h,
                   network_tensor(network, TENSOR_POOLER_WEIGHT, 0), false,
                   w->d_first + chunk.first * h);
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
        dense_weight_gradient(network, rows, h, from, to, w->d_pooled, h, w->first,
                              backward->gradients +
                                  tensor_offset(network->layout, TENSOR_POOLER_WEIGHT, 0));
        return;
    }
    float *pooler_bias =
        backward->gradients + tensor_offset(network->layout, TENSOR_POOLER_BIAS, 0);
    float *bias = backward->gradients + tensor_offset(network->layout, TENSOR_CLASSIFIER_BIAS, 0);
    memset(pooler_bias, 0, h * sizeof *pooler_bias);
    memset(bias, 0, k * sizeof *bias);
    for (size_t row = 0; row < rows; row++) {
        network->ops->add(h, w->d_pooled + row * h, pooler_bias);
        network->ops->add(k, w->logits + row * k, bias);
    }
    dense_weight_gradient(network, rows, h, 0, k, w->logits, k, w->dropped,
                          backward->gradients +
                              tensor_offset(network->layout, TENSOR_CLASSIFIER_WEIGHT, 0));
}

/* ---- one layer ------------------------------------------------------------------------------- */

static void
layer_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    const struct workspace *w = backward->pass->workspace;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    if (pass_stopped(backward->pass))
        return;
    if (w->shape.checkpointing && !w->layers[backward->layer].narrow)
        layer_forward(&chunk, backward->layer); /* the last layer's activations are still there */
    layer_backward(&chunk, backward->layer);
}

/* A weight gradient of a layer: dW (out,in) = dy^T x over n outputs or tokens. */
struct weight {
    size_t offset; /* among the gradients */
    size_t out, in, n;
    const float *dy; /* (n,out) */
    size_t dy_stride;
    const float *x; /* (n,in) */
};

enum { LAYER_WEIGHTS_MAX = 5 };

/* Fill the list; returns how many. */
static size_t
layer_weight_list(const struct backward *backward, struct weight list[LAYER_WEIGHTS_MAX])
{
    const struct network *network = backward->pass->network;
    const struct model_config *config = network->config;
    const struct workspace *w = backward->pass->workspace;
    const struct layer_activations *a = &w->layers[backward->layer];
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    size_t tokens = backward->pass->batch->tokens;
    size_t n = a->narrow ? backward->pass->batch->rows : tokens;
    size_t at[] = {tensor_offset(network->layout, TENSOR_OUTPUT_WEIGHT, backward->layer),
                   tensor_offset(network->layout, TENSOR_INTERMEDIATE_WEIGHT, backward->layer),
                   tensor_offset(network->layout, TENSOR_ATTENTION_OUTPUT_WEIGHT, backward->layer),
                   tensor_offset(network->layout, TENSOR_QUERY_WEIGHT, backward->layer)};
    list[0] = (struct weight){at[0], h, i, n, w->d_output, h, a->inner};
    list[1] = (struct weight){at[1], i, h, n, w->d_inner, i, a->attention_out};
    list[2] = (struct weight){at[2], h, h, n, w->d_attention, h, a->context};
    if (!a->narrow) {
        list[3] = (struct weight){at[3], 3 * h, h, n, w->d_qkv, 3 * h, a->input};
        return 4;
    }
    list[3] = (struct weight){at[3], h, h, n, w->d_query, h, a->residual};
    list[4] = (struct weight){at[3] + h * h, 2 * h, h, tokens, w->d_qkv + h, 3 * h, a->input};
    return 5;
}

static size_t
weight_blocks(size_t out)
{
    return (out + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
}

static size_t
layer_weight_items(const struct backward *backward)
{
    struct weight list[LAYER_WEIGHTS_MAX];
    size_t count = layer_weight_list(backward, list);
    size_t items = 1;
    for (size_t i = 0; i < count; i++)
        items += weight_blocks(list[i].out);
    return items;
}

/* Items: blocks of rows of each weight in turn; the last adds up the partial sums. */
static void
layer_weights(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    struct weight list[LAYER_WEIGHTS_MAX];
    if (pass_stopped(backward->pass))
        return;
    size_t count = layer_weight_list(backward, list);
    for (size_t i = 0; i < count; i++) {
        const struct weight *weight = &list[i];
        if (item < weight_blocks(weight->out)) {
            size_t from = item * WEIGHT_ROWS;
            size_t to = from + WEIGHT_ROWS < weight->out ? from + WEIGHT_ROWS : weight->out;
            dense_weight_gradient(backward->pass->network, weight->n, weight->in, from, to,
                                  weight->dy, weight->dy_stride, weight->x,
                                  backward->gradients + weight->offset);
            return;
        }
        item -= weight_blocks(weight->out);
    }
    partials_collect_layer(backward->pass, backward->layer, backward->gradients);
}

/* ---- embedding ------------------------------------------------------------------------------- */

static void
embedding_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    const struct network *network = chunk.pass->network;
    struct workspace *w = chunk.pass->workspace;
    size_t h = network->config->hidden_size;
    struct dropout site = site_of(chunk.pass, chunk.pass->hidden_dropout, RNG_EMBEDDING_DROPOUT, 0);
    partials_clear(&chunk);
    for (size_t t = chunk.from; t < chunk.to; t++) {
        float *d_x = w->d_x + t * h;
        network->ops->dropout(&site, site_group(chunk.pass, t), h, d_x);
        network->ops->norm_backward(h, w->embedding_sum + t * h, w->embedding_stats + 2 * t,
                                    network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0), d_x,
                                    partials_of(&chunk, TENSOR_EMBEDDING_NORM_WEIGHT),
                                    partials_of(&chunk, TENSOR_EMBEDDING_NORM_BIAS));
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
        partials_collect_embedding(backward->pass, backward->gradients);
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
