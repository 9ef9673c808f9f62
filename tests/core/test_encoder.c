/*
 * Whole networks against transformers (tests/fixtures/golden_network.py): logits, loss, the
 * gradient of every parameter, and 20 steps of each optimizer, for every activation; dropout is 0.
 */
#include "core/train/schedule.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"
#include "tests/support/small_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 20, BATCHES = 3, WARMUP = 5 };

/*
 * A parameter after 20 steps; measured 5e-7. Adam moves every parameter by about the learning rate
 * a step, whatever its gradient, so where a gradient is near zero its rounding decides: a tenth of
 * one step of 1e-3 is allowed. SGD's rounding stays rounding, but for relu's kink (see close.h).
 */
#define TOLERANCE_FINAL_ADAM 1e-4
#define TOLERANCE_FINAL_SGD  1e-4

/* Cases and runs are those of golden_network.py. */
static const struct golden_case {
    const char *name, *final;
} cases[] = {{"gelu", "adam"}, {"gelu_new", "sgd"}, {"relu", "momentum"}, {"silu", "adamw"}};

static const struct run {
    const char *name;
    enum optimizer optimizer;
    double rate, decay, clip;
    enum lr_scheduler scheduler;
} runs[] = {
    {"adam", OPTIMIZER_ADAM, 1e-3, 0, 0, SCHEDULER_CONSTANT},
    {"adamw", OPTIMIZER_ADAMW, 1e-3, 0.1, 1.0, SCHEDULER_LINEAR},
    {"sgd", OPTIMIZER_SGD, 0.05, 0, 0, SCHEDULER_CONSTANT},
    {"momentum", OPTIMIZER_MOMENTUM, 0.01, 0.01, 0, SCHEDULER_CONSTANT},
};

enum { CASES = sizeof cases / sizeof *cases, RUNS = sizeof runs / sizeof *runs };

/* One case: the model, its golden numbers and its batches. */
struct fixture {
    struct small_model model;
    struct golden *golden;
    struct token_store stores[BATCHES];
};

static void
read_batch(struct golden *golden, size_t b, struct token_store *store)
{
    size_t rows = golden_count(golden, "batch.%zu.lengths", b);
    size_t tokens = golden_count(golden, "batch.%zu.ids", b);
    const float *lengths = golden_values(golden, rows, "batch.%zu.lengths", b);
    const float *labels = golden_values(golden, rows, "batch.%zu.labels", b);
    const float *ids = golden_values(golden, tokens, "batch.%zu.ids", b);
    const float *types = golden_values(golden, tokens, "batch.%zu.types", b);
    *store = (struct token_store){0};
    for (size_t row = 0, t = 0; row < rows; row++) {
        uint32_t row_ids[64];
        uint8_t row_types[64];
        size_t length = (size_t)lengths[row];
        for (size_t i = 0; i < length; i++, t++) {
            row_ids[i] = (uint32_t)ids[t];
            row_types[i] = (uint8_t)types[t];
        }
        small_rows_append(store, row_ids, row_types, length, (uint32_t)labels[row]);
    }
}

static void
open_fixture(struct fixture *f, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/network/%s", FIXTURES, name);
    small_model_read(&f->model, path);
    snprintf(path, sizeof path, "%s/network/%s/golden.safetensors", FIXTURES, name);
    f->golden = golden_open(path);
    for (size_t b = 0; b < BATCHES; b++)
        read_batch(f->golden, b, &f->stores[b]);
}

static void
close_fixture(struct fixture *f)
{
    for (size_t b = 0; b < BATCHES; b++)
        token_store_fini(&f->stores[b]);
    golden_close(f->golden);
    small_model_free(&f->model);
}

