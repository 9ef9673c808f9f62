/* Softmax: formula in double, gradient check, PyTorch's tensors, extreme numbers. */
#include "core/ops/ops.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 384 };

static const size_t sizes[] = {1, 2, 15, 16, 17, 33, 128, LONGEST};

static void
twin(const double *x, size_t n, double *p)
{
    double maximum = x[0];
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        maximum = fmax(maximum, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - maximum);
    for (size_t i = 0; i < n; i++)
        p[i] = exp(x[i] - maximum) / sum;
}

static void
softmax_follows_its_formula_on_odd_sizes(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        float p[LONGEST];
        double x[LONGEST], want[LONGEST];
        double sum = 0;
        close_noise(p, n, s, 4.0);
        close_widen(p, n, x);
        twin(x, n, want);
        ops_best()->softmax(n, p);
        close_assert(close_relative_double(p, want, n), TOLERANCE_OPERATOR, "softmax");
        for (size_t i = 0; i < n; i++)
            sum += (double)p[i];
        close_assert(fabs(sum - 1), TOLERANCE_OPERATOR, "sum of probabilities");
    }
}

struct difference_case {
    size_t n;
    const float *dp;
};

static double
weighted_sum(const void *context, const double *x)
{
    const struct difference_case *c = context;
    double p[LONGEST];
    double sum = 0;
    twin(x, c->n, p);
    for (size_t i = 0; i < c->n; i++)
        sum += (double)c->dp[i] * p[i];
    return sum;
}

/* A head of one row without scale or dropout. */
static void
softmax_backward(size_t n, const float *p, float *dp)
{
    struct dropout none = dropout_site(0.0, 3, RNG_ATTENTION_DROPOUT, 1, 2);
    ops_best()->softmax_dropout_backward(&none, 0, 1, n, 1.0f, p, dp);
}

static void
softmax_backward_is_the_derivative_of_softmax(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        float p[LONGEST], dp[LONGEST];
        double x[LONGEST], want[LONGEST];
        close_noise(p, n, 10 + s, 1.0);
        close_noise(dp, n, 20 + s, 1.0);
        close_widen(p, n, x);
        close_difference(weighted_sum, &(struct difference_case){n, dp}, x, n, want);
        ops_best()->softmax(n, p);
        softmax_backward(n, p, dp);
        close_assert(close_relative_double(dp, want, n), TOLERANCE_OPERATOR, "softmax_backward");
    }
}

static void
softmax_and_its_backward_equal_the_reference(void **state)
{
    (void)state;
    static const size_t golden_sizes[] = {1, 2, 16, 33, 128};
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    double worst = 0;
    for (size_t s = 0; s < sizeof golden_sizes / sizeof *golden_sizes; s++) {
        size_t n = golden_sizes[s];
        float p[LONGEST], dx[LONGEST];
        memcpy(p, golden_values(golden, n, "softmax.%zu.x", n), n * sizeof *p);
        memcpy(dx, golden_values(golden, n, "softmax.%zu.dp", n), n * sizeof *dx);
        ops_best()->softmax(n, p);
        softmax_backward(n, p, dx);
        worst = fmax(worst, close_relative(p, golden_values(golden, n, "softmax.%zu.p", n), n));
        worst = fmax(worst, close_relative(dx, golden_values(golden, n, "softmax.%zu.dx", n), n));
    }
    printf("  worst relative error against the reference %.2g\n", worst);
    close_assert(worst, TOLERANCE_OPERATOR, "softmax");
    golden_close(golden);
}

static void
very_negative_scores_get_no_weight_and_make_no_subnormals(void **state)
{
    (void)state;
    float x[20];
    for (size_t i = 0; i < 20; i++)
        x[i] = -FLT_MAX;
    x[17] = 0.0f;
    ops_best()->softmax(20, x);
    assert_true(x[17] == 1.0f);
    for (size_t i = 0; i < 20; i++)
        assert_true(i == 17 || (x[i] >= FLT_MIN && x[i] < 1.3e-38f));
}

static void
scores_that_are_equal_and_huge_share_evenly(void **state)
{
    (void)state;
    static const float values[] = {FLT_MAX, -FLT_MAX, 0.0f, 1e-42f};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        float x[32];
        for (size_t i = 0; i < 32; i++)
            x[i] = values[v];
        ops_best()->softmax(32, x);
        for (size_t i = 0; i < 32; i++)
            assert_true(x[i] == 1.0f / 32.0f);
    }
}

static void
one_nan_makes_the_whole_row_nan(void **state)
{
    (void)state;
    for (size_t at = 0; at < 33; at++) {
        float x[33] = {0};
        x[at] = NAN;
        ops_best()->softmax(33, x);
        for (size_t i = 0; i < 33; i++)
            assert_true(isnan(x[i]));
    }
}

/* ---- one head of attention ------------------------------------------------------------------- */

enum { WIDEST = 65 };

static const size_t sides[] = {1, 2, 3, 11, 15, 16, 17, 32, 33, WIDEST};
static const float scale = 0.35f;

