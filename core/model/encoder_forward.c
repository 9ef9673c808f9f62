/* The forward pass; see encoder.h. Its backward is the neighbouring file. */
#include "core/data/labels.h"
#include "core/model/dense.h"
#include "core/model/pass.h"
#include "core/ops/attention.h"

#include <string.h>

/* A chunk on its way: tokens from..to, rows first..last of the batch. */
struct chunk {
    const struct pass *pass;
    size_t from, to;
    size_t first, last;
    float *scores; /* the thread's scratch */
};

static void
embed(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    const float *words = network_tensor(network, TENSOR_WORD_EMBEDDING, 0);
    const float *positions = network_tensor(network, TENSOR_POSITION_EMBEDDING, 0);
    const float *types = network_tensor(network, TENSOR_TYPE_EMBEDDING, 0);
    struct dropout site =
        site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_EMBEDDING_DROPOUT, 0);
    for (size_t row = chunk->first; row < chunk->last; row++) {
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            float *sum = w->embedding_sum + t * h;
            float *out = w->layers[0].input + t * h;
            network->ops->add_three(h, words + (size_t)batch->ids[t] * h,
                                    types + (size_t)batch->types[t] * h,
                                    positions + (t - batch->offsets[row]) * h, sum);
            network->ops->norm(h, (float)network->config->layer_norm_eps, sum,
                               network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0),
                               network_tensor(network, TENSOR_EMBEDDING_NORM_BIAS, 0), out,
                               w->embedding_stats + 2 * t);
            network->ops->dropout(&site, site_group(chunk->pass, t), h, out);
        }
    }
}

static void
attend(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const struct layer_activations *a = &chunk->pass->workspace->layers[layer];
    size_t h = network->config->hidden_size;
    struct attention attention = {
        .engine = network->engine,
        .ops = network->ops,
        .heads = network->config->heads,
        .hidden_size = h,
        .dropout =
            site_of(chunk->pass, chunk->pass->attention_dropout, RNG_ATTENTION_DROPOUT, layer),
    };
    for (size_t row = 0; row < chunk->last; row++) {
        attention.length = batch->offsets[row + 1] - batch->offsets[row];
        if (row >= chunk->first)
            attention_forward(&attention, a->qkv + batch->offsets[row] * 3 * h, chunk->scores,
                              a->context + batch->offsets[row] * h);
        attention.group += attention_groups(attention.heads, attention.length);
    }
}

/* sum = dropout(sum) + residual, out = LayerNorm(sum), for every token of the chunk. */
static void
add_and_norm(const struct chunk *chunk, struct dropout site, enum tensor_kind weight,
             enum tensor_kind bias, size_t layer, const float *residual, float *sum, float *out,
             float *stats)
{
    const struct network *network = chunk->pass->network;
    size_t h = network->config->hidden_size;
    for (size_t t = chunk->from; t < chunk->to; t++)
        network->ops->residual_norm(
            &site, site_group(chunk->pass, t), h, (float)network->config->layer_norm_eps,
            residual + t * h, network_tensor(network, weight, layer),
            network_tensor(network, bias, layer), sum + t * h, out + t * h, stats + 2 * t);
}

static void
attention_block(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    const struct layer_activations *a = &chunk->pass->workspace->layers[layer];
    size_t h = network->config->hidden_size;
    size_t from = chunk->from;
    size_t n = chunk->to - from;
    dense_forward(network, n, h, 3 * h, a->input + from * h,
                  network_tensor(network, TENSOR_QUERY_WEIGHT, layer),
                  network_tensor(network, TENSOR_QUERY_BIAS, layer), a->qkv + from * 3 * h);
    attend(chunk, layer);
    dense_forward(network, n, h, h, a->context + from * h,
                  network_tensor(network, TENSOR_ATTENTION_OUTPUT_WEIGHT, layer),
                  network_tensor(network, TENSOR_ATTENTION_OUTPUT_BIAS, layer),
                  a->attention_sum + from * h);
    add_and_norm(
        chunk,
        site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_ATTENTION_OUTPUT_DROPOUT, layer),
        TENSOR_ATTENTION_NORM_WEIGHT, TENSOR_ATTENTION_NORM_BIAS, layer, a->input, a->attention_sum,
        a->attention_out, a->attention_stats);
}

