/* Cross-entropy: formula in double, gradient check, PyTorch's tensors, extreme logits. */
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

enum { MOST_CLASSES = 1000, GOLDEN_ROWS = 5 };

static const size_t class_counts[] = {1, 2, 15, 16, 17, 77, MOST_CLASSES};

struct loss_case {
    size_t n, label;
    double factor;
};

static double
twin(const void *context, const double *logits)
{
    const struct loss_case *c = context;
    double maximum = logits[0];
    double sum = 0;
    for (size_t i = 1; i < c->n; i++)
        maximum = fmax(maximum, logits[i]);
    for (size_t i = 0; i < c->n; i++)
        sum += exp(logits[i] - maximum);
    return c->factor * (log(sum) - (logits[c->label] - maximum));
}

static void
loss_and_gradient_follow_the_formula_for_any_number_of_classes(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof class_counts / sizeof *class_counts; s++) {
        size_t n = class_counts[s];
        float logits[MOST_CLASSES];
        double x[MOST_CLASSES], want[MOST_CLASSES];
        uint32_t best = 0;
        size_t top = 0;
        struct loss_case c = {n, n / 2, 0.125};
        close_noise(logits, n, s, 3.0);
        close_widen(logits, n, x);
        for (size_t i = 1; i < n; i++)
            top = x[i] > x[top] ? i : top;
        close_difference(twin, &c, x, n, want);
        double loss = ops_best()->cross_entropy(n, (uint32_t)c.label, 0.125f, logits, &best);
        assert_int_equal(best, top);
        double exact = twin(&c, x) / c.factor;
        close_assert(fabs(loss - exact) / fmax(exact, 1), TOLERANCE_OPERATOR, "loss");
        close_assert(close_relative_double(logits, want, n), TOLERANCE_OPERATOR, "gradient");
    }
}

static void
a_single_class_has_no_loss_and_no_gradient(void **state)
{
    (void)state;
    float logit = -17.5f;
    uint32_t best = 9;
    assert_true(ops_best()->cross_entropy(1, 0, 1.0f, &logit, &best) == 0.0);
    assert_true(logit == 0.0f && best == 0);
}

static void
the_first_of_equal_logits_is_the_best(void **state)
{
    (void)state;
    float logits[5] = {1.0f, 3.0f, 3.0f, -1.0f, 3.0f};
    uint32_t best = 9;
    ops_best()->cross_entropy(5, 0, 1.0f, logits, &best);
    assert_int_equal(best, 1);
}

static void
confident_and_wrong_costs_the_distance_of_the_logits(void **state)
{
    (void)state;
    float logits[3] = {-500.0f, 500.0f, 0.0f};
    uint32_t best = 9;
    double loss = ops_best()->cross_entropy(3, 0, 1.0f, logits, &best);
    assert_true(loss == 1000.0);
    assert_true(logits[0] == -1.0f && logits[1] == 1.0f && logits[2] < 1.3e-38f);
    float huge[2] = {FLT_MAX, -FLT_MAX};
    loss = ops_best()->cross_entropy(2, 0, 1.0f, huge, &best);
    assert_true(loss >= 0 && loss < 1e-30 && best == 0);
}

static void
nan_logits_give_a_nan_loss(void **state)
{
    (void)state;
    for (size_t at = 0; at < 3; at++) {
        float logits[3] = {0.5f, 1.0f, -1.0f};
        uint32_t best = 9;
        logits[at] = NAN;
        assert_true(isnan(ops_best()->cross_entropy(3, 1, 1.0f, logits, &best)));
        assert_true(best < 3);
    }
}

static void
losses_and_gradients_equal_the_reference(void **state)
{
    (void)state;
    static const size_t golden_classes[] = {1, 2, 7, 77};
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    double worst = 0;
    for (size_t s = 0; s < sizeof golden_classes / sizeof *golden_classes; s++) {
        size_t n = golden_classes[s];
        size_t count = GOLDEN_ROWS * n;
        float logits[GOLDEN_ROWS * MOST_CLASSES], losses[GOLDEN_ROWS];
        const float *labels = golden_values(golden, GOLDEN_ROWS, "cross_entropy.%zu.labels", n);
        memcpy(logits, golden_values(golden, count, "cross_entropy.%zu.logits", n),
               count * sizeof *logits);
        for (size_t row = 0; row < GOLDEN_ROWS; row++) {
            uint32_t best = 0;
            losses[row] = (float)ops_best()->cross_entropy(
                n, (uint32_t)labels[row], 1.0f / GOLDEN_ROWS, logits + row * n, &best);
        }
        const float *want = golden_values(golden, GOLDEN_ROWS, "cross_entropy.%zu.losses", n);
        worst = fmax(worst, close_relative(losses, want, GOLDEN_ROWS));
        want = golden_values(golden, count, "cross_entropy.%zu.gradient", n);
        worst = fmax(worst, close_relative(logits, want, count));
    }
    printf("  worst relative error against the reference %.2g\n", worst);
    close_assert(worst, TOLERANCE_OPERATOR, "cross_entropy");
    golden_close(golden);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_gradient_follow_the_formula_for_any_number_of_classes),
        cmocka_unit_test(a_single_class_has_no_loss_and_no_gradient),
        cmocka_unit_test(the_first_of_equal_logits_is_the_best),
        cmocka_unit_test(confident_and_wrong_costs_the_distance_of_the_logits),
        cmocka_unit_test(nan_logits_give_a_nan_loss),
        cmocka_unit_test(losses_and_gradients_equal_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
