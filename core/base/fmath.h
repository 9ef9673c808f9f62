/*
 * Elementary functions of our own, so that every machine and C library gives the same bits.
 *
 * Whatever reaches a weight calls these and never libm (whose exp, erf, tanh and log differ between
 * versions); only sqrt and fma, which IEEE 754 rounds exactly, are taken from outside. All are
 * straight-line C without branches on values, which compilers turn into vector code; multiply-adds
 * are fused where fmath_fma says so and nowhere else (the build says -ffp-contract=off), so scalar
 * and vector code agree to the bit. Errors are given in units of the last place or absolutely and
 * are checked by tests/core/test_fmath.c against libm in double.
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
 * a b + c rounded once, as C's fmaf. Where the processor has no such instruction (or the compiler
 * may not use it) the sum is formed in double from the exact product; where a second rounding, to
 * float, could go wrong, it is first rounded to odd: what was lost shows in the last bit (Boldo,
 * Melquiond 2008). The C library's own substitute is exact, too, but many times slower.
 */
static inline float
fmath_fma(float a, float b, float c)
{
#if defined(FP_FAST_FMAF)
    return fmaf(a, b, c);
#else
    double product = (double)a * (double)b; /* 48 bits: exact */
    double sum = product + (double)c;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits & 0x1fffffffu) != 0x10000000u && fabs(sum) >= 0x1p-126)
        return (float)sum; /* normal, and not half-way between two floats */
    double part = sum - product;
    double lost = (product - (sum - part)) + ((double)c - part); /* Knuth's exact remainder */
    if (lost > 0.0 || lost < 0.0)
        bits += bits & 1u ? 0u : (lost > 0.0) == (sum > 0.0) ? 1u : UINT64_MAX;
    memcpy(&sum, &bits, sizeof sum);
    return (float)sum;
#endif
}

/*
 * e^x within 1.2 ulp for -87.3 <= x <= 88, not to be asked above; below, e^-87.3 (no subnormals);
 * NaN stays NaN. e^x = 2^n 2^f with n = round(x / ln 2); f is formed exactly but for 1 / ln 2 in
 * two parts, and 2^f is a minimax polynomial of degree 6 made for this file (error 2e-9).
 */
static inline float
fmath_exp_small(float x)
{
    float clamped = x < -87.3f ? -87.3f : x;
    /* 1.5 * 2^23 rounds to an integer; the last bits then hold n + 127, the exponent of 2^n. */
    const float rounder = 12582912.0f + 127.0f;
    float shifted = fmath_fma(clamped, 1.44269502f, rounder);
    float n = shifted - rounder;
    float f = fmath_fma(clamped, 1.44269502f, -n);
    f = fmath_fma(clamped, 1.92596303e-8f, f);
    float p = 1.5353362e-4f;
    p = fmath_fma(p, f, 1.33988739e-3f);
    p = fmath_fma(p, f, 9.61843692e-3f);
    p = fmath_fma(p, f, 5.55033237e-2f);
    p = fmath_fma(p, f, 2.40226477e-1f);
    p = fmath_fma(p, f, 6.93147182e-1f);
    p = fmath_fma(p, f, 1.0f);
    return p * fmath_from_bits(fmath_to_bits(shifted) << 23);
}

/* The same for every x: e^88 above 88 (no overflow to infinity). */
static inline float
fmath_exp(float x)
{
    return fmath_exp_small(x > 88.0f ? 88.0f : x);
}

/* 1 / (1 + e^-x): what a logit means where labels stand alone. One function for measures, the
 * thresholds that are tuned on them, and answers: equal logits reach a threshold alike. */
static inline float
fmath_sigmoid(float x)
{
    return 1.0f / (1.0f + fmath_exp(-x));
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
    p = fmath_fma(p, square, -1382.0f / 155925.0f);
    p = fmath_fma(p, square, 62.0f / 2835.0f);
    p = fmath_fma(p, square, -17.0f / 315.0f);
    p = fmath_fma(p, square, 2.0f / 15.0f);
    p = fmath_fma(p, square, -1.0f / 3.0f);
    float small = fmath_fma(x, square * p, x);
    float e = fmath_exp_small(-2.0f * magnitude);
    float large = (1.0f - e) / (1.0f + e);
    large = x < 0.0f ? -large : large;
    return magnitude < 0.35f ? small : large;
}

/*
 * The normal distribution's cumulative function, (1 + erf(x / sqrt 2)) / 2, within 1.5e-7; exactly
 * 0 and 1 from 5.4 on (where 3.3e-8 would be left), and for NaN, so it is for products with x. It
 * is 1/2 + x P(s) with s = 2 x^2 / 5.5^2 - 1 and P a minimax polynomial of degree 14 made for this
 * file (x P is off by 4e-8). Magnitudes are cut off at a float whose x P rounds to exactly 1/2,
 * which it never exceeds below.
 */
static inline float
fmath_normal(float x)
{
    /* As integers, magnitudes compare alike, and every processor has that minimum in one step. */
    uint32_t bits = fmath_to_bits(x);
    int32_t magnitude = (int32_t)(bits & 0x7fffffffu);
    magnitude = magnitude < 0x40acccce ? magnitude : 0x40acccce; /* 5.40000057 */
    float clamped = fmath_from_bits((bits & 0x80000000u) | (uint32_t)magnitude);
    float s = fmath_fma(clamped * clamped, 0.0661157f, -1.0f);
    float p = 0.000538081047f;
    p = fmath_fma(p, s, -0.00136883068f);
    p = fmath_fma(p, s, 0.00102383469f);
    p = fmath_fma(p, s, -0.0012293969f);
    p = fmath_fma(p, s, 0.00423639035f);
    p = fmath_fma(p, s, -0.00767467497f);
    p = fmath_fma(p, s, 0.0104686152f);
    p = fmath_fma(p, s, -0.0146713629f);
    p = fmath_fma(p, s, 0.0202879831f);
    p = fmath_fma(p, s, -0.0261124689f);
    p = fmath_fma(p, s, 0.0320817418f);
    p = fmath_fma(p, s, -0.0387872681f);
    p = fmath_fma(p, s, 0.0477369912f);
    p = fmath_fma(p, s, -0.0641724765f);
    p = fmath_fma(p, s, 0.12855193f);
    return 0.5f + clamped * p;
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
