/*
 * Every instruction set that this processor has gives the same bits as plain C, for every operator,
 * on odd sizes and on ordinary, subnormal, huge and not-a-number values. (Which NaN an operation
 * returns is not fixed by IEEE 754: every NaN counts as every other.)
 */
#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/ops/ops.h"
#include "tests/support/close.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 400, ARRAYS = 7 };

static const size_t sizes[] = {1,  2,  3,   7,   15,  16,  17,  31, 33,
                               64, 77, 127, 128, 129, 255, 384, 399};

/* Inputs of one trial; operators read and write them as they like. */
struct trial {
    size_t n;
    float arrays[ARRAYS][LONGEST];
    float stats[2];
    double sum;
    uint32_t best;
};

enum flavour { ORDINARY, SUBNORMAL, HUGE_VALUES, MIXED, WITH_NAN, FLAVOURS };

static void
fill_trial(struct trial *trial, size_t n, enum flavour flavour)
{
    static const double scales[] = {[ORDINARY] = 1.0,
                                    [SUBNORMAL] = 1e-41,
                                    [HUGE_VALUES] = 1e37,
                                    [MIXED] = 1.0,
                                    [WITH_NAN] = 1.0};
    static const float mixed[] = {0.0f, -0.0f, 1e-44f, -FLT_MIN, FLT_MAX, -FLT_MAX, 88.5f, -104.0f};
    *trial = (struct trial){.n = n, .stats = {0.25f, 1.5f}};
    for (size_t a = 0; a < ARRAYS; a++) {
        close_noise(trial->arrays[a], LONGEST, 100 * a + flavour, scales[flavour]);
        for (size_t i = a; flavour == MIXED && i < LONGEST; i += 5)
            trial->arrays[a][i] = mixed[(i + a) % (sizeof mixed / sizeof *mixed)];
        for (size_t i = a; flavour == WITH_NAN && i < LONGEST; i += 11)
            trial->arrays[a][i] = i % 2 == 0 ? NAN : INFINITY;
    }
}

/* One entry for each operator of struct ops, and one for each kind of activation and step. */
typedef void operator(const struct ops *ops, struct trial *t);

static struct dropout
site(void)
{
    return dropout_site(0.2, 3, RNG_FFN_OUTPUT_DROPOUT, 1, 9);
}

static void
add_three(const struct ops *ops, struct trial *t)
{
    ops->add_three(t->n, t->arrays[0], t->arrays[1], t->arrays[2], t->arrays[3]);
}

static void
add(const struct ops *ops, struct trial *t)
{
    ops->add(t->n, t->arrays[0], t->arrays[1]);
}

static void
sum_squares(const struct ops *ops, struct trial *t)
{
    t->sum = ops->sum_squares(t->n, t->arrays[0]);
}

static void
dropout(const struct ops *ops, struct trial *t)
{
    struct dropout s = site();
    ops->dropout(&s, 1000, t->n, t->arrays[0]);
}

/* The halves go over the second array, as floats. */
static void
round_bf16(const struct ops *ops, struct trial *t)
{
    uint16_t halves[sizeof t->arrays[0] / sizeof t->arrays[0][0]];
    ops->round_bf16(t->n, t->arrays[0], halves);
    ops->widen_bf16(t->n, halves, t->arrays[1]);
}

static void
norm(const struct ops *ops, struct trial *t)
{
    ops->norm(t->n, 1e-12f, t->arrays[0], t->arrays[1], t->arrays[2], t->arrays[3], t->stats);
}

static void
norm_again(const struct ops *ops, struct trial *t)
{
    ops->norm_again(t->n, t->arrays[0], t->stats, t->arrays[1], t->arrays[2], t->arrays[3]);
}

static void
residual_norm(const struct ops *ops, struct trial *t)
{
    struct dropout s = site();
    ops->residual_norm(&s, 5, t->n, 1e-12f, t->arrays[0], t->arrays[1], t->arrays[2], t->arrays[3],
                       t->arrays[4], t->stats);
}

static void
norm_backward(const struct ops *ops, struct trial *t)
{
    ops->norm_backward(t->n, t->arrays[0], t->stats, t->arrays[1], t->arrays[2], t->arrays[3],
                       t->arrays[4]);
}

static void
residual_norm_backward(const struct ops *ops, struct trial *t)
{
    struct dropout s = site();
    ops->residual_norm_backward(&s, 5, t->n, t->arrays[0], t->stats, t->arrays[1], t->arrays[2],
                                t->arrays[3], t->arrays[4], t->arrays[5]);
}

static void
softmax(const struct ops *ops, struct trial *t)
{
    ops->softmax(t->n, t->arrays[0]);
}

/* The greatest square that n numbers hold. */
static size_t
side_of(const struct trial *t)
{
    size_t s = 1;
    while ((s + 1) * (s + 1) <= t->n)
        s++;
    return s;
}

