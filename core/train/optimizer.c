/* Clipping and updates; see optimizer.h. The formulae stand in core/ops/optimizer.c. */
#include "core/train/optimizer.h"

#include "core/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FLOATS = 64 * 1024, BLOCK_ROWS = 64 };

/* ---- setting up ------------------------------------------------------------------------------ */

size_t
optimizer_moment_arrays(enum optimizer kind)
{
    switch (kind) {
    case OPTIMIZER_AUTO:
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        return 2;
    case OPTIMIZER_MOMENTUM:
        return 1;
    case OPTIMIZER_SGD:
        break;
    }
    return 0;
}

static size_t
blocks_of(const struct tensor *tensor)
{
    return (tensor->rows * tensor->columns + BLOCK_FLOATS - 1) / BLOCK_FLOATS;
}

static int
make_blocks(struct optimizer_state *o, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < o->layout->count; i++)
        count += blocks_of(&o->layout->tensors[i]);
    o->blocks = mem_array(count, sizeof *o->blocks);
    if (o->blocks == NULL)
        return err_set(err, ERR_MEMORY, "%zu blocks of parameters do not fit into memory", count);
    for (size_t i = 0; i < o->layout->count; i++) {
        const struct tensor *tensor = &o->layout->tensors[i];
        size_t floats = tensor->rows * tensor->columns;
        for (size_t from = 0; from < floats && tensor->kind != TENSOR_WORD_EMBEDDING;
             from += BLOCK_FLOATS)
            o->blocks[o->block_count++] = (struct optimizer_block){
                .offset = tensor->offset + from,
                .length = floats - from < BLOCK_FLOATS ? floats - from : BLOCK_FLOATS,
                .decays = tensor->decays,
            };
    }
    return 0;
}

int
optimizer_init(struct optimizer_state *o, const struct train_params *params,
               const struct model_config *config, const struct tensor_layout *layout,
               const struct ops *ops, size_t most_batch_tokens, struct err *err)
{
    *o = (struct optimizer_state){.params = params,
                                  .layout = layout,
                                  .ops = ops,
                                  .beta1_power = 1.0,
                                  .beta2_power = 1.0,
                                  .vocab_size = config->vocab_size,
                                  .embedding_size = model_config_embedding_size(config),
                                  .pad_token_id = config->pad_token_id};
    o->words_offset = tensor_offset(layout, TENSOR_WORD_EMBEDDING, 0);
    size_t distinct = most_batch_tokens < o->vocab_size ? most_batch_tokens : o->vocab_size;
    if (make_blocks(o, err) != 0)
        goto out;
    o->moments = pages_map(layout->total, 2 * sizeof(float));
    o->touched = mem_array(o->vocab_size, sizeof *o->touched);
    o->is_touched = mem_array(o->vocab_size, sizeof *o->is_touched);
    o->seen_in_step = mem_array(o->vocab_size, sizeof *o->seen_in_step);
    o->batch_rows = mem_array(distinct, sizeof *o->batch_rows);
    o->sums = mem_array(o->block_count + distinct / BLOCK_ROWS + 1, sizeof *o->sums);
    if (o->moments.memory == NULL || o->touched == NULL || o->is_touched == NULL ||
        o->seen_in_step == NULL || o->batch_rows == NULL || o->sums == NULL) {
        err_set(err, ERR_MEMORY, "the optimizer state of %zu parameters does not fit into memory",
                layout->total);
        goto out;
    }
    o->first = o->moments.memory;
    o->second = o->first + layout->total;
    size_t dense = o->words_offset + o->vocab_size * o->embedding_size; /* all but the word rows */
    size_t rest = (layout->total - dense) * sizeof(float);
    pages_use_all(&o->moments, dense * sizeof(float), rest);
    pages_use_all(&o->moments, (layout->total + dense) * sizeof(float), rest);
    return 0;
out:
    optimizer_fini(o);
    return err->code;
}

void
optimizer_fini(struct optimizer_state *o)
{
    pages_unmap(&o->moments);
    free(o->blocks);
    free(o->touched);
    free(o->is_touched);
    free(o->seen_in_step);
    free(o->batch_rows);
    free(o->sums);
    *o = (struct optimizer_state){0};
}

void
optimizer_note_batch(struct optimizer_state *o, const struct batch *batch)
{
    uint32_t mark = (uint32_t)o->steps + 1;
    o->batch_row_count = 0;
    o->touched_before = o->touched_count;
    for (size_t t = 0; t < batch->tokens; t++) {
        uint32_t id = batch->ids[t];
        if (o->seen_in_step[id] == mark || id == o->pad_token_id)
            continue;
        o->seen_in_step[id] = mark;
        o->batch_rows[o->batch_row_count++] = id;
        if (!o->is_touched[id]) {
            o->is_touched[id] = true;
            o->touched[o->touched_count++] = id;
        }
    }
}

void
optimizer_forget_batch(struct optimizer_state *o)
{
    for (size_t i = 0; i < o->batch_row_count; i++)
        o->seen_in_step[o->batch_rows[i]] = 0;
    o->batch_row_count = 0;
    while (o->touched_count > o->touched_before)
        o->is_touched[o->touched[--o->touched_count]] = false;
}

