/* One encoder layer forward; see layer.h. Its backward is the neighbouring file. */
#include "core/model/dense.h"
#include "core/model/embedding.h"
#include "core/model/layer.h"

#include <assert.h>
#include <string.h>

const struct layer_norm layer_attention_norm = {
    TENSOR_ATTENTION_NORM_WEIGHT, TENSOR_ATTENTION_NORM_BIAS, TENSOR_ATTENTION_OUTPUT_BIAS,
    RNG_ATTENTION_OUTPUT_DROPOUT};

const struct layer_norm layer_output_norm = {TENSOR_OUTPUT_NORM_WEIGHT, TENSOR_OUTPUT_NORM_BIAS,
                                             TENSOR_OUTPUT_BIAS, RNG_FFN_OUTPUT_DROPOUT};

/* ---- where a layer's numbers are ------------------------------------------------------------- */

struct layer_activations
layer_view(const struct chunk *chunk, size_t layer)
{
    const struct workspace *w = chunk->pass->workspace;
    struct layer_activations a = w->layers[layer];
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = chunk->pass->network->config->hidden_size;
    size_t i = chunk->pass->network->config->intermediate_size;
    size_t n = chunk->to - chunk->from;
    size_t o = outputs.from;
    bool rounded = w->shape.bf16;
    bool rounded_outputs = rounded && !a.narrow;
    float *part = chunk->scratch + n * 2 * h; /* of attention or of what is behind it */
    assert(!rounded || n <= w->scratch_tokens);
    a.input = rounded ? chunk->scratch : a.input + chunk->from * h;
    a.qkv = rounded ? part : a.qkv + chunk->from * 3 * h;
    a.context = rounded_outputs ? part + n * 3 * h : a.context + o * h;
    a.attention_out = rounded_outputs ? chunk->scratch + n * h : a.attention_out + o * h;
    a.inner = rounded_outputs ? part : a.inner + o * i;
    a.activated = rounded_outputs ? part + n * i : a.activated + o * i;
    a.query = a.narrow ? a.query + o * h : a.qkv;
    a.residual = a.narrow ? a.residual + o * h : a.input;
    a.attention_sum += o * h;
    a.attention_stats += 2 * o;
    a.output_sum += o * h;
    a.output_stats += 2 * o;
    return a;
}

void
layer_round(const struct chunk *chunk, size_t columns, struct outputs range, float *x,
            uint16_t *half)
{
    if (half != NULL)
        chunk->pass->network->ops->round_bf16((range.to - range.from) * columns, x,
                                              half + range.from * columns);
}

void
layer_widen(const struct chunk *chunk, size_t columns, const uint16_t *half, float *x)
{
    if (half != NULL)
        chunk->pass->network->ops->widen_bf16((chunk->to - chunk->from) * columns,
                                              half + chunk->from * columns, x);
}

/* ---- attention ------------------------------------------------------------------------------- */

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
        .group = chunk->pass->before.attention_groups,
    };
}

/* Query, key and value of the chunk; a narrow layer asks for its rows' first tokens alone. */
static void
project(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const float *weight = network_tensor(network, TENSOR_QUERY_WEIGHT, layer);
    const float *bias = network_tensor(network, TENSOR_QUERY_BIAS, layer);
    size_t h = network->config->hidden_size;
    size_t n = chunk->to - chunk->from;
    size_t rows = chunk->last - chunk->first;
    if (!a->narrow) {
        dense_forward(network, n, h, 3 * h, a->input, weight, bias, a->qkv, 3 * h);
    } else {
        for (size_t row = 0; row < rows; row++)
            memcpy(a->residual + row * h,
                   a->input + (batch->offsets[chunk->first + row] - chunk->from) * h,
                   h * sizeof(float));
        dense_forward(network, rows, h, h, a->residual, weight, bias, a->query, h);
        dense_forward(network, n, h, 2 * h, a->input, weight + h * h, bias + h, a->qkv + h, 3 * h);
    }
    layer_round(chunk, 3 * h, tokens_of(chunk), a->qkv, a->half.qkv);
}

static void
attend(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct batch *batch = chunk->pass->batch;
    struct attention attention = layer_attention(chunk, layer);
    size_t h = attention.hidden_size;
    for (size_t row = 0; row < chunk->last; row++) {
        attention.length = batch->offsets[row + 1] - batch->offsets[row];
        attention.queries = a->narrow ? 1 : attention.length;
        if (row >= chunk->first) {
            size_t from = batch->offsets[row] - chunk->from;
            size_t output = a->narrow ? row - chunk->first : from;
            attention_forward(&attention, a->query + output * attention.query_stride,
                              a->qkv + from * 3 * h, chunk->scores, a->context + output * h);
        }
        attention.group += attention_groups(attention.heads, attention.length);
    }
}

