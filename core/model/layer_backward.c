/* One encoder layer backward; see layer.h. Its forward is the neighbouring file. */
#include "core/model/dense.h"
#include "core/model/layer.h"
#include "core/model/partials.h"

/* sum (N) += every one of the rows from..to of x (T,stride) */
static void
add_rows(const struct network *network, size_t from, size_t to, size_t n, size_t stride,
         const float *x, float *sum)
{
    for (size_t row = from; row < to; row++)
        network->ops->add(n, x + row * stride, sum);
}

/* The gradient by the layer's outputs, in place. */
static float *
d_outputs(const struct chunk *chunk, size_t layer)
{
    const struct workspace *w = chunk->pass->workspace;
    return layer_of(chunk, layer)->narrow ? w->d_first : w->d_x;
}

/*
 * Back through LayerNorm and dropout: the outputs' gradient becomes that by the sum (which is also
 * that of the residual), d_dense the gradient by the dense layer's output before dropout.
 */
static void
norm_block(const struct chunk *chunk, size_t layer, enum tensor_kind weight, enum tensor_kind bias,
           enum tensor_kind dense_bias, struct dropout site, const float *sum, const float *stats,
           float *d_dense)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    float *d_out = d_outputs(chunk, layer);
    float *d_weight = partials_of(chunk, weight);
    float *d_bias = partials_of(chunk, bias);
    float *d_dense_bias = partials_of(chunk, dense_bias);
    for (size_t o = outputs.from; o < outputs.to; o++)
        network->ops->residual_norm_backward(&site, output_group(chunk, layer, o), h, sum + o * h,
                                             stats + 2 * o, network_tensor(network, weight, layer),
                                             d_out + o * h, d_dense + o * h, d_weight, d_bias,
                                             d_dense_bias);
}

static void
feed_forward_block(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    const struct layer_activations *a = layer_of(chunk, layer);
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    size_t i = network->config->intermediate_size;
    size_t from = outputs.from;
    size_t n = outputs.to - from;
    norm_block(chunk, layer, TENSOR_OUTPUT_NORM_WEIGHT, TENSOR_OUTPUT_NORM_BIAS, TENSOR_OUTPUT_BIAS,
               site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_FFN_OUTPUT_DROPOUT, layer),
               a->output_sum, a->output_stats, w->d_output);
    dense_backward(network, n, i, h, w->d_output + from * h, h,
                   network_tensor(network, TENSOR_OUTPUT_WEIGHT, layer), false,
                   w->d_inner + from * i);
    float *d_bias = partials_of(chunk, TENSOR_INTERMEDIATE_BIAS);
    for (size_t o = from; o < outputs.to; o++)
        network->ops->activation_backward(network->config->activation, i, a->inner + o * i,
                                          w->d_inner + o * i, d_bias);
    dense_backward(network, n, h, i, w->d_inner + from * i, i,
                   network_tensor(network, TENSOR_INTERMEDIATE_WEIGHT, layer), true,
                   d_outputs(chunk, layer) + from * h);
}

static void
attend_backward(const struct chunk *chunk, size_t layer)
{
    const struct batch *batch = chunk->pass->batch;
    const struct workspace *w = chunk->pass->workspace;
    const struct layer_activations *a = layer_of(chunk, layer);
    struct attention attention = layer_attention(chunk, layer);
    size_t h = attention.hidden_size;
    for (size_t row = 0; row < chunk->last; row++) {
        size_t from = batch->offsets[row];
        size_t output = a->narrow ? row : from;
        const float *qkv = a->qkv + from * 3 * h;
        float *d_qkv = w->d_qkv + from * 3 * h;
        attention.length = batch->offsets[row + 1] - from;
        attention.queries = a->narrow ? 1 : attention.length;
        if (row >= chunk->first)
            attention_backward(&attention, a->narrow ? a->query + row * h : qkv, qkv,
                               w->d_context + output * h, chunk->scores,
                               a->narrow ? w->d_query + row * h : d_qkv, d_qkv);
        attention.group += attention_groups(attention.heads, attention.length);
    }
}

/* From d_qkv (and d_query) and the residual's gradient to that by the layer's input. */
static void
project_backward(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const struct workspace *w = chunk->pass->workspace;
    const float *weight = network_tensor(network, TENSOR_QUERY_WEIGHT, layer);
    float *d_bias = partials_of(chunk, TENSOR_QUERY_BIAS);
    size_t h = network->config->hidden_size;
    size_t n = chunk->to - chunk->from;
    const float *d_qkv = w->d_qkv + chunk->from * 3 * h;
    float *d_x = w->d_x + chunk->from * h;
    if (!layer_of(chunk, layer)->narrow) {
        add_rows(network, 0, n, 3 * h, 3 * h, d_qkv, d_bias);
        dense_backward(network, n, h, 3 * h, d_qkv, 3 * h, weight, true, d_x);
        return;
    }
    add_rows(network, chunk->first, chunk->last, h, h, w->d_query, d_bias);
    add_rows(network, 0, n, 2 * h, 3 * h, d_qkv + h, d_bias + h);
    dense_backward(network, n, h, 2 * h, d_qkv + h, 3 * h, weight + h * h, false, d_x);
    dense_backward(network, chunk->last - chunk->first, h, h, w->d_query + chunk->first * h, h,
                   weight, true, w->d_first + chunk->first * h);
    for (size_t row = chunk->first; row < chunk->last; row++)
        network->ops->add(h, w->d_first + row * h, w->d_x + batch->offsets[row] * h);
}

static void
attention_block(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    const struct layer_activations *a = layer_of(chunk, layer);
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    norm_block(
        chunk, layer, TENSOR_ATTENTION_NORM_WEIGHT, TENSOR_ATTENTION_NORM_BIAS,
        TENSOR_ATTENTION_OUTPUT_BIAS,
        site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_ATTENTION_OUTPUT_DROPOUT, layer),
        a->attention_sum, a->attention_stats, w->d_attention);
    dense_backward(network, outputs.to - outputs.from, h, h, w->d_attention + outputs.from * h, h,
                   network_tensor(network, TENSOR_ATTENTION_OUTPUT_WEIGHT, layer), false,
                   w->d_context + outputs.from * h);
    attend_backward(chunk, layer);
    project_backward(chunk, layer);
}

void
layer_backward(const struct chunk *chunk, size_t layer)
{
    partials_clear(chunk);
    feed_forward_block(chunk, layer);
    attention_block(chunk, layer);
}
