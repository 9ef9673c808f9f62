/* Our elementary functions against libm in double: errors in units of the last place. */
#include "core/base/fmath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

typedef float single_function(float x);
typedef double double_function(double x);

/* The largest error over a dense sweep, in ulp of the exact result. */
static double
worst_ulp(single_function *ours, double_function *exact, float from, float to)
{
    enum { POINTS = 2000000 };
    double worst = 0;
    for (int i = 0; i <= POINTS; i++) {
        float x = from + (to - from) * (float)i / POINTS;
        double want = exact((double)x);
        double ulp =
            fmax((double)(nextafterf(fabsf((float)want), INFINITY) - fabsf((float)want)), 1e-45);
        double error = fabs((double)ours(x) - want) / ulp;
        worst = error > worst ? error : worst;
    }
    printf("  worst error %.2f ulp on [%g, %g]\n", worst, (double)from, (double)to);
    return worst;
}

static void
exp_is_within_two_ulp(void **state)
{
    (void)state;
    assert_true(worst_ulp(fmath_exp, exp, -87.0f, 88.0f) <= 2.0);
    assert_true(worst_ulp(fmath_exp, exp, -1.0f, 1.0f) <= 2.0);
    assert_true(fmath_exp(0.0f) == 1.0f);
    assert_true(fmath_exp(-1000.0f) > 0.0f && fmath_exp(-1000.0f) < 1.3e-38f);
    assert_true(isfinite(fmath_exp(1000.0f)));
    assert_true(isnan(fmath_exp(NAN)));
}

static void
tanh_is_within_four_ulp(void **state)
{
    (void)state;
    assert_true(worst_ulp(fmath_tanh, tanh, -10.0f, 10.0f) <= 4.0);
    assert_true(worst_ulp(fmath_tanh, tanh, -0.5f, 0.5f) <= 4.0);
    assert_true(fmath_tanh(100.0f) == 1.0f && fmath_tanh(-100.0f) == -1.0f);
    assert_true(isnan(fmath_tanh(NAN)));
}

static void
erf_is_within_four_ulp(void **state)
{
    (void)state;
    assert_true(worst_ulp(fmath_erf, erf, -6.0f, 6.0f) <= 4.0);
    assert_true(worst_ulp(fmath_erf, erf, -1.0f, 1.0f) <= 4.0);
    assert_true(fmath_erf(50.0f) == 1.0f && fmath_erf(-50.0f) == -1.0f);
    assert_true(isnan(fmath_erf(NAN)));
}

static void
log_is_within_two_ulp(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 1; i < 2000000; i++) {
        double x = (double)i * 1e-3;
        long double want = logl((long double)x);
        double ulp = nextafter(fabs((double)want), INFINITY) - fabs((double)want);
        double error = (double)fabsl((long double)fmath_log(x) - want) / ulp;
        worst = error > worst ? error : worst;
    }
    printf("  worst error %.2f ulp\n", worst);
    assert_true(worst <= 2.0);
    assert_true(fmath_log(1.0) == 0.0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_two_ulp),
        cmocka_unit_test(tanh_is_within_four_ulp),
        cmocka_unit_test(erf_is_within_four_ulp),
        cmocka_unit_test(log_is_within_two_ulp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
