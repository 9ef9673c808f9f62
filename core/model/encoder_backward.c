/*
 * The backward pass; see encoder.h. Its forward is the neighbouring file.
 *
 * Every phase is one pool_run. Chunks leave their share of the bias and LayerNorm gradients in
 * their own partial sums, which are added up in the order of the chunks.
 */
#include "core/model/dense.h"
#include "core/model/embedding.h"
#include "core/model/groups.h"
#include "core/model/layer.h"
#include "core/model/partials.h"

#include <string.h>

/* Output rows of a weight gradient that one item computes, columns of the embedding's scatter. */
enum { WEIGHT_ROWS = 192, SCATTER_COLUMNS = 64 };

struct backward {
    const struct pass *pass;
    float *gradients;
    bool first; /* gradients are written; else added to */
    size_t layer;
};

/* ---- weights --------------------------------------------------------------------------------- */

/* A weight gradient: dW (out,in) = dy^T x over n outputs or tokens. */
struct weight {
    size_t offset; /* among the gradients */
    size_t out, in, n;
    struct weight_operands operands;
};

static size_t
weight_blocks(size_t out)
{
    return (out + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
}

/* Its rows from `from` on, as many as an item computes. */
static void
weight_rows(const struct backward *backward, const struct weight *weight, size_t from)
{
    size_t to = from + WEIGHT_ROWS < weight->out ? from + WEIGHT_ROWS : weight->out;
    dense_weight_gradient(backward->pass->network, weight->n, weight->in, from, to,
                          &weight->operands, !backward->first,
                          backward->gradients + weight->offset);
}

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
        network->ops->dropout(&site, row_group(chunk.pass, row), h, w->d_pooled + row * h);
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
        size_t at = tensor_offset(network->layout, TENSOR_POOLER_WEIGHT, 0);
        weight_rows(
            backward,
            &(struct weight){at, h, h, rows, {.dy = w->d_pooled, .dy_stride = h, .x = w->first}},
            from);
        return;
    }
    float *pooler_bias =
        backward->gradients + tensor_offset(network->layout, TENSOR_POOLER_BIAS, 0);
    float *bias = backward->gradients + tensor_offset(network->layout, TENSOR_CLASSIFIER_BIAS, 0);
    if (backward->first) {
        memset(pooler_bias, 0, h * sizeof *pooler_bias);
        memset(bias, 0, k * sizeof *bias);
    }
    for (size_t row = 0; row < rows; row++) {
        network->ops->add(h, w->d_pooled + row * h, pooler_bias);
        network->ops->add(k, w->logits + row * k, bias);
    }
    size_t at = tensor_offset(network->layout, TENSOR_CLASSIFIER_WEIGHT, 0);
    for (from = 0; from < k; from += WEIGHT_ROWS)
        weight_rows(
            backward,
            &(struct weight){at, k, h, rows, {.dy = w->logits, .dy_stride = k, .x = w->dropped}},
            from);
}

/* ---- one layer ------------------------------------------------------------------------------- */

static void
layer_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    if (pass_stopped(backward->pass))
        return;
    layer_restore(&chunk, backward->layer);
    layer_backward(&chunk, backward->layer);
}

enum { LAYER_WEIGHTS_MAX = 5 };

