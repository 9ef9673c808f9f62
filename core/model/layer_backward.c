/* One encoder layer backward; see layer.h. Its forward is the neighbouring file. */
#include "core/model/dense.h"
#include "core/model/layer.h"
#include "core/model/partials.h"

/* sum (N) += every one of the rows of x (rows,stride) */
static void
add_rows(const struct network *network, size_t rows, size_t n, size_t stride, const float *x,
         float *sum)
{
    for (size_t row = 0; row < rows; row++)
        network->ops->add(n, x + row * stride, sum);
}

/* The gradient by the chunk's outputs of a layer, in place. */
static float *
d_outputs(const struct chunk *chunk, size_t layer)
{
    const struct workspace *w = chunk->pass->workspace;
    size_t h = chunk->pass->network->config->hidden_size;
    return layer_of(chunk, layer)->narrow ? w->d_first + chunk->first * h
                                          : w->d_x + chunk->from * h;
}

/*
 * Back through LayerNorm and dropout: the outputs' gradient becomes that by the sum (which is also
 * that of the residual), the sum becomes the gradient by the dense layer's output before dropout.
 */
static void
norm_block(const struct chunk *chunk, size_t layer, const struct layer_norm *norm, float *sum,
           const float *stats)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    struct dropout site = site_of(chunk->pass, chunk->pass->hidden_dropout, norm->site, layer);
    size_t h = network->config->hidden_size;
    float *d_out = d_outputs(chunk, layer);
    float *d_weight = partials_of(chunk, norm->weight);
    float *d_bias = partials_of(chunk, norm->bias);
    float *d_dense_bias = partials_of(chunk, norm->dense_bias);
    for (size_t o = 0; o < outputs.to - outputs.from; o++)
        network->ops->residual_norm_backward(&site, output_group(chunk, layer, outputs.from + o), h,
                                             sum + o * h, stats + 2 * o,
                                             network_tensor(network, norm->weight, layer),
                                             d_out + o * h, d_weight, d_bias, d_dense_bias);
}

static void
feed_forward_block(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    size_t i = network->config->intermediate_size;
    size_t n = outputs.to - outputs.from;
    norm_block(chunk, layer, &layer_output_norm, a->output_sum, a->output_stats);
    dense_backward(network, n, i, h, a->output_sum, h,
                   network_tensor(network, TENSOR_OUTPUT_WEIGHT, layer), false, a->activated);
    float *d_bias = partials_of(chunk, TENSOR_INTERMEDIATE_BIAS);
    for (size_t o = 0; o < n; o++)
        network->ops->activation_backward(network->config->activation, i, a->inner + o * i,
                                          a->activated + o * i, d_bias);
    layer_round(chunk, i, outputs, a->inner, a->half.inner);
    layer_round(chunk, i, outputs, a->activated, a->half.activated);
    dense_backward(network, n, h, i, a->activated, i,
                   network_tensor(network, TENSOR_INTERMEDIATE_WEIGHT, layer), true,
                   d_outputs(chunk, layer));
}

static void
attend_backward(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct batch *batch = chunk->pass->batch;
    struct attention attention = layer_attention(chunk, layer);
    size_t h = attention.hidden_size;
    layer_widen(chunk, 3 * h, a->half.qkv, a->qkv);
    for (size_t row = 0; row < chunk->last; row++) {
        attention.length = batch->offsets[row + 1] - batch->offsets[row];
        attention.queries = a->narrow ? 1 : attention.length;
        if (row >= chunk->first) {
            size_t from = batch->offsets[row] - chunk->from;
            size_t output = a->narrow ? row - chunk->first : from;
            attention_backward(&attention, a->query + output * attention.query_stride,
                               a->qkv + from * 3 * h, a->context + output * h, chunk->scores);
        }
        attention.group += attention_groups(attention.heads, attention.length);
    }
}

/* From the gradients of qkv (and query) and of the residual to that by the layer's input. */
static void
project_backward(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const struct workspace *w = chunk->pass->workspace;
    const float *weight = network_tensor(network, TENSOR_QUERY_WEIGHT, layer);
    float *d_bias = partials_of(chunk, TENSOR_QUERY_BIAS);
    size_t h = network->config->hidden_size;
    size_t n = chunk->to - chunk->from;
    size_t rows = chunk->last - chunk->first;
    float *d_x = w->d_x + chunk->from * h;
    if (!a->narrow) {
        add_rows(network, n, 3 * h, 3 * h, a->qkv, d_bias);
        dense_backward(network, n, h, 3 * h, a->qkv, 3 * h, weight, true, d_x);
        return;
    }
    add_rows(network, rows, h, h, a->query, d_bias);
    add_rows(network, n, 2 * h, 3 * h, a->qkv + h, d_bias + h);
    dense_backward(network, n, h, 2 * h, a->qkv + h, 3 * h, weight + h * h, false, d_x);
    dense_backward(network, rows, h, h, a->query, h, weight, true, d_outputs(chunk, layer));
    for (size_t row = chunk->first; row < chunk->last; row++)
        network->ops->add(h, w->d_first + row * h, w->d_x + batch->offsets[row] * h);
}

static void
attention_block(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    norm_block(chunk, layer, &layer_attention_norm, a->attention_sum, a->attention_stats);
    dense_backward(network, outputs.to - outputs.from, h, h, a->attention_sum, h,
                   network_tensor(network, TENSOR_ATTENTION_OUTPUT_WEIGHT, layer), false,
                   a->context);
    attend_backward(chunk, layer, a);
    project_backward(chunk, layer, a);
    layer_round(chunk, h, outputs, a->context, a->half.context);
    layer_round(chunk, 3 * h, tokens_of(chunk), a->qkv, a->half.qkv);
}

void
layer_backward(const struct chunk *chunk, size_t layer)
{
    struct layer_activations a = layer_view(chunk, layer);
    partials_clear(chunk);
    feed_forward_block(chunk, layer, &a);
    attention_block(chunk, layer, &a);
}
