/* Activations and tanh: formula in double, gradient check, PyTorch's tensors, ends of the range. */
#include "core/ops/ops.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 384, GOLDEN_POINTS = 257 };

static const size_t sizes[] = {1, 2, 15, 16, 17, 33, 128, LONGEST};
static const double pi = 3.14159265358979323846;

static double
gelu(double u)
{
    return u * 0.5 * (1 + erf(u / sqrt(2)));
}

static double
gelu_tanh(double u)
{
    return 0.5 * u * (1 + tanh(sqrt(2 / pi) * (u + 0.044715 * u * u * u)));
}

static double
relu(double u)
{
    return u > 0 ? u : 0;
}

static double
silu(double u)
{
    return u / (1 + exp(-u));
}

static const struct {
    const char *name;
    enum activation kind;
    double (*twin)(double u);
} kinds[] = {
    {"gelu", ACTIVATION_GELU, gelu},
    {"gelu_new", ACTIVATION_GELU_TANH, gelu_tanh},
    {"relu", ACTIVATION_RELU, relu},
    {"silu", ACTIVATION_SILU, silu},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void
activations_follow_their_formulae_on_odd_sizes(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t n = sizes[s];
            float u[LONGEST];
            double want[LONGEST];
            close_noise(u, n, s, 2.0);
            for (size_t i = 0; i < n; i++)
                want[i] = kinds[k].twin((double)u[i]);
            ops_best()->activation(kinds[k].kind, n, u, u);
            close_assert(close_relative_double(u, want, n), TOLERANCE_OPERATOR, kinds[k].name);
        }
    }
}

struct difference_case {
    double (*twin)(double u);
    const float *df;
    size_t n;
};

static double
weighted_sum(const void *context, const double *u)
{
    const struct difference_case *c = context;
    double sum = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += (double)c->df[i] * c->twin(u[i]);
    return sum;
}

static void
activation_backward_is_the_derivative_and_leaves_the_value(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        float u[129], f[129], df[129];
        float dbias[129] = {0};
        double x[129], want[129];
        close_noise(u, 129, 31, 2.0);
        close_noise(df, 129, 32, 1.0);
        close_widen(u, 129, x);
        close_difference(weighted_sum, &(struct difference_case){kinds[k].twin, df, 129}, x, 129,
                         want);
        ops_best()->activation(kinds[k].kind, 129, u, f);
        ops_best()->activation_backward(kinds[k].kind, 129, u, df, dbias);
        close_assert(close_relative_double(df, want, 129), TOLERANCE_OPERATOR, kinds[k].name);
        close_assert_bits(u, f, 129, kinds[k].name);
    }
}

static void
activation_gives_the_same_in_place_and_leaves_its_input_otherwise(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t n = sizes[s];
            float u[LONGEST], kept[LONGEST], f[LONGEST];
            close_noise(u, n, s, 2.0);
            memcpy(kept, u, n * sizeof *u);
            ops_best()->activation(kinds[k].kind, n, u, f);
            close_assert_bits(u, kept, n, "input");
            ops_best()->activation(kinds[k].kind, n, u, u);
            close_assert_bits(u, f, n, kinds[k].name);
        }
    }
}

static void
activation_backward_adds_to_the_gradient_of_the_bias(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        float dbias[33], want[33];
        close_noise(dbias, 33, 50, 1.0);
        memcpy(want, dbias, sizeof want);
        for (uint64_t row = 0; row < 3; row++) {
            float u[33], du[33];
            close_noise(u, 33, 60 + row, 2.0);
            close_noise(du, 33, 70 + row, 1.0);
            ops_best()->activation_backward(kinds[k].kind, 33, u, du, dbias);
            for (size_t i = 0; i < 33; i++)
                want[i] += du[i];
        }
        close_assert_bits(dbias, want, 33, kinds[k].name);
    }
}

static void
tanh_and_its_backward_follow_their_formulae(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        float y[LONGEST], dy[LONGEST];
        double x[LONGEST], want[LONGEST], slope[LONGEST];
        close_noise(y, n, s, 1.0);
        close_noise(dy, n, 40 + s, 1.0);
        close_widen(y, n, x);
        for (size_t i = 0; i < n; i++)
            want[i] = tanh(x[i]);
        close_difference(weighted_sum, &(struct difference_case){tanh, dy, n}, x, n, slope);
        ops_best()->tanh(n, y);
        ops_best()->tanh_backward(n, y, dy);
        close_assert(close_relative_double(y, want, n), TOLERANCE_OPERATOR, "tanh");
        close_assert(close_relative_double(dy, slope, n), TOLERANCE_OPERATOR, "tanh_backward");
    }
}

static void
activations_and_their_backward_equal_the_reference(void **state)
{
    (void)state;
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    enum { N = GOLDEN_POINTS };
    for (size_t k = 0; k <= KINDS; k++) {
        const char *name = k < KINDS ? kinds[k].name : "tanh";
        float f[N], du[N];
        float dbias[N] = {0};
        memcpy(f, golden_values(golden, N, "activation.%s.u", name), sizeof f);
        memcpy(du, golden_values(golden, N, "activation.%s.df", name), sizeof du);
        if (k < KINDS) {
            ops_best()->activation_backward(kinds[k].kind, N, f, du, dbias);
        } else {
            ops_best()->tanh(N, f);
            ops_best()->tanh_backward(N, f, du);
        }
        double value = close_relative(f, golden_values(golden, N, "activation.%s.f", name), N);
        double slope = close_relative(du, golden_values(golden, N, "activation.%s.du", name), N);
        printf("  %s: relative error %.2g, of its gradient %.2g\n", name, value, slope);
        close_assert(fmax(value, slope), TOLERANCE_OPERATOR, name);
    }
    golden_close(golden);
}

/* Far from zero every activation is the identity on the right and nothing on the left. */
static void
activations_stay_finite_far_from_zero(void **state)
{
    (void)state;
    static const float far_points[] = {20.0f, 100.0f, 1e4f, 1e15f};
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < sizeof far_points / sizeof *far_points; i++) {
            float u[2] = {far_points[i], -far_points[i]};
            float df[2] = {1.0f, 1.0f};
            float dbias[2] = {0};
            ops_best()->activation_backward(kinds[k].kind, 2, u, df, dbias);
            assert_true(u[0] == far_points[i]);
            assert_true(fabs((double)u[1]) < 1e-7);
            assert_true(fabs((double)df[0] - 1) < 1e-6 && fabs((double)df[1]) < 1e-6);
        }
    }
}

static void
nan_stays_nan_in_every_activation(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        float u[17] = {0};
        u[3] = NAN;
        u[16] = NAN;
        ops_best()->activation(kinds[k].kind, 17, u, u);
        assert_true(isnan(u[3]) && isnan(u[16]) && u[4] == 0.0f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_follow_their_formulae_on_odd_sizes),
        cmocka_unit_test(activation_backward_is_the_derivative_and_leaves_the_value),
        cmocka_unit_test(activation_gives_the_same_in_place_and_leaves_its_input_otherwise),
        cmocka_unit_test(activation_backward_adds_to_the_gradient_of_the_bias),
        cmocka_unit_test(tanh_and_its_backward_follow_their_formulae),
        cmocka_unit_test(activations_and_their_backward_equal_the_reference),
        cmocka_unit_test(activations_stay_finite_far_from_zero),
        cmocka_unit_test(nan_stays_nan_in_every_activation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
