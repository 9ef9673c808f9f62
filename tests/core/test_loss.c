/*
 * Losses of all tasks: PyTorch's values and gradients on 200 random cases of each kind (ties, one
 * class, rows without labels among them), finite differences, means over what belongs to them, and
 * outputs that are not judged.
 */
#include "core/model/layer.h"
#include "core/model/loss.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASES = 200, MOST_ROWS = 4, MOST_CLASSES = 100, MOST = MOST_ROWS * MOST_CLASSES };

/* The promise is 1e-5, relative; measured is a tenth of it. */
#define TOLERANCE_GOLDEN 1e-5

/* A batch of one-token rows whose logits are given: all that loss_judge looks at. */
struct stage {
    struct model_config config;
    struct network network;
    struct targets targets;
    struct batch batch;
    struct workspace workspace;
    struct pass pass;
    struct chunk chunk;
    uint32_t sources[MOST_ROWS];
    size_t offsets[MOST_ROWS + 1];
    float logits[MOST];
    double losses[MOST_ROWS];
    uint32_t best[MOST_ROWS];
};

static void
stage_open(struct stage *s, enum task task, size_t rows, size_t k)
{
    *s = (struct stage){.config = {.task = task, .label_count = k, .hidden_size = 8},
                        .targets = {.task = task, .width = task == TASK_REGRESSION ? k : 0}};
    s->network = (struct network){.config = &s->config, .ops = ops_best()};
    s->batch = (struct batch){.rows = rows,
                              .tokens = rows,
                              .chunks = 1,
                              .offsets = s->offsets,
                              .sources = s->sources,
                              .targets = &s->targets};
    s->workspace = (struct workspace){
        .shape = {.training = true}, .logits = s->logits, .losses = s->losses, .best = s->best};
    s->pass = (struct pass){.network = &s->network, .batch = &s->batch, .workspace = &s->workspace};
    s->chunk = (struct chunk){.pass = &s->pass, .to = rows, .last = rows};
    for (size_t i = 0; i < rows; i++) {
        s->sources[i] = (uint32_t)i;
        s->offsets[i + 1] = i + 1;
    }
}

static void
add(struct stage *s, const struct target *target)
{
    struct err err;
    assert_int_equal(targets_add(&s->targets, target, &err), 0);
}

/* A class, or LABEL_NONE, of the next row, which is one token. */
static void
add_class(struct stage *s, uint32_t label)
{
    add(s, &(struct target){.label = label, .ids = &label, .count = 1});
}

/* The mean loss; the logits have become its gradient. */
static double
judge(struct stage *s)
{
    double loss = 0;
    loss_judge(&s->chunk);
    for (size_t i = 0; i < s->batch.rows; i++)
        loss += s->losses[i];
    return loss / loss_weight(&s->batch, s->pass.loss);
}

/* ---- PyTorch --------------------------------------------------------------------------------- */

/* Where the reading of a kind's arrays stands. */
struct reader {
    struct golden *golden;
    const char *kind;
    size_t case_, at, row, class_; /* of cases; of numbers, rows and classes before this case */
    size_t rows, k;
};

static const float *
values_of(const struct reader *r, const char *name)
{
    size_t count = golden_count(r->golden, "%s.%s", r->kind, name);
    return golden_values(r->golden, count, "%s.%s", r->kind, name);
}

static void
look_at(struct reader *r)
{
    const float *shapes = values_of(r, "shapes") + 2 * r->case_;
    r->rows = (size_t)shapes[0];
    r->k = (size_t)shapes[1];
}

static void
move_on(struct reader *r)
{
    r->at += r->rows * r->k;
    r->row += r->rows;
    r->class_ += r->k;
    r->case_++;
}

/* Judge the case that the reader looks at, with targets added; the greater relative error. */
static double
compare(struct stage *s, const struct reader *r)
{
    size_t count = r->rows * r->k;
    double want = (double)values_of(r, "loss")[r->case_];
    memcpy(s->logits, values_of(r, "logits") + r->at, count * sizeof(float));
    double loss = judge(s);
    double error = fabs(loss - want) / fmax(fabs(want), 1e-3);
    const float *gradient = values_of(r, "gradient") + r->at;
    double scale = 1e-3; /* a gradient of nearly nothing is rounding */
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs((double)gradient[i]));
    return fmax(error, close_worst(s->logits, gradient, count) / scale);
}

