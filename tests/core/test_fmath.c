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
exp_is_within_its_bound(void **state)
{
    (void)state;
    assert_true(worst_ulp(fmath_exp, exp, -87.0f, 88.0f) <= 1.2);
    assert_true(worst_ulp(fmath_exp, exp, -1.0f, 1.0f) <= 1.2);
    assert_true(worst_ulp(fmath_exp_small, exp, -87.0f, 0.0f) <= 1.2);
    assert_true(fmath_exp(0.0f) == 1.0f);
    assert_true(fmath_exp(-1000.0f) > 0.0f && fmath_exp(-1000.0f) < 1.3e-38f);
    assert_true(fmath_exp(-INFINITY) == fmath_exp(-1000.0f));
    assert_true(isfinite(fmath_exp(1000.0f)));
    assert_true(isnan(fmath_exp(NAN)) && isnan(fmath_exp_small(NAN)));
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

/* Absolutely: one or two units of the last place of 1, and far out exactly nothing and all. */
static void
normal_is_within_its_bound_and_ends_at_zero_and_one(void **state)
{
    (void)state;
    enum { POINTS = 2000000 };
    double worst = 0;
    for (int i = 0; i <= POINTS; i++) {
        float x = -7.0f + 14.0f * (float)i / POINTS;
        float value = fmath_normal(x);
        double want = 0.5 * erfc(-(double)x * 0.70710678118654752440);
        worst = fmax(worst, fabs((double)value - want));
        assert_true(value >= 0.0f && value <= 1.0f);
        assert_true(value + fmath_normal(-x) == 1.0f);
    }
    printf("  worst error %.3g\n", worst);
    assert_true(worst <= 1.5e-7);
    assert_true(fmath_normal(0.0f) == 0.5f);
    assert_true(fmath_normal(5.41f) == 1.0f && fmath_normal(-5.41f) == 0.0f);
    assert_true(fmath_normal(INFINITY) == 1.0f && fmath_normal(-INFINITY) == 0.0f);
}

/* ---- fused multiply-add ---------------------------------------------------------------------- */

/* A xorshift of its own: the bits of any float, special ones included. */
static uint32_t
next_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* Of the given exponents, with few bits set in the last places so that ties come. */
static float
draw(uint64_t *state, uint32_t lowest, uint32_t exponents)
{
    uint32_t mask = next_bits(state) % 2 == 0 ? 0x807ff000u : 0x807fffffu;
    uint32_t exponent = lowest + next_bits(state) % exponents;
    return fmath_from_bits((next_bits(state) & mask) | exponent << 23);
}

static void
assert_fma(float a, float b, float c)
{
    float want = fmaf(a, b, c);
    float got = fmath_fma(a, b, c);
    if (fmath_to_bits(want) != fmath_to_bits(got) && !(isnan(want) && isnan(got)))
        fail_msg("%a * %a + %a is %a, not %a", (double)a, (double)b, (double)c, (double)want,
                 (double)got);
}

/* This file is compiled without an instruction for it where that is an option: the substitute. */
static void
fma_rounds_once(void **state)
{
    (void)state;
    static const float special[] = {0.0f,      -0.0f,      1.0f,     -1.0f,
                                    0x1p-149f, -0x1p-126f, NAN,      0x1.8p-140f,
                                    -INFINITY, INFINITY,   0x1p127f, 0x1.fffffep127f};
    enum { SPECIAL = sizeof special / sizeof *special, DRAWS = 2000000 };
    for (int i = 0; i < SPECIAL * SPECIAL * SPECIAL; i++)
        assert_fma(special[i % SPECIAL], special[i / SPECIAL % SPECIAL],
                   special[i / SPECIAL / SPECIAL]);
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < DRAWS; i++) {
        float a = draw(&seed, 120, 14);
        float b = draw(&seed, 120, 14);
        assert_fma(fmath_from_bits(next_bits(&seed)), fmath_from_bits(next_bits(&seed)),
                   fmath_from_bits(next_bits(&seed)));
        assert_fma(a, b, draw(&seed, 90, 80));
        assert_fma(a, b, -(a * b)); /* the rounding error itself */
        assert_fma(draw(&seed, 1, 80), draw(&seed, 1, 100), draw(&seed, 0, 3)); /* subnormal */
    }
    /* Half-way but for a bit that double does not hold: 2^24 + 1 + 2^-60, 2^-130 (1 + ...). */
    assert_fma(0x1p-30f, 0x1p-30f, 0x1.000002p24f);
    assert_fma(0x1.000002p-88f, 0x1.000002p-62f, 0x1p-130f);
    assert_fma(0x1.000002p-88f, -0x1.000002p-62f, 0x1p-130f);
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
        cmocka_unit_test(exp_is_within_its_bound),
        cmocka_unit_test(tanh_is_within_four_ulp),
        cmocka_unit_test(normal_is_within_its_bound_and_ends_at_zero_and_one),
        cmocka_unit_test(fma_rounds_once),
        cmocka_unit_test(log_is_within_two_ulp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