/* Fill the list; returns how many. */
static size_t
layer_weight_list(const struct backward *backward, struct weight list[LAYER_WEIGHTS_MAX])
{
    const struct network *network = backward->pass->network;
    const struct model_config *config = network->config;
    const struct layer_activations *a = &backward->pass->workspace->layers[backward->layer];
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    size_t tokens = backward->pass->batch->tokens;
    size_t n = a->narrow ? backward->pass->batch->rows : tokens;
    size_t at[] = {tensor_offset(network->layout, TENSOR_OUTPUT_WEIGHT, backward->layer),
                   tensor_offset(network->layout, TENSOR_INTERMEDIATE_WEIGHT, backward->layer),
                   tensor_offset(network->layout, TENSOR_ATTENTION_OUTPUT_WEIGHT, backward->layer),
                   tensor_offset(network->layout, TENSOR_QUERY_WEIGHT, backward->layer)};
    struct layer_halves half = a->half;
    struct weight_operands output = {a->output_sum, NULL, h, a->inner, half.inner};
    struct weight_operands inner = {a->activated, half.activated, i, a->attention_out,
                                    half.attention_out};
    struct weight_operands attention = {a->attention_sum, NULL, h, a->context, half.context};
    struct weight_operands qkv = {a->qkv, half.qkv, 3 * h, a->input, half.input};
    list[0] = (struct weight){at[0], h, i, n, output};
    list[1] = (struct weight){at[1], i, h, n, inner};
    list[2] = (struct weight){at[2], h, h, n, attention};
    list[3] = (struct weight){at[3], 3 * h, h, n, qkv};
    if (!a->narrow)
        return 4;
    struct weight_operands key_value = {a->qkv == NULL ? NULL : a->qkv + h,
                                        half.qkv == NULL ? NULL : half.qkv + h, 3 * h, a->input,
                                        half.input};
    list[3] = (struct weight){at[3], h, h, n, {.dy = a->query, .dy_stride = h, .x = a->residual}};
    list[4] = (struct weight){at[3] + h * h, 2 * h, h, tokens, key_value};
    return 5;
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
            weight_rows(backward, weight, item * WEIGHT_ROWS);
            return;
        }
        item -= weight_blocks(weight->out);
    }
    partials_collect_layer(backward->pass, backward->layer, !backward->first, backward->gradients);
}

/* ---- embedding ------------------------------------------------------------------------------- */

static void
embedding_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    partials_clear(&chunk);
    struct layer_activations first = layer_view(&chunk, 0);
    embedding_backward(&chunk, first.input);
}

/* Items: ranges of columns; the last adds up the partial sums. */
static void
embedding_columns(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    size_t h = backward->pass->network->config->hidden_size;
    size_t from = item * SCATTER_COLUMNS;
    if (from < h)
        embedding_scatter(backward->pass, from,
                          h - from < SCATTER_COLUMNS ? h - from : SCATTER_COLUMNS, backward->first,
                          backward->gradients);
    else
        partials_collect_embedding(backward->pass, !backward->first, backward->gradients);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void
run_backward(struct backward *backward)
{
    const struct pass *pass = backward->pass;
    const struct model_config *config = pass->network->config;
    size_t h = config->hidden_size;
    pool_run(pass->pool, head_chunk, backward, pass->batch->chunks);
    pool_run(pass->pool, head_weights, backward, weight_blocks(h) + 1);
    for (size_t layer = config->layers; layer-- > 0;) {
        backward->layer = layer;
        pool_run(pass->pool, layer_chunk, backward, pass->batch->chunks);
        pool_run(pass->pool, layer_weights, backward, layer_weight_items(backward));
    }
    pool_run(pass->pool, embedding_chunk, backward, pass->batch->chunks);
    pool_run(pass->pool, embedding_columns, backward,
             (h + SCATTER_COLUMNS - 1) / SCATTER_COLUMNS + 1);
}

void
encoder_backward(const struct pass *pass, float *gradients)
{
    run_backward(&(struct backward){.pass = pass, .gradients = gradients, .first = true});
}

void
encoder_step(const struct pass *pass, float *gradients)
{
    size_t chunks = pass->batch->chunks;
    for (size_t first = 0, last; first < chunks && !pass_stopped(pass); first = last) {
        struct batch batch;
        struct pass part;
        last = groups_end(pass->batch, first, pass->workspace->group_tokens);
        groups_part(pass, first, last, &batch, &part);
        encoder_forward(&part);
        run_backward(
            &(struct backward){.pass = &part, .gradients = gradients, .first = first == 0});
    }
}
