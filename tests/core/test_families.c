/*
 * Every family and head against transformers (tests/fixtures/golden_families.py): logits, loss, the
 * gradient of every parameter and 20 steps of Adam; dropout is 0. BERT's own head of rows is
 * test_encoder.c's; here it has a shape that is no multiple of any vector.
 */
#include "core/model/head.h"
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

enum { STEPS = 20, BATCHES = 3, ROOM = 64 };

/* Cases are those of golden_families.py. */
static const struct golden_case {
    const char *name;
    enum model_family family;
    enum task task;
    enum pooling pooling;
} cases[] = {
    {"bert_tokens", FAMILY_BERT, TASK_TOKEN_CLASSIFICATION, POOL_FIRST},
    {"bert_mean", FAMILY_BERT, TASK_CLASSIFICATION, POOL_MEAN},
    {"bert_unit_mean", FAMILY_BERT, TASK_CLASSIFICATION, POOL_MEAN},
    {"distilbert_rows", FAMILY_DISTILBERT, TASK_CLASSIFICATION, POOL_FIRST},
    {"distilbert_tokens", FAMILY_DISTILBERT, TASK_TOKEN_CLASSIFICATION, POOL_FIRST},
    {"electra_rows", FAMILY_ELECTRA, TASK_CLASSIFICATION, POOL_FIRST},
    {"electra_tokens", FAMILY_ELECTRA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST},
    {"roberta_rows", FAMILY_ROBERTA, TASK_CLASSIFICATION, POOL_FIRST},
    {"roberta_tokens", FAMILY_ROBERTA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST},
    {"bert_odd_rows", FAMILY_BERT, TASK_CLASSIFICATION, POOL_FIRST},
    {"electra_odd_tokens", FAMILY_ELECTRA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST},
};

enum { CASES = sizeof cases / sizeof *cases };

/* One case: the model, its golden numbers and its batches. */
struct fixture {
    struct small_model model;
    struct golden *golden;
    struct token_store stores[BATCHES];
};

static uint32_t
label_of(float written)
{
    return written < 0 ? LABEL_NONE : (uint32_t)written;
}

static void
read_batch(struct golden *golden, size_t b, bool tokens, struct token_store *store)
{
    size_t rows = golden_count(golden, "batch.%zu.lengths", b);
    size_t count = golden_count(golden, "batch.%zu.ids", b);
    const float *lengths = golden_values(golden, rows, "batch.%zu.lengths", b);
    const float *labels = golden_values(golden, tokens ? count : rows, "batch.%zu.labels", b);
    const float *ids = golden_values(golden, count, "batch.%zu.ids", b);
    const float *types = golden_values(golden, count, "batch.%zu.types", b);
    *store = (struct token_store){0};
    for (size_t row = 0, t = 0; row < rows; row++) {
        uint32_t row_ids[ROOM];
        uint8_t row_types[ROOM];
        uint32_t row_labels[ROOM];
        size_t length = (size_t)lengths[row];
        assert_true(length <= ROOM);
        for (size_t i = 0; i < length; i++, t++) {
            row_ids[i] = (uint32_t)ids[t];
            row_types[i] = (uint8_t)types[t];
            row_labels[i] = tokens ? label_of(labels[t]) : 0;
        }
        if (tokens)
            small_rows_append_tokens(store, row_ids, row_types, length, row_labels);
        else
            small_rows_append(store, row_ids, row_types, length, label_of(labels[row]));
    }
}

static void
open_fixture(struct fixture *f, const struct golden_case *c)
{
    char path[512];
    snprintf(path, sizeof path, "%s/families/%s", FIXTURES, c->name);
    small_model_read(&f->model, path);
    snprintf(path, sizeof path, "%s/families/%s/golden.safetensors", FIXTURES, c->name);
    f->golden = golden_open(path);
    for (size_t b = 0; b < BATCHES; b++)
        read_batch(f->golden, b, c->task == TASK_TOKEN_CLASSIFICATION, &f->stores[b]);
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
family_task_and_pooling_are_read_from_the_folder(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        open_fixture(&f, &cases[c]);
        assert_int_equal(f.model.config.family, cases[c].family);
        assert_int_equal(f.model.config.task, cases[c].task);
        assert_int_equal(f.model.config.pooling, cases[c].pooling);
        assert_int_equal(f.model.config.label_count,
                         cases[c].task == TASK_TOKEN_CLASSIFICATION ? 5 : 3);
        assert_int_equal(f.model.config.max_positions, 24);
        close_fixture(&f);
    }
}