/* sum = dropout(sum) + residual, out = LayerNorm(sum), for every output of the chunk. */
static void
add_and_norm(const struct chunk *chunk, size_t layer, const struct layer_norm *norm,
             const float *residual, float *sum, float *stats, float *out)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    struct dropout site = site_of(chunk->pass, chunk->pass->hidden_dropout, norm->site, layer);
    size_t h = network->config->hidden_size;
    for (size_t o = 0; o < outputs.to - outputs.from; o++)
        network->ops->residual_norm(&site, output_group(chunk, layer, outputs.from + o), h,
                                    (float)network->config->layer_norm_eps, residual + o * h,
                                    network_tensor(network, norm->weight, layer),
                                    network_tensor(network, norm->bias, layer), sum + o * h,
                                    out + o * h, stats + 2 * o);
}

static void
attention_block(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    project(chunk, layer, a);
    attend(chunk, layer, a);
    dense_forward(network, outputs.to - outputs.from, h, h, a->context,
                  network_tensor(network, TENSOR_ATTENTION_OUTPUT_WEIGHT, layer),
                  network_tensor(network, TENSOR_ATTENTION_OUTPUT_BIAS, layer), a->attention_sum,
                  h);
    add_and_norm(chunk, layer, &layer_attention_norm, a->residual, a->attention_sum,
                 a->attention_stats, a->attention_out);
}

/* ---- feed forward ---------------------------------------------------------------------------- */

/* The first half of the block, before its activation. */
static void
expand(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    size_t i = network->config->intermediate_size;
    dense_forward(network, outputs.to - outputs.from, h, i, a->attention_out,
                  network_tensor(network, TENSOR_INTERMEDIATE_WEIGHT, layer),
                  network_tensor(network, TENSOR_INTERMEDIATE_BIAS, layer), a->inner, i);
    layer_round(chunk, i, outputs, a->inner, a->half.inner);
}

static void
contract(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    const struct network *network = chunk->pass->network;
    struct outputs outputs = outputs_of(chunk, layer);
    size_t h = network->config->hidden_size;
    size_t i = network->config->intermediate_size;
    size_t n = outputs.to - outputs.from;
    network->ops->activation(network->config->activation, n * i, a->inner, a->activated);
    dense_forward(network, n, i, h, a->activated,
                  network_tensor(network, TENSOR_OUTPUT_WEIGHT, layer),
                  network_tensor(network, TENSOR_OUTPUT_BIAS, layer), a->output_sum, h);
    add_and_norm(chunk, layer, &layer_output_norm, a->attention_out, a->output_sum, a->output_stats,
                 a->narrow ? chunk->pass->workspace->first + chunk->first * h : a->input);
}

void
layer_forward(const struct chunk *chunk, size_t layer)
{
    struct layer_activations a = layer_view(chunk, layer);
    attention_block(chunk, layer, &a);
    expand(chunk, layer, &a);
    contract(chunk, layer, &a);
}

/* ---- again ----------------------------------------------------------------------------------- */

/* out = LayerNorm(sum) of the chunk's tokens, whose statistics are known. */
static void
norm_again(const struct chunk *chunk, size_t layer, const struct layer_norm *norm, const float *sum,
           const float *stats, float *out)
{
    const struct network *network = chunk->pass->network;
    size_t h = network->config->hidden_size;
    for (size_t t = 0; t < chunk->to - chunk->from; t++)
        network->ops->norm_again(h, sum + t * h, stats + 2 * t,
                                 network_tensor(network, norm->weight, layer),
                                 network_tensor(network, norm->bias, layer), out + t * h);
}

static void
restore_input(const struct chunk *chunk, size_t layer, const struct layer_activations *a)
{
    if (layer == 0) {
        embedding_forward(chunk, a->input);
        return;
    }
    struct layer_activations below = layer_view(chunk, layer - 1);
    norm_again(chunk, layer - 1, &layer_output_norm, below.output_sum, below.output_stats,
               a->input);
}

/* A narrow layer keeps all of its outputs. */
void
layer_restore(const struct chunk *chunk, size_t layer)
{
    size_t h = chunk->pass->network->config->hidden_size;
    size_t i = chunk->pass->network->config->intermediate_size;
    struct layer_activations a = layer_view(chunk, layer);
    restore_input(chunk, layer, &a);
    if (chunk->pass->workspace->shape.checkpointing && !a.narrow) {
        attention_block(chunk, layer, &a);
        expand(chunk, layer, &a);
    } else if (!a.narrow) {
        norm_again(chunk, layer, &layer_attention_norm, a.attention_sum, a.attention_stats,
                   a.attention_out);
        layer_widen(chunk, i, a.half.inner, a.inner);
    }
    layer_round(chunk, h, tokens_of(chunk), a.input, a.half.input);
    layer_round(chunk, h, tokens_of(chunk), a.attention_out, a.half.attention_out);
}
