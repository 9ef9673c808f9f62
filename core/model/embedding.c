/* The embedding forward and backward; see embedding.h. */
#include "core/model/embedding.h"

#include "core/model/partials.h"

#include <string.h>

/* sum (H) of a row's token t */
static void
add_up(const struct chunk *chunk, size_t row, size_t t, float *sum)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    size_t h = network->config->hidden_size;
    network->ops->add_three(
        h, network_tensor(network, TENSOR_WORD_EMBEDDING, 0) + (size_t)batch->ids[t] * h,
        network_tensor(network, TENSOR_TYPE_EMBEDDING, 0) + (size_t)batch->types[t] * h,
        network_tensor(network, TENSOR_POSITION_EMBEDDING, 0) + (t - batch->offsets[row]) * h, sum);
}

static struct dropout
site_of_embedding(const struct chunk *chunk)
{
    return site_of(chunk->pass, chunk->pass->hidden_dropout, RNG_EMBEDDING_DROPOUT, 0);
}

void
embedding_forward(const struct chunk *chunk, float *input)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    size_t h = network->config->hidden_size;
    struct dropout site = site_of_embedding(chunk);
    for (size_t row = chunk->first; row < chunk->last; row++) {
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            float *x = input + (t - chunk->from) * h;
            add_up(chunk, row, t, x);
            network->ops->norm(h, (float)network->config->layer_norm_eps, x,
                               network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0),
                               network_tensor(network, TENSOR_EMBEDDING_NORM_BIAS, 0), x,
                               chunk->pass->workspace->embedding_stats + 2 * t);
            network->ops->dropout(&site, token_group(chunk->pass, t), h, x);
        }
    }
}

void
embedding_backward(const struct chunk *chunk, float *scratch)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    const struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    struct dropout site = site_of_embedding(chunk);
    for (size_t row = chunk->first; row < chunk->last; row++) {
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            float *d_x = w->d_x + t * h;
            add_up(chunk, row, t, scratch);
            network->ops->dropout(&site, token_group(chunk->pass, t), h, d_x);
            network->ops->norm_backward(h, scratch, w->embedding_stats + 2 * t,
                                        network_tensor(network, TENSOR_EMBEDDING_NORM_WEIGHT, 0),
                                        d_x, partials_of(chunk, TENSOR_EMBEDDING_NORM_WEIGHT),
                                        partials_of(chunk, TENSOR_EMBEDDING_NORM_BIAS));
        }
    }
}

/* Zero columns from..from+n of a whole (rows,H) gradient. */
static void
zero_columns(float *gradient, size_t rows, size_t h, size_t from, size_t n)
{
    for (size_t row = 0; row < rows; row++)
        memset(gradient + row * h + from, 0, n * sizeof *gradient);
}

void
embedding_scatter(const struct pass *pass, size_t from, size_t n, bool first, float *gradients)
{
    const struct network *network = pass->network;
    const struct model_config *config = network->config;
    const struct batch *batch = pass->batch;
    size_t h = config->hidden_size;
    float *words = gradients + tensor_offset(network->layout, TENSOR_WORD_EMBEDDING, 0) + from;
    float *positions = gradients + tensor_offset(network->layout, TENSOR_POSITION_EMBEDDING, 0);
    float *types = gradients + tensor_offset(network->layout, TENSOR_TYPE_EMBEDDING, 0);
    if (first) {
        zero_columns(positions, config->max_positions, h, from, n);
        zero_columns(types, config->type_vocab_size, h, from, n);
    }
    for (size_t row = 0; row < batch->rows; row++) {
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++) {
            const float *d = pass->workspace->d_x + t * h + from;
            size_t position = t - batch->offsets[row];
            if (batch->ids[t] != config->pad_token_id)
                network->ops->add(n, d, words + (size_t)batch->ids[t] * h);
            network->ops->add(n, d, positions + position * h + from);
            network->ops->add(n, d, types + (size_t)batch->types[t] * h + from);
        }
    }
}
