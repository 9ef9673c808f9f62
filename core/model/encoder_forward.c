/* The forward pass; see encoder.h. Its backward is the neighbouring file. */
#include "core/data/labels.h"
#include "core/model/dense.h"
#include "core/model/layer.h"

#include <string.h>

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
    dense_forward(network, rows, h, h, w->first + first * h,
                  network_tensor(network, TENSOR_POOLER_WEIGHT, 0),
                  network_tensor(network, TENSOR_POOLER_BIAS, 0), w->pooled + first * h, h);
    network->ops->tanh(rows * h, w->pooled + first * h);
    memcpy(w->dropped + first * h, w->pooled + first * h, rows * h * sizeof(float));
    struct dropout site =
        site_of(chunk->pass, chunk->pass->classifier_dropout, RNG_CLASSIFIER_DROPOUT, 0);
    for (size_t row = first; row < chunk->last; row++)
        network->ops->dropout(&site, site_group(chunk->pass, row), h, w->dropped + row * h);
    dense_forward(network, rows, h, k, w->dropped + first * h,
                  network_tensor(network, TENSOR_CLASSIFIER_WEIGHT, 0),
                  network_tensor(network, TENSOR_CLASSIFIER_BIAS, 0), w->logits + first * k, k);
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
        if (!w->shape.training) {
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
    struct chunk chunk = chunk_of(pass, item, thread);
    embed(&chunk);
    for (size_t layer = 0; layer < pass->network->config->layers; layer++) {
        if (pass_stopped(pass))
            return;
        layer_forward(&chunk, layer);
    }
    classify(&chunk);
    judge(&chunk);
}

void
encoder_forward(const struct pass *pass)
{
    pool_run(pass->pool, forward_chunk, (void *)(uintptr_t)pass, pass->batch->chunks);
}
