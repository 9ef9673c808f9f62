/*
 * The backward pass; see encoder.h. Its forward is the neighbouring file.
 *
 * Every phase is one pool_run. Chunks leave their share of the bias and LayerNorm gradients in
 * their own partial sums, which are added up in the order of the chunks.
 */
#include "core/model/embedding.h"
#include "core/model/groups.h"
#include "core/model/head.h"
#include "core/model/layer.h"
#include "core/model/loss.h"
#include "core/model/partials.h"
#include "core/model/weights.h"

/* Columns of the embedding's scatter that one item adds up. */
enum { SCATTER_COLUMNS = 64 };

struct backward {
    const struct pass *pass;
    float *gradients;
    bool first; /* gradients are written; else added to */
    size_t layer;
};

static struct weight_list
list_of(const struct backward *backward, const struct weight *weights, size_t count)
{
    return (struct weight_list){.network = backward->pass->network,
                                .weights = weights,
                                .count = count,
                                .accumulate = !backward->first,
                                .gradients = backward->gradients};
}

/* ---- head ------------------------------------------------------------------------------------ */

static void
head_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    head_backward(&chunk);
}

static size_t
head_items(const struct backward *backward)
{
    struct weight weights[HEAD_WEIGHTS_MAX];
    return weights_items(weights, head_weights(backward->pass, weights)) + 1;
}

/* Items: blocks of rows of each weight in turn; the last are the biases. */
static void
head_item(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    struct weight weights[HEAD_WEIGHTS_MAX];
    struct weight_list list = list_of(backward, weights, head_weights(backward->pass, weights));
    if (!weights_item(&list, item))
        head_biases(backward->pass, list.accumulate, list.gradients);
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
layer_weights(const struct backward *backward, struct weight list[LAYER_WEIGHTS_MAX])
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
layer_items(const struct backward *backward)
{
    struct weight weights[LAYER_WEIGHTS_MAX];
    return weights_items(weights, layer_weights(backward, weights)) + 1;
}

/* Items: blocks of rows of each weight in turn; the last adds up the partial sums. */
static void
layer_item(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    struct weight weights[LAYER_WEIGHTS_MAX];
    if (pass_stopped(backward->pass))
        return;
    struct weight_list list = list_of(backward, weights, layer_weights(backward, weights));
    if (!weights_item(&list, item))
        partials_collect_layer(backward->pass, backward->layer, list.accumulate, list.gradients);
}

/* ---- embedding ------------------------------------------------------------------------------- */

static void
embedding_chunk(void *context, size_t item, size_t thread)
{
    const struct backward *backward = context;
    struct chunk chunk = chunk_of(backward->pass, item, thread);
    partials_clear(&chunk);
    embedding_backward(&chunk);
}

static size_t
scatter_items(const struct backward *backward)
{
    size_t e = model_config_embedding_size(backward->pass->network->config);
    return (e + SCATTER_COLUMNS - 1) / SCATTER_COLUMNS;
}

static size_t
embedding_items(const struct backward *backward)
{
    struct weight weight;
    return scatter_items(backward) +
           weights_items(&weight, embedding_weights(backward->pass, &weight)) + 1;
}

/* Items: ranges of columns, blocks of rows of the projection; the last adds up the partial sums. */
static void
embedding_item(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct backward *backward = context;
    size_t e = model_config_embedding_size(backward->pass->network->config);
    size_t from = item * SCATTER_COLUMNS;
    struct weight weight;
    struct weight_list list =
        list_of(backward, &weight, embedding_weights(backward->pass, &weight));
    if (from < e)
        embedding_scatter(backward->pass, from,
                          e - from < SCATTER_COLUMNS ? e - from : SCATTER_COLUMNS, backward->first,
                          backward->gradients);
    else if (!weights_item(&list, item - scatter_items(backward)))
        partials_collect_embedding(backward->pass, !backward->first, backward->gradients);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void
run_backward(struct backward *backward)
{
    const struct pass *pass = backward->pass;
    const struct model_config *config = pass->network->config;
    pool_run(pass->pool, head_chunk, backward, pass->batch->chunks);
    pool_run(pass->pool, head_item, backward, head_items(backward));
    for (size_t layer = config->layers; layer-- > 0;) {
        backward->layer = layer;
        pool_run(pass->pool, layer_chunk, backward, pass->batch->chunks);
        pool_run(pass->pool, layer_item, backward, layer_items(backward));
    }
    pool_run(pass->pool, embedding_chunk, backward, pass->batch->chunks);
    pool_run(pass->pool, embedding_item, backward, embedding_items(backward));
}

void
encoder_backward(const struct pass *pass, float *gradients)
{
    run_backward(&(struct backward){.pass = pass, .gradients = gradients, .first = true});
}

void
encoder_step(const struct pass *pass, float *gradients)
{
    struct pass whole = *pass;
    size_t chunks = pass->batch->chunks;
    whole.before.loss_weight = loss_weight(pass->batch, pass->loss);
    for (size_t first = 0, last; first < chunks && !pass_stopped(pass); first = last) {
        struct batch batch;
        struct pass part;
        last = groups_end(pass->batch, first, pass->workspace->group_tokens);
        groups_part(&whole, first, last, &batch, &part);
        encoder_forward(&part);
        run_backward(
            &(struct backward){.pass = &part, .gradients = gradients, .first = first == 0});
    }
}