/* Cross-entropy or focal loss, with the classes as those of rows or of tokens. */
static double
compare_classes(struct reader *r, enum task task)
{
    bool is_focal = strcmp(r->kind, "focal") == 0;
    struct stage s;
    look_at(r);
    struct loss_options options = {.class_weights = values_of(r, "weights") + r->class_};
    if (is_focal)
        options.focal_gamma = (double)values_of(r, "gamma")[r->case_];
    else
        options.label_smoothing = (double)values_of(r, "smoothing")[r->case_];
    bool even = true;
    for (size_t c = 0; c < r->k; c++)
        even = even && options.class_weights[c] == 1.0f;
    if (even)
        options.class_weights = NULL; /* the same without the array */
    stage_open(&s, task, r->rows, r->k);
    s.pass.loss = &options;
    bool all = true;
    for (size_t row = 0; row < r->rows; row++) {
        float label = values_of(r, "labels")[r->row + row];
        all = all && label >= 0;
        add_class(&s, label >= 0 ? (uint32_t)label : LABEL_NONE);
    }
    double error = task == TASK_TOKEN_CLASSIFICATION || all ? compare(&s, r) : 0;
    targets_fini(&s.targets);
    move_on(r);
    return error;
}

static double
compare_labels(struct reader *r)
{
    struct stage s;
    look_at(r);
    struct loss_options options = {.focal_gamma = (double)values_of(r, "gamma")[r->case_]};
    stage_open(&s, TASK_MULTI_LABEL, r->rows, r->k);
    s.pass.loss = &options;
    for (size_t row = 0; row < r->rows; row++) {
        const float *members = values_of(r, "members") + r->at + row * r->k;
        uint32_t ids[MOST_CLASSES];
        size_t count = 0;
        for (size_t c = 0; c < r->k; c++)
            if (members[c] > 0)
                ids[count++] = (uint32_t)c;
        add(&s, &(struct target){.ids = ids, .count = count});
    }
    double error = compare(&s, r);
    targets_fini(&s.targets);
    move_on(r);
    return error;
}

static double
compare_numbers(struct reader *r)
{
    struct stage s;
    look_at(r);
    stage_open(&s, TASK_REGRESSION, r->rows, r->k);
    for (size_t row = 0; row < r->rows; row++)
        add(&s, &(struct target){.values = values_of(r, "values") + r->at + row * r->k});
    double error = compare(&s, r);
    targets_fini(&s.targets);
    move_on(r);
    return error;
}

static void
losses_and_gradients_equal_the_reference(void **state)
{
    (void)state;
    struct golden *golden = golden_open(FIXTURES "/losses/losses.safetensors");
    static const char *const kinds[] = {"cross_entropy", "focal", "binary", "squared"};
    for (size_t kind = 0; kind < 4; kind++) {
        struct reader r = {.golden = golden, .kind = kinds[kind]};
        struct reader again = r;
        double worst = 0;
        for (size_t i = 0; i < CASES; i++) {
            double error = kind == 2   ? compare_labels(&r)
                           : kind == 3 ? compare_numbers(&r)
                                       : compare_classes(&r, TASK_TOKEN_CLASSIFICATION);
            if (kind < 2)
                error = fmax(error, compare_classes(&again, TASK_CLASSIFICATION));
            if (!(error <= TOLERANCE_GOLDEN))
                fail_msg("%s, case %zu: %g", kinds[kind], i, error);
            worst = fmax(worst, error);
        }
        printf("  %s: worst relative error in %d cases %.2g\n", kinds[kind], CASES, worst);
    }
    golden_close(golden);
}

/* ---- finite differences ---------------------------------------------------------------------- */

/* One row in double, as the formulae say. */
struct formula {
    enum task task;
    const struct loss_options *options;
    size_t k;
    uint32_t label;
    const bool *members;
    const float *values;
};

static double
class_formula(const struct formula *f, const double *z)
{
    double sum = 0;
    double spread = 0;
    const float *w = f->options->class_weights;
    for (size_t i = 0; i < f->k; i++)
        sum += exp(z[i] - z[0]);
    double log_sum = log(sum) + z[0];
    for (size_t i = 0; i < f->k; i++)
        spread += (double)w[i] * (log_sum - z[i]) / (double)f->k;
    double nll = log_sum - z[f->label];
    double e = f->options->label_smoothing;
    double focus = pow(1 - exp(-nll), f->options->focal_gamma);
    return ((1 - e) * (double)w[f->label] * focus * nll + e * spread) / (double)w[f->label];
}