static void
feed_forward_block(const struct chunk *chunk, size_t layer)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    const struct layer_activations *a = &w->layers[layer];
    size_t h = network->config->hidden_size;
    size_t i = network->config->intermediate_size;
    size_t from = chunk->from;
    size_t n = chunk->to - from;
    /* Training keeps the inputs of the activation; its outputs pass through a gradient's place. */
    float *activated = (w->training ? w->d_inner : a->inner) + from * i;
    dense_forward(network, n, h, i, a->attention_out + from * h,
                  network_tensor(network, TENSOR_INTERMEDIATE_WEIGHT, layer),
                  network_tensor(network, TENSOR_INTERMEDIATE_BIAS, layer), a->inner + from * i);
    if (w->training)
        memcpy(activated, a->inner + from * i, n * i * sizeof *activated);
    network->ops->activation(network->config->activation, n * i, activated);
    dense_forward(network, n, i, h, activated, network_tensor(network, TENSOR_OUTPUT_WEIGHT, layer),
                  network_tensor(network, TENSOR_OUTPUT_BIAS, layer), a->output_sum + from * h);
    add_and_norm(chunk,
                 site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_FFN_OUTPUT_DROPOUT, layer),
                 TENSOR_OUTPUT_NORM_WEIGHT, TENSOR_OUTPUT_NORM_BIAS, layer, a->attention_out,
                 a->output_sum, w->layers[layer + 1].input, a->output_stats);
}

/* Pooler and classifier: logits of the chunk's rows. */
static void
classify(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    size_t k = network->config->label_count;
    size_t first = chunk->first;
    size_t rows = chunk->last - first;
    const float *outputs = w->layers[network->config->layers].input;
    for (size_t row = first; row < chunk->last; row++)
        memcpy(w->first + row * h, outputs + chunk->pass->batch->offsets[row] * h,
               h * sizeof(float));
    dense_forward(network, rows, h, h, w->first + first * h,
                  network_tensor(network, TENSOR_POOLER_WEIGHT, 0),
                  network_tensor(network, TENSOR_POOLER_BIAS, 0), w->pooled + first * h);
    network->ops->tanh(rows * h, w->pooled + first * h);
    memcpy(w->dropped + first * h, w->pooled + first * h, rows * h * sizeof(float));
    struct dropout site =
        site_of(chunk->pass, chunk->pass->classifier_dropout, RNG_CLASSIFIER_DROPOUT, 0);
    for (size_t row = first; row < chunk->last; row++)
        network->ops->dropout(&site, site_group(chunk->pass, row), h, w->dropped + row * h);
    dense_forward(network, rows, h, k, w->dropped + first * h,
                  network_tensor(network, TENSOR_CLASSIFIER_WEIGHT, 0),
                  network_tensor(network, TENSOR_CLASSIFIER_BIAS, 0), w->logits + first * k);
}

/* Loss and prediction of each row; in training the logits become their gradient. */
static void
judge(const struct chunk *chunk)
{
    const struct network *network = chunk->pass->network;
    struct workspace *w = chunk->pass->workspace;
    size_t k = network->config->label_count;
    float factor = 1.0f / (float)chunk->pass->batch->rows;
    float spare[CONFIG_MAX_LABELS];
    for (size_t row = chunk->first; row < chunk->last; row++) {
        uint32_t label = chunk->pass->batch->labels[row];
        float *logits = w->logits + row * k;
        if (!w->training) {
            memcpy(spare, logits, k * sizeof *spare);
            logits = spare;
        }
        w->losses[row] = network->ops->cross_entropy(k, label == LABEL_NONE ? 0 : label, factor,
                                                     logits, &w->best[row]);
        if (label == LABEL_NONE)
            w->losses[row] = 0;
    }
}

static void
forward_chunk(void *context, size_t item, size_t thread)
{
    const struct pass *pass = context;
    const struct batch *batch = pass->batch;
    struct workspace *w = pass->workspace;
    struct chunk chunk = {
        .pass = pass, .first = batch->chunk_rows[item], .last = batch->chunk_rows[item + 1]};
    chunk.from = batch->offsets[chunk.first];
    chunk.to = batch->offsets[chunk.last];
    chunk.scores = w->scores + thread * (w->training ? 3 : 1) * w->longest * w->longest;
    embed(&chunk);
    for (size_t layer = 0; layer < pass->network->config->layers; layer++) {
        if (pass_stopped(pass))
            return;
        attention_block(&chunk, layer);
        feed_forward_block(&chunk, layer);
    }
    classify(&chunk);
    judge(&chunk);
}

void
encoder_forward(const struct pass *pass)
{
    pool_run(pass->pool, forward_chunk, (void *)(uintptr_t)pass, pass->batch->chunks);
}
