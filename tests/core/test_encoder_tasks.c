/*
 * The heads of all tasks against transformers (tests/fixtures/golden_tasks.py): logits, loss, every
 * gradient and 20 steps of Adam; the same on any number of threads and however a batch is cut into
 * groups.
 */
#include "core/model/head.h"
#include "core/model/loss.h"
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

enum { STEPS = 20, BATCHES = 3, MOST_TOKENS = 64, MOST_LABELS = 8 };

static const struct golden_case {
    const char *name;
    enum task task;
    size_t labels;
} cases[] = {
    {"multi_label", TASK_MULTI_LABEL, 5},
    {"multi_label_one", TASK_MULTI_LABEL, 1},
    {"regression", TASK_REGRESSION, 1},
    {"regression_several", TASK_REGRESSION, 3},
    {"token_classification", TASK_TOKEN_CLASSIFICATION, 4},
};

enum { CASES = sizeof cases / sizeof *cases };

struct fixture {
    const struct golden_case *of;
    struct small_model model;
    struct golden *golden;
    struct token_store stores[BATCHES];
};

/* The target of a row from its numbers in the golden file. */
static struct target
target_of(enum task task, const float *numbers, size_t count, uint32_t *ids)
{
    struct target target = {.label = LABEL_NONE, .ids = ids, .values = numbers};
    for (size_t i = 0; i < count; i++) {
        if (task == TASK_TOKEN_CLASSIFICATION)
            ids[target.count++] = numbers[i] >= 0 ? (uint32_t)numbers[i] : LABEL_NONE;
        else if (task == TASK_MULTI_LABEL && numbers[i] > 0)
            ids[target.count++] = (uint32_t)i;
    }
    return target;
}

/* Append the rows of a batch to a store. */
static void
read_batch(const struct fixture *f, size_t b, struct token_store *store)
{
    const char *const parts[] = {"ids", "types", "targets", "lengths"};
    const float *numbers[4];
    enum task task = f->of->task;
    size_t rows = golden_count(f->golden, "batch.%zu.lengths", b);
    for (size_t i = 0; i < 4; i++)
        numbers[i] = golden_values(f->golden, golden_count(f->golden, "batch.%zu.%s", b, parts[i]),
                                   "batch.%zu.%s", b, parts[i]);
    store->targets.task = task;
    store->targets.width = task == TASK_REGRESSION ? f->of->labels : 0;
    for (size_t row = 0, t = 0, n = 0; row < rows; row++) {
        uint32_t ids[MOST_TOKENS], classes[MOST_TOKENS];
        uint8_t types[MOST_TOKENS];
        struct err err;
        size_t length = (size_t)numbers[3][row];
        size_t count = task == TASK_TOKEN_CLASSIFICATION ? length : f->of->labels;
        for (size_t i = 0; i < length; i++, t++) {
            ids[i] = (uint32_t)numbers[0][t];
            types[i] = (uint8_t)numbers[1][t];
        }
        const struct target target = target_of(task, numbers[2] + n, count, classes);
        assert_int_equal(token_store_add_row(store, ids, types, length, &target, &err), 0);
        n += count;
    }
}

static void
open_fixture(struct fixture *f, const struct golden_case *of)
{
    char path[512];
    *f = (struct fixture){.of = of};
    snprintf(path, sizeof path, "%s/tasks/%s", FIXTURES, of->name);
    small_model_read(&f->model, path);
    snprintf(path, sizeof path, "%s/tasks/%s/golden.safetensors", FIXTURES, of->name);
    f->golden = golden_open(path);
    assert_int_equal(f->model.config.task, of->task);
    assert_int_equal(f->model.config.label_count, of->labels);
    for (size_t b = 0; b < BATCHES; b++)
        read_batch(f, b, &f->stores[b]);
}

static void
close_fixture(struct fixture *f)
{
    for (size_t b = 0; b < BATCHES; b++)
        token_store_fini(&f->stores[b]);
    golden_close(f->golden);
    small_model_free(&f->model);
}

/* The worst error of a logit, whose rows (or tokens) stand where the batch put them. */
static double
logits_error(const struct fixture *f, const struct batch *batch, const float *logits)
{
    size_t k = f->of->labels;
    bool tokens = f->of->task == TASK_TOKEN_CLASSIFICATION;
    size_t all = tokens ? f->stores[0].tokens.count : f->stores[0].rows;
    const float *want = golden_values(f->golden, all * k, "logits");
    double worst = 0;
    for (size_t row = 0; row < batch->rows; row++) {
        size_t source = batch->sources[row];
        size_t from = tokens ? batch->offsets[row] : row;
        size_t count = tokens ? batch->offsets[row + 1] - from : 1;
        size_t at = tokens ? f->stores[0].offsets[source] : source;
        worst = fmax(worst, close_worst(logits + from * k, want + at * k, count * k));
    }
    return worst;
}

