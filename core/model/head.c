/* The table of heads and the one mechanism behind it; see head.h. */
#include "core/model/head.h"

#include "core/model/layer.h"
#include "core/model/weights.h"

#include <math.h>
#include <string.h>

static const struct head family_heads[FAMILY_COUNT] = {
    [FAMILY_BERT] = {HEAD_FIRST, false, true, BEND_TANH},
    [FAMILY_DISTILBERT] = {HEAD_FIRST, false, true, BEND_RELU},
    [FAMILY_ELECTRA] = {HEAD_FIRST, true, true, BEND_GELU},
    [FAMILY_ROBERTA] = {HEAD_FIRST, true, true, BEND_TANH},
};

static const struct head mean_head = {HEAD_MEAN, false, false, BEND_NOT};
static const struct head unit_mean_head = {HEAD_MEAN, false, false, BEND_UNIT};
static const struct head token_head = {HEAD_TOKENS, false, false, BEND_NOT};

const struct head *
head_of(const struct model_config *config)
{
    if (config->task == TASK_TOKEN_CLASSIFICATION)
        return &token_head;
    if (config->pooling == POOL_MEAN)
        return config->normalize ? &unit_mean_head : &mean_head;
    return &family_heads[config->family];
}

bool
head_is_wide(const struct model_config *config)
{
    return head_of(config)->place != HEAD_FIRST;
}

size_t
head_outputs(const struct model_config *config, size_t rows, size_t tokens)
{
    return head_of(config)->place == HEAD_TOKENS ? tokens : rows;
}

/* ---- a chunk's share ------------------------------------------------------------------------- */

static const struct head *
head_of_chunk(const struct chunk *chunk)
{
    return head_of(chunk->pass->network->config);
}

/* The last layer, whose outputs stand where a layer above it would find its input; those of a
 * narrow one stand in the workspace's `first`. */
static struct layer_activations
last_layer(const struct chunk *chunk)
{
    return layer_view(chunk, chunk->pass->network->config->layers - 1);
}

struct outputs
head_range(const struct chunk *chunk)
{
    if (head_of_chunk(chunk)->place == HEAD_TOKENS)
        return tokens_of(chunk);
    return (struct outputs){chunk->first, chunk->last};
}

/* The site before the classifier (0) or before the dense layer (1). */
static struct dropout
site_of_head(const struct chunk *chunk, size_t layer)
{
    return site_of(chunk->pass, chunk->pass->classifier_dropout, RNG_CLASSIFIER_DROPOUT, layer);
}

/* The chunk's rows of x (B,H), dropped in place: forward and backward are the same. */
static void
drop_rows(const struct chunk *chunk, size_t layer, float *x)
{
    struct dropout site = site_of_head(chunk, layer);
    size_t h = chunk->pass->network->config->hidden_size;
    for (size_t row = chunk->first; row < chunk->last; row++)
        chunk->pass->network->ops->dropout(&site, row_group(chunk->pass, row), h, x + row * h);
}

/* x (tokens of the chunk, H), dropped in place. */
static void
drop_tokens(const struct chunk *chunk, float *x)
{
    struct dropout site = site_of_head(chunk, 0);
    size_t h = chunk->pass->network->config->hidden_size;
    for (size_t t = chunk->from; t < chunk->to; t++)
        chunk->pass->network->ops->dropout(&site, token_group(chunk->pass, t), h,
                                           x + (t - chunk->from) * h);
}

/* ---- bends ----------------------------------------------------------------------------------- */

/* y (H) = x / |x|, zero for zero */
static void
to_unit(const struct network *network, size_t h, const float *x, float *y)
{
    double length = sqrt(network->ops->sum_squares(h, x));
    for (size_t i = 0; i < h; i++)
        y[i] = length > 0 ? (float)((double)x[i] / length) : 0.0f;
}

/* dy (H) becomes dx = (dy - y (y dy)) / |x| with y = x / |x| */
static void
to_unit_backward(const struct network *network, size_t h, const float *x, float *dy)
{
    double squares = network->ops->sum_squares(h, x);
    double along = 0;
    for (size_t i = 0; i < h; i++)
        along += (double)x[i] * (double)dy[i];
    for (size_t i = 0; i < h; i++)
        dy[i] = squares > 0
                    ? (float)(((double)dy[i] - (double)x[i] * along / squares) / sqrt(squares))
                    : 0.0f;
}