static void
logits_and_loss_equal_the_reference(void **state)
{
    (void)state;
    size_t most_chunks = 0;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        open_fixture(&f, cases[c].name);
        const struct model_config *config = &f.model.config;
        const struct token_store *store = &f.stores[0];
        struct train_params params = small_params();
        struct small_run run;
        struct workspace inference;
        struct err err;
        small_run_open(&run, &f.model, store, &params, 2);
        double loss = small_run_forward(&run, 0);
        assert_int_equal(workspace_init(&inference, config,
                                        &(struct workspace_shape){.rows = store->rows,
                                                                  .tokens = store->tokens.count,
                                                                  .longest = store->longest,
                                                                  .threads = 2},
                                        &err),
                         0);
        encoder_forward(&(struct pass){.network = &f.model.network,
                                       .batch = &run.batch,
                                       .workspace = &inference,
                                       .pool = run.pool});
        const float *want = golden_values(f.golden, store->rows * config->label_count, "logits");
        double worst = 0;
        for (size_t row = 0; row < run.batch.rows; row++)
            worst = fmax(worst, close_worst(inference.logits + row * config->label_count,
                                            want + run.batch.sources[row] * config->label_count,
                                            config->label_count));
        printf("  %s: %zu rows in %zu chunks, worst error of a logit %.2g, of the loss %.2g\n",
               cases[c].name, run.batch.rows, run.batch.chunks, worst,
               fabs(loss - (double)*golden_values(f.golden, 1, "loss")));
        close_assert(worst, TOLERANCE_LOGITS, cases[c].name);
        close_assert(fabs(loss - (double)*golden_values(f.golden, 1, "loss")), TOLERANCE_LOSS,
                     cases[c].name);
        most_chunks = run.batch.chunks > most_chunks ? run.batch.chunks : most_chunks;
        workspace_fini(&inference);
        small_run_close(&run);
        close_fixture(&f);
    }
    assert_true(most_chunks >= 4); /* or the fixture no longer tests what it is for */
}

/*
 * Error of one tensor's gradient. A key bias shifts all scores of a query alike, which softmax
 * ignores: its true gradient is zero, and what any implementation returns is rounding. It is
 * measured against the query bias's gradient instead of its own.
 */
static double
gradient_error(struct fixture *f, const struct tensor *tensor, const float *gradients)
{
    size_t count = tensor->rows * tensor->columns;
    const float *want = golden_values(f->golden, count, "gradient.%s", tensor->name);
    if (tensor->kind != TENSOR_KEY_BIAS)
        return close_relative(gradients + tensor->offset, want, count);
    double scale = 0;
    const char *query = "gradient.bert.encoder.layer.%zu.attention.self.query.bias";
    want = golden_values(f->golden, count, query, tensor->layer);
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs((double)want[i]));
    want = golden_values(f->golden, count, "gradient.%s", tensor->name);
    return close_worst(gradients + tensor->offset, want, count) / scale;
}

static void
every_gradient_equals_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct small_run run;
        struct train_params params = small_params();
        double worst = 0;
        open_fixture(&f, cases[c].name);
        small_run_open(&run, &f.model, &f.stores[0], &params, 2);
        small_run_forward(&run, 0);
        small_run_backward(&run, 0);
        for (size_t i = 0; i < f.model.layout.count; i++) {
            const struct tensor *tensor = &f.model.layout.tensors[i];
            double error = gradient_error(&f, tensor, run.gradients);
            close_assert(error, TOLERANCE_GRADIENT, tensor->name);
            worst = fmax(worst, error);
        }
        printf("  %s: worst relative error of a gradient %.2g\n", cases[c].name, worst);
        small_run_close(&run);
        close_fixture(&f);
    }
}

static void
the_padding_token_inside_a_text_has_no_gradient(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct small_run run;
        struct train_params params = small_params();
        bool used[64] = {0};
        open_fixture(&f, cases[c].name);
        size_t h = f.model.config.hidden_size;
        token_store_mark(&f.stores[0], used);
        assert_true(used[f.model.config.pad_token_id]);
        float *before = small_model_copy(&f.model);
        small_run_open(&run, &f.model, &f.stores[0], &params, 1);
        small_run_forward(&run, 0);
        small_run_backward(&run, 0);
        const float *row = run.gradients +
                           tensor_offset(&f.model.layout, TENSOR_WORD_EMBEDDING, 0) +
                           f.model.config.pad_token_id * h;
        for (size_t i = 0; i < h; i++)
            assert_true(row[i] == 0.0f);
        small_run_step(&run, 0, 1e-3);
        assert_memory_equal(f.model.parameters + (row - run.gradients),
                            before + (row - run.gradients), h * sizeof *row);
        free(before);
        small_run_close(&run);
        close_fixture(&f);
    }
}

