/*
 * Elementary functions of our own, so that every machine and C library gives the same bits.
 *
 * Whatever reaches a weight calls these and never libm (whose exp, erf, tanh and log differ between
 * versions); only sqrt, which IEEE 754 rounds exactly, is taken from outside. All are straight-line
 * C without branches on values, which compilers turn into vector code; no multiply-add is fused
 * (the build says -ffp-contract=off), so scalar and vector code agree to the bit. Errors are given
 * in units of the last place and are checked by tests/core/test_fmath.c against libm in double.
 */
#ifndef CORE_BASE_FMATH_H
#define CORE_BASE_FMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float
fmath_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t
fmath_to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/*
 * e^x within 2 ulp for -87.3 <= x <= 88; beyond, the ends' values (no overflow to infinity, no
 * subnormals); NaN stays NaN. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of
 * degree 7 (remainder below 2^-29 relative).
 */
static inline float
fmath_exp(float x)
{
    float clamped = x < -87.3f ? -87.3f : x;
    clamped = clamped > 88.0f ? 88.0f : clamped;
    float shifted = clamped * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    float n = shifted - 12582912.0f;
    float r = clamped -
              n * 0.693359375f; /* ln 2 in two parts, the first with 9 bits: n times it is exact */
    r = r + n * 2.12194440e-4f;
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t exponent = (fmath_to_bits(shifted) + 127u) << 23;
    float result = p * fmath_from_bits(exponent);
    return x != x ? x : result;
}

/*
 * tanh(x) within 4 ulp: (1 - e) / (1 + e) with e = e^(-2|x|), and the Taylor series (Abramowitz and
 * Stegun 4.5.64) below 0.35, where that difference would cancel.
 */
static inline float
fmath_tanh(float x)
{
    float magnitude = fabsf(x);
    float square = x * x;
    float p = 21844.0f / 6081075.0f;
    p = p * square - 1382.0f / 155925.0f;
    p = p * square + 62.0f / 2835.0f;
    p = p * square - 17.0f / 315.0f;
    p = p * square + 2.0f / 15.0f;
    p = p * square - 1.0f / 3.0f;
    float small = x + x * (square * p);
    float e = fmath_exp(-2.0f * magnitude);
    float large = (1.0f - e) / (1.0f + e);
    large = x < 0.0f ? -large : large;
    return magnitude < 0.35f ? small : large;
}

/*
 * erf(x) within 4 ulp. Below 0.92: x times a polynomial in x^2; above: 1 - e^(-g(|x|)), where g is
 * a polynomial for -log(erfc) on [0.9, 4]; both are Chebyshev fits made for this file (maximal
 * errors 4e-10 and 1.3e-8). From 4 on the result is 1.
 */
static inline float
fmath_erf(float x)
{
    float magnitude = fabsf(x);
    float square = x * x;
    float p = 8.39218157e-05f;
    p = p * square - 0.000814838569f;
    p = p * square + 0.00520158134f;
    p = p * square - 0.0268596434f;
    p = p * square + 0.112837005f;
    p = p * square - 0.376126341f;
    p = p * square + 1.12837917f;
    float small = x * p;
    float a = magnitude > 4.0f ? 4.0f : magnitude;
    float g = -1.61024041e-06f;
    g = g * a + 4.55127728e-05f;
    g = g * a - 0.000592092757f;
    g = g * a + 0.00473695062f;
    g = g * a - 0.0263551208f;
    g = g * a + 0.109960799f;
    g = g * a + 0.631956241f;
    g = g * a + 1.1301551f;
    g = g * a - 0.000300268821f;
    float large = 1.0f - fmath_exp(-g);
    large = x < 0.0f ? -large : large;
    return magnitude < 0.92f ? small : large;
}

/*
 * Natural logarithm of a positive, finite, normal double, within 2 ulp: x = 2^k m with m in
 * [sqrt(1/2), sqrt(2)); log m = 2 atanh((m-1)/(m+1)) by its series up to s^23.
 */
static inline double
fmath_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t exponent = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    double s = (m - 1.0) / (m + 1.0);
    double square = s * s;
    double sum = 0.0;
    for (int k = 23; k >= 3; k -= 2)
        sum = (sum + 1.0 / k) * square;
    double k = (double)exponent;
    return k * 0.693147180369123816490 +
           (2.0 * s + (2.0 * s * sum + k * 1.90821492927058770002e-10));
}

#endif