static void
softmax_dropout_is_the_softmax_of_scaled_scores_then_dropout(void **state)
{
    (void)state;
    static const double probabilities[] = {0.0, 0.3};
    static float z[WIDEST * WIDEST], dropped[WIDEST * WIDEST], in_place[WIDEST * WIDEST];
    for (size_t c = 0; c < 2 * sizeof sides / sizeof *sides; c++) {
        struct dropout site = dropout_site(probabilities[c % 2], 3, RNG_ATTENTION_DROPOUT, 1, 2);
        size_t s = sides[c / 2];
        double want[WIDEST * WIDEST];
        close_noise(z, s * s, c, 6.0);
        memcpy(in_place, z, sizeof z);
        for (size_t row = 0; row < s; row++) {
            double x[WIDEST];
            for (size_t i = 0; i < s; i++)
                x[i] = (double)scale * (double)z[row * s + i];
            twin(x, s, want + row * s);
        }
        ops_best()->softmax_dropout(&site, 5, s, s, scale, z, dropped);
        ops_best()->softmax_dropout(&site, 5, s, s, scale, in_place, NULL);
        close_assert(close_relative_double(z, want, s * s), TOLERANCE_OPERATOR, "probabilities");
        close_assert_bits(in_place, dropped, s * s, "in place");
        ops_best()->dropout(&site, 5, s * s, z);
        close_assert_bits(dropped, z, s * s, "dropped");
    }
}

struct head_case {
    size_t s;
    const float *factors, *weights; /* (S,S) */
};

/* sum of weights * dropout(softmax(scale z)) of the head */
static double
weighted_head(const void *context, const double *z)
{
    const struct head_case *c = context;
    double sum = 0;
    for (size_t row = 0; row < c->s; row++) {
        double x[WIDEST], p[WIDEST];
        for (size_t i = 0; i < c->s; i++)
            x[i] = (double)scale * z[row * c->s + i];
        twin(x, c->s, p);
        for (size_t i = 0; i < c->s; i++)
            sum += (double)c->weights[row * c->s + i] * (double)c->factors[row * c->s + i] * p[i];
    }
    return sum;
}

static void
softmax_dropout_backward_is_its_derivative(void **state)
{
    (void)state;
    static const double probabilities[] = {0.0, 0.3};
    enum { MOST = 33 };
    for (size_t c = 0; c < 2 * sizeof sides / sizeof *sides && sides[c / 2] <= MOST; c++) {
        struct dropout site = dropout_site(probabilities[c % 2], 3, RNG_ATTENTION_DROPOUT, 1, 2);
        size_t s = sides[c / 2];
        float z[MOST * MOST], dropped[MOST * MOST], dp[MOST * MOST], factors[MOST * MOST];
        double x[MOST * MOST], want[MOST * MOST];
        close_noise(z, s * s, c, 2.0);
        close_noise(dp, s * s, 100 + c, 1.0);
        close_widen(z, s * s, x);
        for (size_t i = 0; i < s * s; i++)
            factors[i] = 1.0f;
        ops_best()->dropout(&site, 9, s * s, factors);
        close_difference(weighted_head, &(struct head_case){s, factors, dp}, x, s * s, want);
        ops_best()->softmax_dropout(&site, 9, s, s, scale, z, dropped);
        ops_best()->softmax_dropout_backward(&site, 9, s, s, scale, z, dp);
        double error =
            s == 1 ? close_worst_double(dp, want, 1) : close_relative_double(dp, want, s * s);
        close_assert(error, TOLERANCE_OPERATOR, "gradient of the scores");
    }
}

/* However many rows are worked on at once, and also where one row is more than that. */
static void
a_head_is_its_rows_one_by_one(void **state)
{
    (void)state;
    enum { ROWS = 3, LONG = 4097 };
    static const size_t lengths[] = {1, 5, 16, 100, 512, 2048, LONG};
    static float z[2][ROWS * LONG], dp[2][ROWS * LONG];
    struct dropout none = dropout_site(0.0, 3, RNG_ATTENTION_DROPOUT, 1, 2);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t s = lengths[l];
        close_noise(z[0], ROWS * s, l, 3.0);
        close_noise(dp[0], ROWS * s, 100 + l, 1.0);
        memcpy(z[1], z[0], sizeof z[1]);
        memcpy(dp[1], dp[0], sizeof dp[1]);
        ops_best()->softmax_dropout(&none, 0, ROWS, s, 1.0f, z[0], NULL);
        ops_best()->softmax_dropout_backward(&none, 0, ROWS, s, 1.0f, z[0], dp[0]);
        for (size_t row = 0; row < ROWS; row++) {
            ops_best()->softmax(s, z[1] + row * s);
            softmax_backward(s, z[1] + row * s, dp[1] + row * s);
        }
        close_assert_bits(z[0], z[1], ROWS * s, "probabilities");
        close_assert_bits(dp[0], dp[1], ROWS * s, "gradient of the scores");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_follows_its_formula_on_odd_sizes),
        cmocka_unit_test(softmax_backward_is_the_derivative_of_softmax),
        cmocka_unit_test(softmax_and_its_backward_equal_the_reference),
        cmocka_unit_test(very_negative_scores_get_no_weight_and_make_no_subnormals),
        cmocka_unit_test(scores_that_are_equal_and_huge_share_evenly),
        cmocka_unit_test(one_nan_makes_the_whole_row_nan),
        cmocka_unit_test(softmax_dropout_is_the_softmax_of_scaled_scores_then_dropout),
        cmocka_unit_test(softmax_dropout_backward_is_its_derivative),
        cmocka_unit_test(a_head_is_its_rows_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
