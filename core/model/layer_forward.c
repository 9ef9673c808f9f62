/* One encoder layer forward; see layer.h. Its backward is the neighbouring file. */
#include "core/model/dense.h"
#include "core/model/layer.h"

#include <string.h>

struct attention
layer_attention(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    size_t h = network->config->hidden_size;
    return (struct attention){
        .engine = network->engine,
        .ops = network->ops,
        .heads = network->config->heads,
        .hidden_size = h,
        .query_stride = layer_of(chunk, layer)->narrow ? h : 3 * h,
        .dropout =
            site_of(chunk->pass, chunk->pass->attention_dropout, RNG_ATTENTION_DROPOUT, layer),
    };
}

/* Query, key and value of the chunk; a narrow layer asks for its rows' first tokens alone. */
static void
project(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const struct layer_activations *a = layer_of(chunk, layer);
    const float *weight = network_tensor(network, TENSOR_QUERY_WEIGHT, layer);
    const float *bias = network_tensor(network, TENSOR_QUERY_BIAS, layer);
    size_t h = network->config->hidden_size;
    size_t n = chunk->to - chunk->from;
    const float *input = a->input + chunk->from * h;
    float *qkv = a->qkv + chunk->from * 3 * h;
    if (!a->narrow) {
        dense_forward(network, n, h, 3 * h, input, weight, bias, qkv, 3 * h);
        return;
    }
    for (size_t row = chunk->first; row < chunk->last; row++)
        memcpy(a->residual + row * h, a->input + batch->offsets[row] * h, h * sizeof(float));
    dense_forward(network, chunk->last - chunk->first, h, h, a->residual + chunk->first * h, weight,
                  bias, a->query + chunk->first * h, h);
    dense_forward(network, n, h, 2 * h, input, weight + h * h, bias + h, qkv + h, 3 * h);
}

static void
attend(const struct chunk *chunk, size_t layer)
{
    const struct batch *batch = chunk->pass->batch;
    const struct layer_activations *a = layer_of(chunk, layer);
    struct attention attention = layer_attention(chunk, layer);
    size_t h = attention.hidden_size;
    for (size_t row = 0; row < chunk->last; row++) {
        size_t from = batch->offsets[row];
        const float *qkv = a->qkv + from * 3 * h;
        attention.length = batch->offsets[row + 1] - from;
        attention.queries = a->narrow ? 1 : attention.length;
        if (row >= chunk->first)
            attention_forward(&attention, a->narrow ? a->query + row * h : qkv, qkv, chunk->scores,
                              a->context + (a->narrow ? row : from) * h);
        attention.group += attention_groups(attention.heads, attention.length);
    }
}

/* sum = dropout(sum) + residual, out = LayerNorm(sum), for every output of the chunk. */
static void
add_and_norm(const struct chunk *chunk, struct dropout site, enum tensor_kind weight,
             enum tensor_kind bias, size_t layer, const float *residual, float *sum, float *out,
             float *stats)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    for (size_t o = outputs.from; o < outputs.to; o++)
        network->ops->residual_norm(
            &site, output_group(chunk, layer, o), h, (float)network->config->layer_norm_eps,
            residual + o * h, network_tensor(network, weight, layer),
            network_tensor(network, bias, layer), sum + o * h, out + o * h, stats + 2 * o);
}

static void
attention_block(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    const struct layer_activations *a = layer_of(chunk, layer);
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    project(chunk, layer);
    attend(chunk, layer);
    dense_forward(network, outputs.to - outputs.from, h, h, a->context + outputs.from * h,
                  network_tensor(network, TENSOR_ATTENTION_OUTPUT_WEIGHT, layer),
                  network_tensor(network, TENSOR_ATTENTION_OUTPUT_BIAS, layer),
                  a->attention_sum + outputs.from * h, h);
    add_and_norm(
        chunk,
        site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_ATTENTION_OUTPUT_DROPOUT, layer),
        TENSOR_ATTENTION_NORM_WEIGHT, TENSOR_ATTENTION_NORM_BIAS, layer, a->residual,
        a->attention_sum, a->attention_out, a->attention_stats);
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
    float *next = a->narrow ? w->first : w->layers[layer + 1].input;
    dense_forward(network, n, h, i, a->attention_out + from * h,
                  network_tensor(network, TENSOR_INTERMEDIATE_WEIGHT, layer),
                  network_tensor(network, TENSOR_INTERMEDIATE_BIAS, layer), a->inner + from * i, i);
    network->ops->activation(network->config->activation, n * i, a->inner + from * i,
                             a->activated + from * i);
    dense_forward(network, n, i, h, a->activated + from * i,
                  network_tensor(network, TENSOR_OUTPUT_WEIGHT, layer),
                  network_tensor(network, TENSOR_OUTPUT_BIAS, layer), a->output_sum + from * h, h);
    add_and_norm(chunk,
                 site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_FFN_OUTPUT_DROPOUT, layer),
                 TENSOR_OUTPUT_NORM_WEIGHT, TENSOR_OUTPUT_NORM_BIAS, layer, a->attention_out,
                 a->output_sum, next, a->output_stats);
}

void
layer_forward(const struct chunk *chunk, size_t layer)
{
    attention_block(chunk, layer);
    feed_forward_block(chunk, layer);
}