static void
softmax_dropout(const struct ops *ops, struct trial *t)
{
    struct dropout s = site();
    ops->softmax_dropout(&s, 5, side_of(t), side_of(t), 0.25f, t->arrays[0], t->arrays[1]);
    ops->softmax_dropout(&s, 6, side_of(t), side_of(t), 0.25f, t->arrays[2], NULL);
    ops->softmax_dropout_backward(&s, 7, side_of(t), side_of(t), 0.25f, t->arrays[3], t->arrays[4]);
}

static void
activations(const struct ops *ops, struct trial *t)
{
    ops->activation(ACTIVATION_GELU, t->n, t->arrays[0], t->arrays[0]);
    ops->activation(ACTIVATION_GELU_TANH, t->n, t->arrays[1], t->arrays[1]);
    ops->activation(ACTIVATION_RELU, t->n, t->arrays[2], t->arrays[2]);
    ops->activation(ACTIVATION_SILU, t->n, t->arrays[3], t->arrays[3]);
    ops->tanh(t->n, t->arrays[4]);
}

static void
smooth_backward(const struct ops *ops, struct trial *t)
{
    ops->activation_backward(ACTIVATION_GELU, t->n, t->arrays[0], t->arrays[1], t->arrays[6]);
    ops->activation_backward(ACTIVATION_GELU_TANH, t->n, t->arrays[2], t->arrays[3], t->arrays[6]);
    ops->activation_backward(ACTIVATION_SILU, t->n, t->arrays[4], t->arrays[5], t->arrays[6]);
}

static void
other_backward(const struct ops *ops, struct trial *t)
{
    ops->activation_backward(ACTIVATION_RELU, t->n, t->arrays[0], t->arrays[1], t->arrays[6]);
    ops->tanh_backward(t->n, t->arrays[2], t->arrays[3]);
}

static void
cross_entropy(const struct ops *ops, struct trial *t)
{
    t->sum = ops->cross_entropy(t->n, (uint32_t)t->n / 2, 0.03f, t->arrays[0], &t->best);
}

static void
weighed_cross_entropy(const struct ops *ops, struct trial *t)
{
    struct loss_options options = {.class_weights = t->arrays[1], .label_smoothing = 0.1};
    t->sum = ops->weighed_cross_entropy(t->n, &options, (uint32_t)t->n / 2, 0.03f, t->arrays[0],
                                        &t->best);
    options = (struct loss_options){.focal_gamma = 2.5};
    t->sum += ops->weighed_cross_entropy(t->n, &options, (uint32_t)t->n / 3, 0.03f, t->arrays[2],
                                         &t->best);
}

static void
binary_cross_entropy(const struct ops *ops, struct trial *t)
{
    static const uint32_t ids[] = {0, 5, 6, 31, 200};
    struct label_list labels = {ids, sizeof ids / sizeof *ids};
    t->sum = ops->binary_cross_entropy(t->n, &labels, 0, 0.03f, t->arrays[0]);
    t->sum += ops->binary_cross_entropy(t->n, &labels, 1.5, 0.03f, t->arrays[1]);
}

static void
squared_error(const struct ops *ops, struct trial *t)
{
    t->sum = ops->squared_error(t->n, t->arrays[1], 0.03f, t->arrays[0]);
}

static void
adam(const struct ops *ops, struct trial *t)
{
    struct adam_step step = {.gradient_factor = 0.7f,
                             .beta2 = 0.999f,
                             .epsilon = 1e-8f,
                             .fresh1 = 0.1f,
                             .fresh2 = 0.001f,
                             .step_size = 0.01f,
                             .root_correction = 3.0f,
                             .coupled_decay = 0.01f,
                             .decoupled_decay = 0.001f};
    for (size_t i = 0; i < t->n; i++) /* second moments are never negative */
        t->arrays[3][i] = fabsf(t->arrays[3][i]);
    ops->adam(t->n, &step, t->arrays[0], t->arrays[1], t->arrays[2], t->arrays[3]);
}

static void
sgd(const struct ops *ops, struct trial *t)
{
    struct sgd_step step = {.gradient_factor = 0.7f, .learning_rate = 0.1f, .coupled_decay = 0.01f};
    ops->sgd(t->n, &step, t->arrays[0], t->arrays[1], t->arrays[2]);
    step.momentum = 0.9f;
    ops->sgd(t->n, &step, t->arrays[0], t->arrays[3], t->arrays[4]);
    step.first = true;
    ops->sgd(t->n, &step, t->arrays[0], t->arrays[1], t->arrays[5]);
}

