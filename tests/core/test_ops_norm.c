/* LayerNorm with dropout and residual: formula in double, gradient check, PyTorch's tensors. */
#include "core/ops/ops.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 384 };

static const size_t sizes[] = {1, 2, 15, 16, 17, 33, 128, LONGEST};
static const float epsilon = 1e-12f;

/* The arrays of one case; gamma around 1. */
struct norm_case {
    size_t n;
    float x[LONGEST], gamma[LONGEST], beta[LONGEST], dy[LONGEST];
};

static void
fill_case(struct norm_case *c, size_t n)
{
    c->n = n;
    close_noise(c->x, n, 1, 2.0);
    close_noise(c->gamma, n, 2, 0.5);
    close_noise(c->beta, n, 3, 0.5);
    close_noise(c->dy, n, 4, 1.0);
    for (size_t i = 0; i < n; i++)
        c->gamma[i] += 1.0f;
}

/* The naive twin: y of x, all in double. */
static void
twin(const double *x, const double *gamma, const double *beta, size_t n, double *y)
{
    double mean = 0;
    double variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) / sqrt(variance + (double)epsilon) * gamma[i] + beta[i];
}

static void
norm_follows_its_formula_on_odd_sizes(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct norm_case c;
        double x[LONGEST], gamma[LONGEST], beta[LONGEST], want[LONGEST];
        float y[LONGEST], stats[2];
        fill_case(&c, sizes[s]);
        close_widen(c.x, c.n, x);
        close_widen(c.gamma, c.n, gamma);
        close_widen(c.beta, c.n, beta);
        twin(x, gamma, beta, c.n, want);
        ops_best()->norm(c.n, epsilon, c.x, c.gamma, c.beta, y, stats);
        close_assert(close_relative_double(y, want, c.n), TOLERANCE_OPERATOR, "norm");
    }
}

static void
a_row_of_equal_numbers_becomes_beta(void **state)
{
    (void)state;
    float x[33], gamma[33], beta[33], y[33], stats[2];
    close_noise(gamma, 33, 1, 1.0);
    close_noise(beta, 33, 2, 1.0);
    for (size_t i = 0; i < 33; i++)
        x[i] = 0.75f;
    ops_best()->norm(33, epsilon, x, gamma, beta, y, stats);
    close_assert_bits(y, beta, 33, "norm of a constant row");
    assert_true(stats[0] == 0.75f && isfinite(stats[1]));
}

/* sum of dy * norm(x; gamma, beta); the argument is x, gamma and beta end to end. */
static double
weighted_sum(const void *context, const double *arguments)
{
    const struct norm_case *c = context;
    double y[LONGEST];
    double sum = 0;
    twin(arguments, arguments + c->n, arguments + 2 * c->n, c->n, y);
    for (size_t i = 0; i < c->n; i++)
        sum += (double)c->dy[i] * y[i];
    return sum;
}

static void
norm_backward_is_the_derivative_of_norm(void **state)
{
    (void)state;
    static const size_t small[] = {2, 3, 15, 16, 17, 33, 48};
    for (size_t s = 0; s < sizeof small / sizeof *small; s++) {
        struct norm_case c;
        double arguments[3 * LONGEST], want[3 * LONGEST];
        float y[LONGEST], stats[2], dx[LONGEST];
        float dgamma[LONGEST] = {0};
        float dbeta[LONGEST] = {0};
        fill_case(&c, small[s]);
        size_t n = c.n;
        close_widen(c.x, n, arguments);
        close_widen(c.gamma, n, arguments + n);
        close_widen(c.beta, n, arguments + 2 * n);
        close_difference(weighted_sum, &c, arguments, 3 * n, want);
        ops_best()->norm(n, epsilon, c.x, c.gamma, c.beta, y, stats);
        memcpy(dx, c.dy, sizeof dx);
        ops_best()->norm_backward(n, c.x, stats, c.gamma, dx, dgamma, dbeta);
        /* With two elements dx is zero but for rounding: its scale is dy, not itself. */
        double error =
            n == 2 ? close_worst_double(dx, want, n) : close_relative_double(dx, want, n);
        close_assert(error, TOLERANCE_OPERATOR, "dx");
        close_assert(close_relative_double(dgamma, want + n, n), TOLERANCE_OPERATOR, "dgamma");
        close_assert(close_relative_double(dbeta, want + 2 * n, n), TOLERANCE_OPERATOR, "dbeta");
    }
}