/* From pooled to what is dropped out, for the chunk's rows; tanh replaces what it bends. */
static void
bend_rows(const struct chunk *chunk, enum head_bend bend)
{
    const struct network *network = chunk->pass->network;
    const struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    size_t n = (chunk->last - chunk->first) * h;
    float *x = w->pooled + chunk->first * h;
    float *y = w->dropped + chunk->first * h;
    switch (bend) {
    case BEND_NOT:
        memcpy(y, x, n * sizeof *y);
        break;
    case BEND_UNIT:
        for (size_t i = 0; i < n; i += h)
            to_unit(network, h, x + i, y + i);
        break;
    case BEND_TANH:
        network->ops->tanh(n, x);
        memcpy(y, x, n * sizeof *y);
        break;
    case BEND_RELU:
        network->ops->activation(ACTIVATION_RELU, n, x, y);
        break;
    case BEND_GELU:
        network->ops->activation(ACTIVATION_GELU, n, x, y);
        break;
    }
}

/* d_pooled from the gradient by the bent values to that by what was bent. */
static void
bend_rows_backward(const struct chunk *chunk, enum head_bend bend)
{
    const struct network *network = chunk->pass->network;
    const struct workspace *w = chunk->pass->workspace;
    enum activation activation = bend == BEND_RELU ? ACTIVATION_RELU : ACTIVATION_GELU;
    size_t h = network->config->hidden_size;
    size_t n = (chunk->last - chunk->first) * h;
    float *x = w->pooled + chunk->first * h;
    float *d = w->d_pooled + chunk->first * h;
    switch (bend) {
    case BEND_NOT:
        break;
    case BEND_UNIT:
        for (size_t i = 0; i < n; i += h)
            to_unit_backward(network, h, x + i, d + i);
        break;
    case BEND_TANH:
        network->ops->tanh_backward(n, x, d);
        break;
    case BEND_RELU:
    case BEND_GELU: /* the sum that it leaves is that of head_biases; here it is overwritten */
        for (size_t i = 0; i < n; i += h)
            network->ops->activation_backward(activation, h, x + i, d + i, chunk->partials);
        break;
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A wide layer's outputs at the first tokens, to where a narrow one has them. */
static void
gather_first(const struct chunk *chunk, const float *outputs)
{
    const struct batch *batch = chunk->pass->batch;
    size_t h = chunk->pass->network->config->hidden_size;
    for (size_t row = chunk->first; row < chunk->last; row++)
        memcpy(chunk->pass->workspace->first + row * h,
               outputs + (batch->offsets[row] - chunk->from) * h, h * sizeof(float));
}

/* pooled = the mean of each row's outputs */
static void
take_means(const struct chunk *chunk, const float *outputs)
{
    const struct network *network = chunk->pass->network;
    const struct batch *batch = chunk->pass->batch;
    size_t h = network->config->hidden_size;
    for (size_t row = chunk->first; row < chunk->last; row++) {
        float *mean = chunk->pass->workspace->pooled + row * h;
        float share = 1.0f / (float)(batch->offsets[row + 1] - batch->offsets[row]);
        memset(mean, 0, h * sizeof *mean);
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++)
            network->ops->add(h, outputs + (t - chunk->from) * h, mean);
        for (size_t i = 0; i < h; i++)
            mean[i] *= share;
    }
}

/* d_x of each token = its share of the gradient by its row's mean */
static void
take_means_backward(const struct chunk *chunk)
{
    const struct workspace *w = chunk->pass->workspace;
    const struct batch *batch = chunk->pass->batch;
    size_t h = chunk->pass->network->config->hidden_size;
    for (size_t row = chunk->first; row < chunk->last; row++) {
        float *d_mean = w->d_pooled + row * h;
        float share = 1.0f / (float)(batch->offsets[row + 1] - batch->offsets[row]);
        for (size_t i = 0; i < h; i++)
            d_mean[i] *= share;
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++)
            memcpy(w->d_x + t * h, d_mean, h * sizeof *d_mean);
    }
}

static void
pool_rows(const struct chunk *chunk, const struct head *head)
{
    const struct network *network = chunk->pass->network;
    const struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    if (head->place == HEAD_MEAN)
        take_means(chunk, last_layer(chunk).input);
    if (!head->dense)
        return;
    if (head->drops_input)
        drop_rows(chunk, 1, w->first);
    dense_forward(network, chunk->last - chunk->first, h, h, w->first + chunk->first * h,
                  network_tensor(network, TENSOR_POOLER_WEIGHT, 0),
                  network_tensor(network, TENSOR_POOLER_BIAS, 0), w->pooled + chunk->first * h, h);
}

