/* Small networks; see small_model.h. */
#include "tests/support/small_model.h"

#include "core/hub/safetensors.h"
#include "core/model/head.h"
#include "core/model/loss.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- models ---------------------------------------------------------------------------------- */

/* Everything but the values of the parameters; config is filled. */
static void
finish_model(struct small_model *model)
{
    struct err err;
    if (tensor_layout_build(&model->config, model->arena, &model->layout, &err) != 0 ||
        gemm_engine_open(NULL, &model->engine, &err) != 0)
        fail_msg("%s", err.message);
    model->parameters = mem_array(model->layout.total, sizeof *model->parameters);
    assert_non_null(model->parameters);
    model->network = (struct network){.config = &model->config,
                                      .layout = &model->layout,
                                      .engine = model->engine,
                                      .ops = ops_best(),
                                      .parameters = model->parameters};
}

void
small_model_random(struct small_model *model, const struct model_config *config, uint64_t seed)
{
    *model = (struct small_model){.arena = arena_new(), .config = *config};
    finish_model(model);
    for (size_t i = 0; i < model->layout.count; i++) {
        const struct tensor *tensor = &model->layout.tensors[i];
        float *values = model->parameters + tensor->offset;
        size_t count = tensor->rows * tensor->columns;
        close_noise(values, count, seed + i, 0.15);
        for (size_t j = 0; j < count && tensor->init == INIT_ONE; j++)
            values[j] += 1.0f;
    }
}

void
small_model_read(struct small_model *model, const char *folder)
{
    struct err err;
    *model = (struct small_model){.arena = arena_new()};
    if (model_config_read(folder, model->arena, &model->config, &err) != 0)
        fail_msg("%s", err.message);
    finish_model(model);
    struct golden *file = golden_open(arena_printf(model->arena, "%s/model.safetensors", folder));
    for (size_t i = 0; i < model->layout.count; i++) {
        const struct tensor *tensor = &model->layout.tensors[i];
        size_t count = tensor->rows * tensor->columns;
        memcpy(model->parameters + tensor->offset, golden_values(file, count, "%s", tensor->name),
               count * sizeof(float));
    }
    golden_close(file);
}

void
small_model_free(struct small_model *model)
{
    gemm_engine_close(model->engine);
    free(model->parameters);
    arena_free(model->arena);
    *model = (struct small_model){0};
}

float *
small_model_copy(const struct small_model *model)
{
    size_t bytes = model->layout.total * sizeof(float);
    float *copy = mem_small(bytes);
    memcpy(copy, model->parameters, bytes);
    return copy;
}

/* ---- rows ------------------------------------------------------------------------------------ */

void
small_rows_append(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                  size_t length, uint32_t label)
{
    struct err err;
    if (token_store_add(store, ids, types, length, label, &err) != 0)
        fail_msg("%s", err.message);
}

void
small_rows_append_tokens(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                         size_t length, const uint32_t *labels)
{
    struct err err;
    store->targets.task = TASK_TOKEN_CLASSIFICATION;
    const struct target target = {.ids = labels, .count = length};
    if (token_store_add_row(store, ids, types, length, &target, &err) != 0)
        fail_msg("%s", err.message);
}

void
small_rows_random(struct token_store *store, size_t rows, size_t longest,
                  const struct model_config *config, uint64_t seed)
{
    struct rng_stream stream = rng_stream(seed, RNG_SPLIT, 0, 0);
    uint32_t *ids = mem_resize(NULL, longest, sizeof *ids);
    uint8_t *types = mem_resize(NULL, longest, sizeof *types);
    uint32_t *labels = mem_resize(NULL, longest, sizeof *labels);
    *store = (struct token_store){0};
    for (size_t row = 0; row < rows; row++) {
        uint32_t bits[4];
        rng_block(&stream, row, bits);
        size_t length = 1 + bits[0] % longest;
        size_t first = bits[1] % (length + 1);
        for (size_t i = 0; i < length; i++) {
            uint32_t word[4];
            rng_block(&stream, 1000000 + row * longest + i, word);
            ids[i] = word[0] % (uint32_t)config->vocab_size;
            types[i] = i < first || config->type_vocab_size < 2 ? 0 : 1;
            labels[i] = word[1] % 3 == 0 ? LABEL_NONE : word[2] % (uint32_t)config->label_count;
        }
        if (config->task == TASK_TOKEN_CLASSIFICATION)
            small_rows_append_tokens(store, ids, types, length, labels);
        else
            small_rows_append(store, ids, types, length, bits[2] % (uint32_t)config->label_count);
    }
    free(ids);
    free(types);
    free(labels);
}