static double
formula_of(const void *context, const double *z)
{
    const struct formula *f = context;
    double sum = 0;
    if (f->task == TASK_CLASSIFICATION)
        return class_formula(f, z);
    for (size_t i = 0; i < f->k; i++) {
        double s = f->members[i] ? z[i] : -z[i];
        double p = 1 / (1 + exp(-s));
        double error = z[i] - (double)f->values[i];
        sum += f->task == TASK_REGRESSION ? error * error
                                          : -log(p) * pow(1 - p, f->options->focal_gamma);
    }
    return sum / (double)f->k;
}

static void
gradients_are_those_of_finite_differences(void **state)
{
    (void)state;
    enum { K = 9 };
    static const double gammas[] = {0, 0.5, 2, 2.75};
    static const enum task tasks[] = {TASK_CLASSIFICATION, TASK_MULTI_LABEL, TASK_REGRESSION};
    float weights[K], values[K];
    bool members[K];
    uint32_t ids[K];
    size_t count = 0;
    close_noise(values, K, 4, 1);
    for (size_t i = 0; i < K; i++) {
        weights[i] = 0.5f + (float)i;
        members[i] = i % 4 == 1;
        if (members[i])
            ids[count++] = (uint32_t)i;
    }
    for (size_t c = 0; c < 12; c++) {
        double gamma = gammas[c % 4];
        struct loss_options options = {weights, gamma > 0 ? 0 : 0.3, gamma};
        struct formula f = {tasks[c / 4], &options, K, 5, members, values};
        struct stage s;
        double z[K], want[K];
        stage_open(&s, f.task, 1, K);
        s.pass.loss = &options;
        close_noise(s.logits, K, c, 2);
        close_widen(s.logits, K, z);
        close_difference(formula_of, &f, z, K, want);
        add(&s, &(struct target){.label = 5, .ids = ids, .count = count, .values = values});
        double loss = judge(&s);
        close_assert(fabs(loss - formula_of(&f, z)), TOLERANCE_OPERATOR * fmax(1, fabs(loss)),
                     "loss");
        close_assert(close_relative_double(s.logits, want, K), TOLERANCE_OPERATOR, "gradient");
        targets_fini(&s.targets);
    }
}

/* ---- what is judged -------------------------------------------------------------------------- */

static void
tokens_without_a_class_have_no_loss_and_no_gradient(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, TASK_TOKEN_CLASSIFICATION, 3, 2);
    add_class(&s, LABEL_NONE);
    add_class(&s, 1);
    add_class(&s, LABEL_NONE);
    for (size_t i = 0; i < 6; i++)
        s.logits[i] = (float)i;
    assert_true(loss_weight(&s.batch, NULL) == 1.0);
    judge(&s);
    assert_true(s.losses[0] == 0 && s.losses[1] > 0 && s.losses[2] == 0);
    assert_true(s.logits[0] == 0 && s.logits[1] == 0 && s.logits[4] == 0 && s.logits[5] == 0);
    assert_true(s.logits[2] > 0 && s.logits[3] < 0);
    assert_true(s.best[0] == 1 && s.best[2] == 1); /* predictions, all the same */
    targets_fini(&s.targets);
}

static void
a_batch_without_any_class_has_the_loss_zero(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, TASK_TOKEN_CLASSIFICATION, 2, 3);
    add_class(&s, LABEL_NONE);
    add_class(&s, LABEL_NONE);
    close_noise(s.logits, 6, 1, 1);
    assert_true(loss_weight(&s.batch, NULL) == 1.0);
    assert_true(judge(&s) == 0);
    for (size_t i = 0; i < 6; i++)
        assert_true(s.logits[i] == 0);
    targets_fini(&s.targets);
}