static void
pool_rows_backward(const struct chunk *chunk, const struct head *head)
{
    const struct network *network = chunk->pass->network;
    const struct workspace *w = chunk->pass->workspace;
    size_t h = network->config->hidden_size;
    if (head->place == HEAD_MEAN)
        take_means_backward(chunk);
    if (!head->dense)
        return;
    dense_backward(network, chunk->last - chunk->first, h, h, w->d_pooled + chunk->first * h, h,
                   network_tensor(network, TENSOR_POOLER_WEIGHT, 0), false,
                   w->d_first + chunk->first * h);
    if (head->drops_input)
        drop_rows(chunk, 1, w->d_first);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Logits of the chunk's outputs from x (outputs of the chunk, H). */
static void
classify(const struct chunk *chunk, const float *x)
{
    const struct network *network = chunk->pass->network;
    struct outputs range = head_range(chunk);
    size_t h = network->config->hidden_size;
    size_t k = network->config->label_count;
    dense_forward(network, range.to - range.from, h, k, x,
                  network_tensor(network, TENSOR_CLASSIFIER_WEIGHT, 0),
                  network_tensor(network, TENSOR_CLASSIFIER_BIAS, 0),
                  chunk->pass->workspace->logits + range.from * k, k);
}

void
head_forward(const struct chunk *chunk)
{
    const struct head *head = head_of_chunk(chunk);
    const struct workspace *w = chunk->pass->workspace;
    size_t h = chunk->pass->network->config->hidden_size;
    struct layer_activations last = last_layer(chunk);
    if (!last.narrow)
        gather_first(chunk, last.input);
    if (head->place == HEAD_TOKENS) {
        drop_tokens(chunk, last.input);
        layer_round(chunk, h, tokens_of(chunk), last.input, last.half.input);
        classify(chunk, last.input);
        return;
    }
    pool_rows(chunk, head);
    bend_rows(chunk, head->bend);
    drop_rows(chunk, 0, w->dropped);
    classify(chunk, w->dropped + chunk->first * h);
}

void
head_backward(const struct chunk *chunk)
{
    const struct head *head = head_of_chunk(chunk);
    const struct network *network = chunk->pass->network;
    const struct workspace *w = chunk->pass->workspace;
    struct outputs range = head_range(chunk);
    size_t h = network->config->hidden_size;
    size_t k = network->config->label_count;
    float *d = (head->place == HEAD_TOKENS ? w->d_x : w->d_pooled) + range.from * h;
    dense_backward(network, range.to - range.from, h, k, w->logits + range.from * k, k,
                   network_tensor(network, TENSOR_CLASSIFIER_WEIGHT, 0), false, d);
    if (head->place == HEAD_TOKENS) {
        drop_tokens(chunk, d);
        return;
    }
    drop_rows(chunk, 0, w->d_pooled);
    bend_rows_backward(chunk, head->bend);
    pool_rows_backward(chunk, head);
}

size_t
head_weights(const struct pass *pass, struct weight *list)
{
    const struct network *network = pass->network;
    const struct model_config *config = network->config;
    const struct head *head = head_of(config);
    const struct workspace *w = pass->workspace;
    const struct layer_activations *last = &w->layers[config->layers - 1];
    size_t h = config->hidden_size;
    size_t k = config->label_count;
    size_t count = 0;
    if (head->dense)
        list[count++] =
            (struct weight){.offset = tensor_offset(network->layout, TENSOR_POOLER_WEIGHT, 0),
                            .out = h,
                            .in = h,
                            .n = pass->batch->rows,
                            .operands = {.dy = w->d_pooled, .dy_stride = h, .x = w->first}};
    struct weight_operands operands = {.dy = w->logits, .dy_stride = k, .x = w->dropped};
    if (head->place == HEAD_TOKENS) {
        operands.x = last->input;
        operands.x_half = last->half.input;
    }
    list[count++] =
        (struct weight){.offset = tensor_offset(network->layout, TENSOR_CLASSIFIER_WEIGHT, 0),
                        .out = k,
                        .in = h,
                        .n = head_outputs(config, pass->batch->rows, pass->batch->tokens),
                        .operands = operands};
    return count;
}

/* bias (N) = (or +=) the sum of the rows of d (rows,N) */
static void
add_bias(const struct network *network, size_t rows, size_t n, const float *d, float *bias)
{
    for (size_t row = 0; row < rows; row++)
        network->ops->add(n, d + row * n, bias);
}

void
head_biases(const struct pass *pass, bool accumulate, float *gradients)
{
    const struct network *network = pass->network;
    const struct model_config *config = network->config;
    const struct workspace *w = pass->workspace;
    size_t h = config->hidden_size;
    size_t k = config->label_count;
    size_t rows = pass->batch->rows;
    float *bias = gradients + tensor_offset(network->layout, TENSOR_CLASSIFIER_BIAS, 0);
    if (!accumulate)
        memset(bias, 0, k * sizeof *bias);
    add_bias(network, head_outputs(config, rows, pass->batch->tokens), k, w->logits, bias);
    if (!head_of(config)->dense)
        return;
    bias = gradients + tensor_offset(network->layout, TENSOR_POOLER_BIAS, 0);
    if (!accumulate)
        memset(bias, 0, h * sizeof *bias);
    add_bias(network, rows, h, w->d_pooled, bias);
}