static void
norm_backward_adds_to_the_gradients_of_gamma_and_beta(void **state)
{
    (void)state;
    struct norm_case c;
    float y[17], stats[2], once[17], twice[17];
    float dgamma[2][17] = {{0}};
    float dbeta[2][17] = {{0}};
    fill_case(&c, 17);
    ops_best()->norm(17, epsilon, c.x, c.gamma, c.beta, y, stats);
    memcpy(once, c.dy, sizeof once);
    ops_best()->norm_backward(17, c.x, stats, c.gamma, once, dgamma[0], dbeta[0]);
    for (int round = 0; round < 2; round++) {
        memcpy(twice, c.dy, sizeof twice);
        ops_best()->norm_backward(17, c.x, stats, c.gamma, twice, dgamma[1], dbeta[1]);
    }
    for (size_t i = 0; i < 17; i++)
        assert_true(dgamma[1][i] == 2 * dgamma[0][i] && dbeta[1][i] == 2 * dbeta[0][i]);
    close_assert_bits(twice, once, 17, "dx");
}

static void
residual_norm_and_its_backward_equal_the_reference(void **state)
{
    (void)state;
    static const size_t golden_sizes[] = {1, 2, 15, 17, 48, 384};
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    struct dropout none = dropout_site(0.0, 1, RNG_EMBEDDING_DROPOUT, 0, 0);
    double worst = 0;
    for (size_t s = 0; s < sizeof golden_sizes / sizeof *golden_sizes; s++) {
        size_t n = golden_sizes[s];
        float sum[LONGEST], y[LONGEST], dx[LONGEST], stats[2];
        float dgamma[LONGEST] = {0};
        float dbeta[LONGEST] = {0};
        const float *gamma = golden_values(golden, n, "norm.%zu.gamma", n);
        memcpy(sum, golden_values(golden, n, "norm.%zu.x", n), n * sizeof *sum);
        memcpy(dx, golden_values(golden, n, "norm.%zu.dy", n), n * sizeof *dx);
        ops_best()->residual_norm(&none, 0, n, epsilon,
                                  golden_values(golden, n, "norm.%zu.residual", n), gamma,
                                  golden_values(golden, n, "norm.%zu.beta", n), sum, y, stats);
        ops_best()->norm_backward(n, sum, stats, gamma, dx, dgamma, dbeta);
        worst = fmax(worst, close_relative(y, golden_values(golden, n, "norm.%zu.y", n), n));
        worst =
            fmax(worst, close_relative(dgamma, golden_values(golden, n, "norm.%zu.dgamma", n), n));
        worst =
            fmax(worst, close_relative(dbeta, golden_values(golden, n, "norm.%zu.dbeta", n), n));
        if (n > 2) /* otherwise dx is rounding, nothing else */
            worst = fmax(worst, close_relative(dx, golden_values(golden, n, "norm.%zu.dx", n), n));
    }
    printf("  worst relative error against the reference %.2g\n", worst);
    close_assert(worst, TOLERANCE_OPERATOR, "residual_norm");
    golden_close(golden);
}