static size_t
row_blocks(size_t rows)
{
    return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

/* ---- the norm -------------------------------------------------------------------------------- */

struct norm_run {
    struct optimizer_state *optimizer;
    const float *gradients;
};

/* Items: the blocks, then groups of the batch's word rows (all other rows' gradients are zero). */
static void
norm_item(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct norm_run *run = context;
    struct optimizer_state *o = run->optimizer;
    if (item < o->block_count) {
        o->sums[item] =
            o->ops->sum_squares(o->blocks[item].length, run->gradients + o->blocks[item].offset);
        return;
    }
    size_t from = (item - o->block_count) * BLOCK_ROWS;
    size_t e = o->embedding_size;
    double sum = 0;
    for (size_t i = from; i < from + BLOCK_ROWS && i < o->batch_row_count; i++)
        sum +=
            o->ops->sum_squares(e, run->gradients + o->words_offset + (size_t)o->batch_rows[i] * e);
    o->sums[item] = sum;
}

double
optimizer_gradient_norm(struct optimizer_state *o, struct pool *pool, const float *gradients)
{
    struct norm_run run = {o, gradients};
    size_t items = o->block_count + row_blocks(o->batch_row_count);
    pool_run(pool, norm_item, &run, items);
    double sum = 0;
    for (size_t i = 0; i < items; i++)
        sum += o->sums[i];
    return sqrt(sum);
}

/* ---- the update ------------------------------------------------------------------------------ */

struct update_run {
    struct optimizer_state *optimizer;
    float *gradients, *parameters;
    bool every_row; /* word rows are decayed: visit all of them */
    struct adam_step adam;
    struct sgd_step sgd;
};

static void
update_range(const struct update_run *run, size_t offset, size_t length, bool decays)
{
    const struct optimizer_state *o = run->optimizer;
    const float *g = run->gradients + offset;
    float *w = run->parameters + offset;
    if (o->params->optimizer == OPTIMIZER_SGD || o->params->optimizer == OPTIMIZER_MOMENTUM) {
        struct sgd_step step = run->sgd;
        step.coupled_decay = decays ? step.coupled_decay : 0.0f;
        o->ops->sgd(length, &step, g, w, o->first + offset);
        return;
    }
    struct adam_step step = run->adam;
    step.coupled_decay = decays ? step.coupled_decay : 0.0f;
    step.decoupled_decay = decays ? step.decoupled_decay : 0.0f;
    o->ops->adam(length, &step, g, w, o->first + offset, o->second + offset);
}

static void
update_item(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct update_run *run = context;
    const struct optimizer_state *o = run->optimizer;
    if (item < o->block_count) {
        update_range(run, o->blocks[item].offset, o->blocks[item].length, o->blocks[item].decays);
        return;
    }
    size_t rows = run->every_row ? o->vocab_size : o->touched_count;
    size_t from = (item - o->block_count) * BLOCK_ROWS;
    for (size_t i = from; i < from + BLOCK_ROWS && i < rows; i++) {
        size_t row = run->every_row ? i : o->touched[i];
        update_range(run, o->words_offset + row * o->embedding_size, o->embedding_size, true);
    }
}

static void
zero_batch_rows(const struct optimizer_state *o, float *gradients)
{
    for (size_t i = 0; i < o->batch_row_count; i++)
        memset(gradients + o->words_offset + (size_t)o->batch_rows[i] * o->embedding_size, 0,
               o->embedding_size * sizeof *gradients);
}

void
optimizer_step(struct optimizer_state *o, struct pool *pool, double learning_rate, double norm,
               float *gradients, float *parameters)
{
    const struct train_params *p = o->params;
    double clip = 1.0;
    if (p->max_grad_norm > 0 && p->max_grad_norm / (norm + 1e-6) < 1.0)
        clip = p->max_grad_norm / (norm + 1e-6);
    o->beta1_power *= p->beta1;
    o->beta2_power *= p->beta2;
    bool decoupled = p->optimizer == OPTIMIZER_ADAMW;
    struct update_run run = {
        .optimizer = o,
        .gradients = gradients,
        .parameters = parameters,
        .every_row = p->weight_decay > 0,
        .adam = {.gradient_factor = (float)clip,
                 .beta2 = (float)p->beta2,
                 .epsilon = (float)p->epsilon,
                 .fresh1 = (float)(1.0 - p->beta1),
                 .fresh2 = (float)(1.0 - p->beta2),
                 .step_size = (float)(learning_rate / (1.0 - o->beta1_power)),
                 .root_correction = (float)(1.0 / sqrt(1.0 - o->beta2_power)),
                 .coupled_decay = decoupled ? 0.0f : (float)p->weight_decay,
                 .decoupled_decay = decoupled ? (float)(learning_rate * p->weight_decay) : 0.0f},
        .sgd = {.gradient_factor = (float)clip,
                .learning_rate = (float)learning_rate,
                .momentum = p->optimizer == OPTIMIZER_MOMENTUM ? (float)p->beta1 : 0.0f,
                .first = o->steps == 0,
                .coupled_decay = (float)p->weight_decay},
    };
    size_t rows = run.every_row ? o->vocab_size : o->touched_count;
    pool_run(pool, update_item, &run, o->block_count + row_blocks(rows));
    zero_batch_rows(o, gradients);
    o->steps++;
}
