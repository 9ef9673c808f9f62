/* Sums of arrays and the sum of squares. */
#include "core/ops/ops.h"
#include "tests/support/close.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 1000 };

static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 33, 128, 384, LONGEST};

static void
sums_are_those_of_single_additions(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        float a[LONGEST + 1], b[LONGEST + 1], c[LONGEST + 1], out[LONGEST + 1];
        close_noise(a, LONGEST, 1, 1.0);
        close_noise(b, LONGEST, 2, 1e4);
        close_noise(c, LONGEST, 3, 1.0);
        out[n] = 42.0f;
        c[n] = 42.0f;
        ops_best()->add_three(n, a, b, c, out);
        for (size_t i = 0; i < n; i++) {
            float first = a[i] + b[i];
            assert_true(out[i] == first + c[i]);
        }
        ops_best()->add(n, a, c);
        close_noise(b, LONGEST, 3, 1.0);
        for (size_t i = 0; i < n; i++)
            assert_true(c[i] == a[i] + b[i]);
        assert_true(out[n] == 42.0f && c[n] == 42.0f); /* nothing behind the end */
    }
}

static void
an_operator_may_write_over_its_own_input(void **state)
{
    (void)state;
    float x[33], y[33];
    close_noise(x, 33, 1, 1.0);
    memcpy(y, x, sizeof y);
    ops_best()->add(33, y, y);
    for (size_t i = 0; i < 33; i++)
        assert_true(y[i] == 2 * x[i]);
    memcpy(y, x, sizeof y);
    ops_best()->add_three(33, y, y, y, y);
    for (size_t i = 0; i < 33; i++)
        assert_true(y[i] == 2 * x[i] + x[i]);
}

/* Squares of floats are exact in double, so only the additions round. */
static void
sum_of_squares_is_accurate_in_double(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        float x[LONGEST];
        long double want = 0;
        close_noise(x, n, s, 1e3);
        for (size_t i = 0; i < n; i++)
            want += (long double)x[i] * (long double)x[i];
        double got = ops_best()->sum_squares(n, x);
        assert_true(fabsl((long double)got - want) <= 1e-14L * want);
    }
}

static void
sum_of_squares_knows_overflow_of_float_and_nan(void **state)
{
    (void)state;
    float x[17] = {0};
    x[0] = 3e38f;
    x[16] = 3e38f;
    assert_true(fabs(ops_best()->sum_squares(17, x) / 1.8e77 - 1) < 1e-6);
    x[16] = NAN;
    assert_true(isnan(ops_best()->sum_squares(17, x)));
    x[16] = INFINITY;
    assert_true(isinf(ops_best()->sum_squares(17, x)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_single_additions),
        cmocka_unit_test(an_operator_may_write_over_its_own_input),
        cmocka_unit_test(sum_of_squares_is_accurate_in_double),
        cmocka_unit_test(sum_of_squares_knows_overflow_of_float_and_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