static void
residual_norm_is_dropout_then_sum_then_norm(void **state)
{
    (void)state;
    struct dropout site = dropout_site(0.3, 9, RNG_FFN_OUTPUT_DROPOUT, 2, 5);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct norm_case c;
        float sum[LONGEST], y[LONGEST], parts[LONGEST], want[LONGEST], factors[LONGEST];
        float stats[2], want_stats[2];
        fill_case(&c, sizes[s]);
        memcpy(sum, c.x, sizeof sum);
        memcpy(parts, c.x, sizeof parts);
        ops_best()->residual_norm(&site, 7, c.n, epsilon, c.dy, c.gamma, c.beta, sum, y, stats);
        for (size_t i = 0; i < c.n; i++)
            factors[i] = 1.0f;
        ops_best()->dropout(&site, 7, c.n, factors);
        for (size_t i = 0; i < c.n; i++) /* the sum is fused with the product */
            parts[i] = fmaf(parts[i], factors[i], c.dy[i]);
        ops_best()->norm(c.n, epsilon, parts, c.gamma, c.beta, want, want_stats);
        close_assert_bits(sum, parts, c.n, "sum");
        close_assert_bits(y, want, c.n, "y");
        close_assert_bits(stats, want_stats, 2, "stats");
    }
}

/* dbias is summed over rows, so two rows go through: it starts as something else than zero. */
static void
residual_norm_backward_is_norm_backward_then_dropout(void **state)
{
    (void)state;
    static const double probabilities[] = {0.0, 0.3};
    for (size_t s = 0; s < 2 * sizeof sizes / sizeof *sizes; s++) {
        struct dropout site = dropout_site(probabilities[s % 2], 9, RNG_FFN_OUTPUT_DROPOUT, 2, 5);
        struct norm_case c;
        float stats[2] = {0.25f, 0.5f};
        float dy[LONGEST], x[LONGEST], want[LONGEST];
        float sums[2][3][LONGEST]; /* dgamma, dbeta, dbias: ours, wanted */
        fill_case(&c, sizes[s / 2]);
        for (size_t i = 0; i < 3; i++) {
            close_noise(sums[0][i], c.n, 20 + i, 1.0);
            memcpy(sums[1][i], sums[0][i], sizeof sums[1][i]);
        }
        memcpy(dy, c.dy, sizeof dy);
        memcpy(x, c.x, sizeof x);
        ops_best()->residual_norm_backward(&site, 7, c.n, x, stats, c.gamma, dy, sums[0][0],
                                           sums[0][1], sums[0][2]);
        ops_best()->norm_backward(c.n, c.x, stats, c.gamma, c.dy, sums[1][0], sums[1][1]);
        memcpy(want, c.dy, sizeof want);
        ops_best()->dropout(&site, 7, c.n, want);
        ops_best()->add(c.n, want, sums[1][2]);
        close_assert_bits(dy, c.dy, c.n, "dy");
        close_assert_bits(x, want, c.n, "dropped");
        for (size_t i = 0; i < 3; i++)
            close_assert_bits(sums[0][i], sums[1][i], c.n, "dgamma, dbeta, dbias");
    }
}

static void
norm_again_is_norm_to_the_bit_and_in_place(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct norm_case c;
        float stats[2], y[LONGEST], again[LONGEST], in_place[LONGEST];
        fill_case(&c, sizes[s]);
        memcpy(in_place, c.x, sizeof in_place);
        ops_best()->norm(c.n, epsilon, c.x, c.gamma, c.beta, y, stats);
        ops_best()->norm_again(c.n, c.x, stats, c.gamma, c.beta, again);
        ops_best()->norm(c.n, epsilon, in_place, c.gamma, c.beta, in_place, stats);
        close_assert_bits(again, y, c.n, "again");
        close_assert_bits(in_place, y, c.n, "in place");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_follows_its_formula_on_odd_sizes),
        cmocka_unit_test(a_row_of_equal_numbers_becomes_beta),
        cmocka_unit_test(norm_backward_is_the_derivative_of_norm),
        cmocka_unit_test(norm_backward_adds_to_the_gradients_of_gamma_and_beta),
        cmocka_unit_test(residual_norm_and_its_backward_equal_the_reference),
        cmocka_unit_test(residual_norm_is_dropout_then_sum_then_norm),
        cmocka_unit_test(residual_norm_backward_is_norm_backward_then_dropout),
        cmocka_unit_test(norm_again_is_norm_to_the_bit_and_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
