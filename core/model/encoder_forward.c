/* The forward pass; see encoder.h. Its backward is the neighbouring file. */
#include "core/data/labels.h"
#include "core/model/dense.h"
#include "core/model/embedding.h"
#include "core/model/layer.h"

#include <assert.h>
#include <string.h>

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
        network->ops->dropout(&site, row_group(chunk->pass, row), h, w->dropped + row * h);
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
    const struct pass_before *before = &chunk->pass->before;
    float factor =
        1.0f / (float)(before->all_rows > 0 ? before->all_rows : chunk->pass->batch->rows);
    float spare[CONFIG_MAX_LABELS];
    for (size_t row = chunk->first; row < chunk->last; row++) {
        uint32_t label = chunk->pass->batch->labels[row];
        float *logits = w->logits + row * k;
        if (!w->shape.training) {
            memcpy(spare, logits, k * sizeof *spare);
            logits = spare;
        }
        double loss = network->ops->cross_entropy(k, label == LABEL_NONE ? 0 : label, factor,
                                                  logits, &w->best[before->rows + row]);
        w->losses[before->rows + row] = label == LABEL_NONE ? 0 : loss;
    }
}

static void
forward_chunk(void *context, size_t item, size_t thread)
{
    const struct pass *pass = context;
    struct chunk chunk = chunk_of(pass, item, thread);
    struct layer_activations first_layer = layer_view(&chunk, 0);
    embedding_forward(&chunk, first_layer.input);
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
    assert(pass->batch->tokens <= pass->workspace->group_tokens);
    pool_run(pass->pool, forward_chunk, (void *)(uintptr_t)pass, pass->batch->chunks);
}