/* The 20 steps of a run on a fresh fixture; the worst error of a loss. */
static double
train(struct fixture *f, const struct run *settings, struct train_params *params)
{
    struct small_run walks[BATCHES];
    const float *want = golden_values(f->golden, STEPS, "losses.%s", settings->name);
    double worst = 0;
    *params = small_params();
    params->optimizer = settings->optimizer;
    params->learning_rate = settings->rate;
    params->weight_decay = settings->decay;
    params->max_grad_norm = settings->clip;
    params->lr_scheduler = settings->scheduler;
    params->warmup_steps = settings->scheduler == SCHEDULER_LINEAR ? WARMUP : 0;
    for (size_t b = 0; b < BATCHES; b++)
        small_run_open(&walks[b], &f->model, &f->stores[b], params, 2);
    for (size_t step = 0; step < STEPS; step++) {
        /* One optimizer and one gradient array for all three batches. */
        struct small_run *walk = &walks[step % BATCHES];
        struct small_run turn = *walk;
        turn.optimizer = walks[0].optimizer;
        turn.gradients = walks[0].gradients;
        double loss = small_run_step(&turn, step, schedule_learning_rate(params, step, STEPS));
        walks[0].optimizer = turn.optimizer;
        worst = fmax(worst, fabs(loss - (double)want[step]));
    }
    for (size_t b = 0; b < BATCHES; b++)
        small_run_close(&walks[b]);
    return worst;
}

static double
final_error(struct fixture *f, const char *run)
{
    double worst = 0;
    for (size_t i = 0; i < f->model.layout.count; i++) {
        const struct tensor *tensor = &f->model.layout.tensors[i];
        size_t count = tensor->rows * tensor->columns;
        if (tensor->kind == TENSOR_KEY_BIAS) /* its gradient is rounding: see gradient_error */
            continue;
        const float *want = golden_values(f->golden, count, "final.%s.%s", run, tensor->name);
        worst = fmax(worst, close_worst(f->model.parameters + tensor->offset, want, count));
    }
    return worst;
}

static void
twenty_steps_of_every_optimizer_follow_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        for (size_t r = 0; r < RUNS; r++) {
            struct fixture f;
            struct train_params params;
            open_fixture(&f, cases[c].name);
            double worst = train(&f, &runs[r], &params);
            printf("  %s, %s: worst error of a loss %.2g", cases[c].name, runs[r].name, worst);
            if (strcmp(cases[c].final, runs[r].name) == 0) {
                bool adam =
                    runs[r].optimizer == OPTIMIZER_ADAM || runs[r].optimizer == OPTIMIZER_ADAMW;
                double error = final_error(&f, runs[r].name);
                printf(", of a parameter %.2g", error);
                close_assert(error, adam ? TOLERANCE_FINAL_ADAM : TOLERANCE_FINAL_SGD,
                             cases[c].name);
            }
            printf("\n");
            close_assert(worst, TOLERANCE_LOSS, runs[r].name);
            close_fixture(&f);
        }
    }
}

static void
embedding_rows_that_no_batch_uses_stay_to_the_bit(void **state)
{
    (void)state;
    for (size_t r = 0; r < RUNS; r++) {
        if (runs[r].decay > 0)
            continue;
        struct fixture f;
        struct train_params params;
        bool used[64] = {0};
        size_t unused = 0;
        open_fixture(&f, cases[0].name);
        for (size_t b = 0; b < BATCHES; b++)
            token_store_mark(&f.stores[b], used);
        float *before = small_model_copy(&f.model);
        size_t h = f.model.config.hidden_size;
        size_t words = tensor_offset(&f.model.layout, TENSOR_WORD_EMBEDDING, 0);
        train(&f, &runs[r], &params);
        for (size_t id = 0; id < f.model.config.vocab_size; id++) {
            bool same = memcmp(before + words + id * h, f.model.parameters + words + id * h,
                               h * sizeof *before) == 0;
            assert_true(same == (!used[id] || id == f.model.config.pad_token_id));
            unused += !used[id];
        }
        assert_true(unused >= 5);
        free(before);
        close_fixture(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_loss_equal_the_reference),
        cmocka_unit_test(every_gradient_equals_the_reference),
        cmocka_unit_test(the_padding_token_inside_a_text_has_no_gradient),
        cmocka_unit_test(twenty_steps_of_every_optimizer_follow_the_reference),
        cmocka_unit_test(embedding_rows_that_no_batch_uses_stay_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