static void
an_evaluation_leaves_the_logits_and_ignores_the_options(void **state)
{
    (void)state;
    static const float weights[] = {9, 9};
    struct loss_options options = {.class_weights = weights, .label_smoothing = 0.5};
    struct stage s;
    float before[4];
    stage_open(&s, TASK_CLASSIFICATION, 2, 2);
    s.workspace.shape.training = false;
    s.pass.loss = &options;
    add_class(&s, 0);
    add_class(&s, LABEL_NONE);
    close_noise(s.logits, 4, 3, 1);
    memcpy(before, s.logits, sizeof before);
    loss_judge(&s.chunk);
    assert_memory_equal(s.logits, before, sizeof before);
    double want = log(exp((double)before[0]) + exp((double)before[1])) - (double)before[0];
    assert_true(fabs(s.losses[0] - want) < 1e-6);
    assert_true(s.losses[1] == 0);
    targets_fini(&s.targets);
}

static void
options_that_say_nothing_give_the_plain_bits(void **state)
{
    (void)state;
    struct loss_options nothing = {0};
    struct stage a, b;
    stage_open(&a, TASK_CLASSIFICATION, 3, 5);
    for (uint32_t i = 0; i < 3; i++)
        add_class(&a, i);
    close_noise(a.logits, 15, 8, 3);
    b = a;
    b.pass.loss = &nothing;
    b.pass.batch = &b.batch;
    b.pass.workspace = &b.workspace;
    b.pass.network = &b.network;
    b.workspace.logits = b.logits;
    b.workspace.losses = b.losses;
    b.workspace.best = b.best;
    b.chunk.pass = &b.pass;
    judge(&a);
    judge(&b);
    assert_memory_equal(a.logits, b.logits, 15 * sizeof(float));
    assert_memory_equal(a.losses, b.losses, 3 * sizeof(double));
    targets_fini(&a.targets);
}

static void
the_mean_is_that_of_the_whole_batch_where_a_batch_is_taken_in_parts(void **state)
{
    (void)state;
    static const float weights[] = {3, 1};
    struct loss_options options = {.class_weights = weights};
    struct stage whole, part;
    float gradient[8];
    double sum = 0;
    stage_open(&whole, TASK_CLASSIFICATION, 4, 2);
    whole.pass.loss = &options;
    for (uint32_t i = 0; i < 4; i++)
        add_class(&whole, i % 2);
    assert_true(loss_weight(&whole.batch, &options) == 8.0);
    close_noise(whole.logits, 8, 2, 2);
    for (size_t row = 0; row < 4; row++) {
        stage_open(&part, TASK_CLASSIFICATION, 1, 2);
        part.pass.loss = &options;
        part.pass.before.loss_weight = 8.0;
        add_class(&part, (uint32_t)row % 2);
        memcpy(part.logits, whole.logits + 2 * row, 2 * sizeof(float));
        loss_judge(&part.chunk);
        sum += part.losses[0];
        memcpy(gradient + 2 * row, part.logits, sizeof part.logits[0] * 2);
        targets_fini(&part.targets);
    }
    assert_true(fabs(judge(&whole) - sum / 8) < 1e-12);
    assert_memory_equal(whole.logits, gradient, sizeof gradient);
    targets_fini(&whole.targets);
}

static void
not_a_number_is_a_loss_that_is_not_a_number(void **state)
{
    (void)state;
    static const float weights[] = {1, 2, 3};
    static const enum task tasks[] = {TASK_CLASSIFICATION, TASK_MULTI_LABEL, TASK_REGRESSION};
    static const double gammas[] = {0, 0.5, 2};
    for (size_t c = 0; c < 9; c++) {
        struct loss_options options = {weights, 0, gammas[c / 3]};
        struct stage s;
        stage_open(&s, tasks[c % 3], 1, 3);
        s.pass.loss = &options;
        add(&s, &(struct target){.label = 1, .values = weights});
        s.logits[2] = NAN;
        assert_true(isnan(judge(&s)));
        targets_fini(&s.targets);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_equal_the_reference),
        cmocka_unit_test(gradients_are_those_of_finite_differences),
        cmocka_unit_test(tokens_without_a_class_have_no_loss_and_no_gradient),
        cmocka_unit_test(a_batch_without_any_class_has_the_loss_zero),
        cmocka_unit_test(an_evaluation_leaves_the_logits_and_ignores_the_options),
        cmocka_unit_test(options_that_say_nothing_give_the_plain_bits),
        cmocka_unit_test(the_mean_is_that_of_the_whole_batch_where_a_batch_is_taken_in_parts),
        cmocka_unit_test(not_a_number_is_a_loss_that_is_not_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