/* Worst error of the logits of a row, which stand elsewhere in the batch than in the store. */
static double
row_error(const struct fixture *f, const struct small_run *run, const struct workspace *w,
          size_t row, const float *want)
{
    const struct token_store *store = &f->stores[0];
    const struct model_config *config = &f->model.config;
    size_t k = config->label_count;
    size_t source = run->batch.sources[row];
    size_t at = head_outputs(config, row, run->batch.offsets[row]);
    size_t from = head_outputs(config, source, store->offsets[source]);
    size_t count = head_outputs(config, 1, run->batch.offsets[row + 1] - run->batch.offsets[row]);
    return close_worst(w->logits + at * k, want + from * k, count * k);
}

static void
logits_and_loss_equal_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        open_fixture(&f, &cases[c]);
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
        size_t outputs = head_outputs(config, store->rows, store->tokens.count);
        const float *want = golden_values(f.golden, outputs * config->label_count, "logits");
        double worst = 0;
        for (size_t row = 0; row < run.batch.rows; row++)
            worst = fmax(worst, row_error(&f, &run, &inference, row, want));
        double loss_error = fabs(loss - (double)*golden_values(f.golden, 1, "loss"));
        printf("  %s: worst error of a logit %.2g, of the loss %.2g\n", cases[c].name, worst,
               loss_error);
        close_assert(worst, TOLERANCE_LOGITS, cases[c].name);
        close_assert(loss_error, TOLERANCE_LOSS, cases[c].name);
        workspace_fini(&inference);
        small_run_close(&run);
        close_fixture(&f);
    }
}

/* As in test_encoder.c: a key bias's true gradient is zero, and is measured against its query's. */
static double
gradient_error(struct fixture *f, const struct tensor *tensor, const float *gradients)
{
    const struct tensor_layout *layout = &f->model.layout;
    size_t count = tensor->rows * tensor->columns;
    const float *want = golden_values(f->golden, count, "gradient.%s", tensor->name);
    if (tensor->kind != TENSOR_KEY_BIAS)
        return close_relative(gradients + tensor->offset, want, count);
    double error = close_worst(gradients + tensor->offset, want, count);
    double scale = 0;
    size_t query = tensor_index(layout, TENSOR_QUERY_BIAS, tensor->layer);
    want = golden_values(f->golden, count, "gradient.%s", layout->tensors[query].name);
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs((double)want[i]));
    return error / scale;
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
        open_fixture(&f, &cases[c]);
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
twenty_steps_of_adam_follow_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct small_run walks[BATCHES];
        struct train_params params = small_params();
        double worst = 0;
        open_fixture(&f, &cases[c]);
        const float *want = golden_values(f.golden, STEPS, "losses");
        for (size_t b = 0; b < BATCHES; b++)
            small_run_open(&walks[b], &f.model, &f.stores[b], &params, 2);
        for (size_t step = 0; step < STEPS; step++) {
            /* One optimizer and one gradient array for all three batches. */
            struct small_run turn = walks[step % BATCHES];
            turn.optimizer = walks[0].optimizer;
            turn.gradients = walks[0].gradients;
            double loss = small_run_step(&turn, step, 1e-3);
            walks[0].optimizer = turn.optimizer;
            worst = fmax(worst, fabs(loss - (double)want[step]));
        }
        printf("  %s: worst error of a loss %.2g\n", cases[c].name, worst);
        close_assert(worst, TOLERANCE_LOSS, cases[c].name);
        for (size_t b = 0; b < BATCHES; b++)
            small_run_close(&walks[b]);
        close_fixture(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(family_task_and_pooling_are_read_from_the_folder),
        cmocka_unit_test(logits_and_loss_equal_the_reference),
        cmocka_unit_test(every_gradient_equals_the_reference),
        cmocka_unit_test(twenty_steps_of_adam_follow_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