static const struct {
    const char *name;
    operator* run;
} operators[] = {
    {"add_three", add_three},
    {"add", add},
    {"sum_squares", sum_squares},
    {"dropout", dropout},
    {"norm", norm},
    {"residual_norm", residual_norm},
    {"norm_backward", norm_backward},
    {"residual_norm_backward", residual_norm_backward},
    {"norm_again", norm_again},
    {"round_bf16", round_bf16},
    {"softmax", softmax},
    {"softmax_dropout and its backward", softmax_dropout},
    {"activations", activations},
    {"smooth activation_backward", smooth_backward},
    {"relu and tanh backward", other_backward},
    {"cross_entropy", cross_entropy},
    {"adam", adam},
    {"sgd", sgd},
    {"weighed_cross_entropy", weighed_cross_entropy},
    {"binary_cross_entropy", binary_cross_entropy},
    {"squared_error", squared_error},
};

/* Those from here on came later than the others' known results. */
enum { FIRST_LATER = 18 };

static void
compare(const struct ops *set, size_t index, size_t n, enum flavour flavour)
{
    static struct trial plain, other; /* large for a stack under a sanitizer */
    fill_trial(&plain, n, flavour);
    fill_trial(&other, n, flavour);
    operators[index].run(ops_set(0), &plain);
    operators[index].run(set, &other);
    char what[128];
    snprintf(what, sizeof what, "%s on %s, n = %zu, flavour %d", operators[index].name, set->name,
             n, (int)flavour);
    close_assert_bits(&other.arrays[0][0], &plain.arrays[0][0], ARRAYS * LONGEST, what);
    close_assert_bits(other.stats, plain.stats, 2, what);
    if (memcmp(&other.sum, &plain.sum, sizeof plain.sum) != 0 &&
        !(isnan(other.sum) && isnan(plain.sum)))
        fail_msg("%s: sum %a, not %a", what, other.sum, plain.sum);
    if (other.best != plain.best)
        fail_msg("%s: best %u, not %u", what, other.best, plain.best);
}

static void
all_sets_give_the_bits_of_plain_c(void **state)
{
    (void)state;
    for (size_t set = 1; ops_set(set) != NULL; set++) {
        printf("  %s against %s\n", ops_set(set)->name, ops_set(0)->name);
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (int flavour = 0; flavour < FLAVOURS; flavour++)
                    compare(ops_set(set), i, sizes[s], (enum flavour)flavour);
    }
}

/* ---- over builds and machines ---------------------------------------------------------------- */

/*
 * SHA-256 of the results of all operators, as every build on every machine must give them (only
 * IEEE 754 arithmetic and sqrt reach a result). A deliberate change of the operators' bits changes
 * it: put the new value here and raise NUMERICS_VERSION in core/train/numerics.h with it.
 */
static const char *const known_results[] = {
    "46be54ea38461fec494d44a31c923f23434a524b1f71a95d77442203f68cd07d",
    "a6239d2f36a19d33940f1821bd34769cb1f1df2a47151ce3ea8bba487a9c7c5d", /* from FIRST_LATER on */
};

static void
append_results(struct buf *results, const struct trial *t)
{
    for (size_t a = 0; a < ARRAYS; a++) {
        for (size_t i = 0; i < t->n; i++) {
            float value = isnan(t->arrays[a][i]) ? 0.0f : t->arrays[a][i];
            buf_append(results, &value, sizeof value);
        }
    }
    double sum = isnan(t->sum) ? 0.0 : t->sum;
    buf_append(results, &sum, sizeof sum);
}

static void
assert_results(size_t from, size_t to, const char *known)
{
    static struct trial trial;
    struct buf results = {0};
    char hex[65];
    for (size_t i = from; i < to; i++) {
        for (int flavour = 0; flavour < FLAVOURS; flavour++) {
            fill_trial(&trial, 384 - 5, (enum flavour)flavour);
            operators[i].run(ops_best(), &trial);
            append_results(&results, &trial);
        }
    }
    fileio_sha256_bytes(results.data, results.length, hex);
    buf_fini(&results);
    assert_string_equal(hex, known);
}

static void
results_are_the_known_ones_in_every_build(void **state)
{
    (void)state;
    assert_results(0, FIRST_LATER, known_results[0]);
    assert_results(FIRST_LATER, sizeof operators / sizeof *operators, known_results[1]);
}

static void
the_sets_end_with_null_and_the_best_is_the_last(void **state)
{
    (void)state;
    size_t count = 0;
    while (ops_set(count) != NULL)
        count++;
    assert_true(count >= 1);
    assert_ptr_equal(ops_best(), ops_set(count - 1));
    assert_string_equal(ops_set(0)->name, "plain");
    assert_null(ops_set(100));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sets_give_the_bits_of_plain_c),
        cmocka_unit_test(results_are_the_known_ones_in_every_build),
        cmocka_unit_test(the_sets_end_with_null_and_the_best_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