static void
logits_and_loss_equal_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct small_run run;
        struct workspace inference;
        struct err err;
        struct train_params params = small_params();
        open_fixture(&f, &cases[c]);
        small_run_open(&run, &f.model, &f.stores[0], &params, 2);
        double loss = small_run_forward(&run, 0);
        const struct workspace_shape shape = {.rows = f.stores[0].rows,
                                              .tokens = f.stores[0].tokens.count,
                                              .longest = f.stores[0].longest,
                                              .threads = 2};
        assert_int_equal(workspace_init(&inference, &f.model.config, &shape, &err), 0);
        encoder_forward(&(struct pass){.network = &f.model.network,
                                       .batch = &run.batch,
                                       .workspace = &inference,
                                       .pool = run.pool});
        double want = (double)*golden_values(f.golden, 1, "loss");
        double worst = logits_error(&f, &run.batch, inference.logits);
        printf("  %s: worst error of a logit %.2g, of the loss %.2g\n", cases[c].name, worst,
               fabs(loss - want));
        close_assert(worst, TOLERANCE_LOGITS, cases[c].name);
        close_assert(fabs(loss - want), TOLERANCE_LOSS, cases[c].name);
        workspace_fini(&inference);
        small_run_close(&run);
        close_fixture(&f);
    }
}

/* As in test_encoder.c: a key bias has no gradient but rounding. */
static double
gradient_error(struct fixture *f, const struct tensor *tensor, const float *gradients)
{
    size_t count = tensor->rows * tensor->columns;
    const float *want = golden_values(f->golden, count, "gradient.%s", tensor->name);
    if (tensor->kind != TENSOR_KEY_BIAS)
        return close_relative(gradients + tensor->offset, want, count);
    double scale = 0;
    const float *query =
        golden_values(f->golden, count, "gradient.bert.encoder.layer.%zu.attention.self.query.bias",
                      tensor->layer);
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs((double)query[i]));
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
        open_fixture(&f, &cases[c]);
        small_run_open(&run, &f.model, &f.stores[0], &params, 2);
        small_run_both(&run, 0);
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

/* The losses of STEPS steps; the model's parameters have changed. */
static void
train(struct fixture *f, size_t threads, size_t group_tokens, double losses[STEPS])
{
    struct small_run walks[BATCHES];
    struct train_params params = small_params();
    for (size_t b = 0; b < BATCHES; b++)
        small_run_open_in_groups(&walks[b], &f->model, &f->stores[b], &params, threads,
                                 group_tokens);
    for (size_t step = 0; step < STEPS; step++) {
        /* one optimizer and one gradient array for all three batches */
        struct small_run turn = walks[step % BATCHES];
        turn.optimizer = walks[0].optimizer;
        turn.gradients = walks[0].gradients;
        losses[step] = small_run_step(&turn, step, params.learning_rate);
        walks[0].optimizer = turn.optimizer;
    }
    for (size_t b = 0; b < BATCHES; b++)
        small_run_close(&walks[b]);
}

static void
twenty_steps_follow_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        double losses[STEPS];
        double worst = 0;
        open_fixture(&f, &cases[c]);
        const float *want = golden_values(f.golden, STEPS, "losses");
        train(&f, 2, 0, losses);
        for (size_t step = 0; step < STEPS; step++)
            worst = fmax(worst, fabs(losses[step] - (double)want[step]));
        printf("  %s: worst error of a loss %.2g\n", cases[c].name, worst);
        close_assert(worst, TOLERANCE_LOSS, cases[c].name);
        close_fixture(&f);
    }
}

static void
threads_change_no_bit(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture one, other;
        double losses[2][STEPS];
        open_fixture(&one, &cases[c]);
        open_fixture(&other, &cases[c]);
        train(&one, 1, 0, losses[0]);
        train(&other, 3, 0, losses[1]);
        assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
        assert_memory_equal(one.model.parameters, other.model.parameters,
                            one.model.layout.total * sizeof(float));
        close_fixture(&one);
        close_fixture(&other);
    }
}

/* Every cut sums in another order, so within rounding. */
static void
a_batch_in_groups_has_the_loss_and_gradient_of_the_whole(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct small_run whole, parts;
        struct train_params params = small_params();
        struct token_store many = {0};
        open_fixture(&f, &cases[c]);
        for (size_t i = 0; i < 12; i++)
            read_batch(&f, i % BATCHES, &many);
        small_run_open(&whole, &f.model, &many, &params, 2);
        small_run_open_in_groups(&parts, &f.model, &many, &params, 2, 4 * MOST_TOKENS);
        double loss = small_run_both(&whole, 0);
        assert_true(fabs(small_run_both(&parts, 0) - loss) < 1e-6);
        assert_true(parts.workspace.group_tokens < parts.batch.tokens && parts.batch.chunks >= 4);
        size_t words = f.model.config.vocab_size * f.model.config.hidden_size;
        close_assert(close_relative(parts.gradients + words, whole.gradients + words,
                                    f.model.layout.total - words),
                     TOLERANCE_GRADIENT, cases[c].name);
        small_run_close(&whole);
        small_run_close(&parts);
        token_store_fini(&many);
        close_fixture(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_loss_equal_the_reference),
        cmocka_unit_test(every_gradient_equals_the_reference),
        cmocka_unit_test(twenty_steps_follow_the_reference),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_batch_in_groups_has_the_loss_and_gradient_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