/* ---- runs ------------------------------------------------------------------------------------ */

struct train_params
small_params(void)
{
    return (struct train_params){
        .seed = 1,
        .learning_rate = 1e-3,
        .learning_rate_multiplier = 1.0,
        .optimizer = OPTIMIZER_ADAM,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .lr_scheduler = SCHEDULER_CONSTANT,
    };
}

void
small_run_open(struct small_run *run, struct small_model *model, const struct token_store *store,
               const struct train_params *params, size_t threads)
{
    small_run_open_in_groups(run, model, store, params, threads, 0);
}

void
small_run_open_in_groups(struct small_run *run, struct small_model *model,
                         const struct token_store *store, const struct train_params *params,
                         size_t threads, size_t group_tokens)
{
    struct err err;
    *run = (struct small_run){.model = model, .store = store, .params = *params};
    run->pool = pool_new(threads, &err);
    run->gradients = mem_array(model->layout.total, sizeof *run->gradients);
    if (run->pool == NULL ||
        workspace_init(
            &run->workspace, &model->config,
            &(struct workspace_shape){.training = true,
                                      .checkpointing = params->gradient_checkpointing == 1,
                                      .bf16 = model->network.precision == GEMM_BF16,
                                      .rows = store->rows,
                                      .tokens = store->tokens.count,
                                      .longest = store->longest,
                                      .threads = threads,
                                      .group_tokens = group_tokens,
                                      .layout = &model->layout,
                                      .gradients = run->gradients},
            &err) != 0 ||
        batch_init(&run->batch, store->rows, store->tokens.count, &err) != 0 ||
        optimizer_init(&run->optimizer, &run->params, &model->config, &model->layout, ops_best(),
                       store->tokens.count, &err) != 0)
        fail_msg("%s", err.message);
    assert_non_null(run->gradients);
}

void
small_run_close(struct small_run *run)
{
    pool_free(run->pool);
    workspace_fini(&run->workspace);
    batch_fini(&run->batch);
    optimizer_fini(&run->optimizer);
    free(run->gradients);
    *run = (struct small_run){0};
}

static struct pass
pass_of(const struct small_run *run, size_t step)
{
    return (struct pass){
        .network = &run->model->network,
        .batch = &run->batch,
        .workspace = (struct workspace *)(uintptr_t)&run->workspace,
        .pool = run->pool,
        .seed = (uint64_t)run->params.seed,
        .step = step,
        .hidden_dropout = run->params.hidden_dropout,
        .attention_dropout = run->params.attention_dropout,
        .classifier_dropout = run->params.classifier_dropout,
    };
}

/* Fill the batch with all rows of the store. */
static void
fill_batch(struct small_run *run)
{
    uint32_t *picked = mem_resize(NULL, run->store->rows, sizeof *picked);
    for (size_t i = 0; i < run->store->rows; i++)
        picked[i] = (uint32_t)i;
    batch_fill(&run->batch, run->store, picked, run->store->rows);
    free(picked);
}

static double
mean_loss(const struct small_run *run)
{
    double loss = 0;
    double weight = loss_weight(&run->batch, NULL);
    size_t outputs = head_outputs(&run->model->config, run->batch.rows, run->batch.tokens);
    for (size_t i = 0; i < outputs; i++)
        loss += run->workspace.losses[i] / weight;
    return loss;
}

double
small_run_forward(struct small_run *run, size_t step)
{
    fill_batch(run);
    struct pass pass = pass_of(run, step);
    encoder_forward(&pass);
    return mean_loss(run);
}

void
small_run_backward(struct small_run *run, size_t step)
{
    struct pass pass = pass_of(run, step);
    encoder_backward(&pass, run->gradients);
}

double
small_run_both(struct small_run *run, size_t step)
{
    fill_batch(run);
    struct pass pass = pass_of(run, step);
    encoder_step(&pass, run->gradients);
    return mean_loss(run);
}

double
small_run_step(struct small_run *run, size_t step, double learning_rate)
{
    double loss = small_run_both(run, step);
    optimizer_note_batch(&run->optimizer, &run->batch);
    double norm = optimizer_gradient_norm(&run->optimizer, run->pool, run->gradients);
    optimizer_step(&run->optimizer, run->pool, learning_rate, norm, run->gradients,
                   run->model->parameters);
    return loss;
}

float *
small_run_gradients(const struct small_run *run)
{
    size_t count = run->model->layout.total;
    float *copy = mem_resize(NULL, count, sizeof *copy);
    memcpy(copy, run->gradients, count * sizeof *copy);
    return copy;
}
