/*
 * Comparing numbers: every tolerance has a name and a reason, and a failure says how far off it is.
 *
 * Errors of an array are relative to the array's greatest magnitude, as the requirement on
 * gradients is worded: max |got - want| / max |want|. Not-a-number is never close to anything.
 */
#ifndef TESTS_SUPPORT_CLOSE_H
#define TESTS_SUPPORT_CLOSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Whole networks against the reference, dropout 0 (absolute, relative, absolute). The promise is
 * 1e-4 for each, measured is about 1e-6; logits and gradients are held ten times closer than
 * promised. Losses of 20 steps are not: where relu's argument passes within a rounding of its kink
 * the two sides take different slopes, and from there on the losses differ by some 1e-5.
 */
#define TOLERANCE_LOGITS   1e-5
#define TOLERANCE_GRADIENT 1e-5
#define TOLERANCE_LOSS     1e-4

/*
 * One operator against the same formula in double: a float has 6e-8 of relative rounding, our
 * elementary functions 4 ulp, and a few dozen roundings are in line; measured worst 1.3e-6.
 */
#define TOLERANCE_OPERATOR 3e-6

/* max |got - want| over count values; NaN where either is not a number. */
double close_worst(const float *got, const float *want, size_t count);
double close_worst_double(const float *got, const double *want, size_t count);

/* The same divided by max |want| (by 1 when want is all zeros). */
double close_relative(const float *got, const float *want, size_t count);
double close_relative_double(const float *got, const double *want, size_t count);

/* Fail the test with `what` and the error unless error <= tolerance (so NaN fails). */
void close_assert(double error, double tolerance, const char *what);

/* Bit-equal, where every NaN equals every other NaN; fails the test with `what` and the index. */
void close_assert_bits(const float *got, const float *want, size_t count, const char *what);

/* Normal deviates times deviation, a function of seed and index. */
void close_noise(float *out, size_t count, uint64_t seed, double deviation);

/* out = in, in double. */
void close_widen(const float *in, size_t count, double *out);

/*
 * The gradient of a scalar function of n doubles by central differences, for gradient checks of our
 * backward operators. Step 1e-5: the truncation error, h^2 f''' / 6, is about 1e-10, the rounding
 * error, 1e-16 f / h, about 1e-11 to 1e-9 for the f of order 1 to 100 of these tests: both far
 * below the float rounding of what is checked, so that TOLERANCE_OPERATOR remains the tolerance.
 */
typedef double close_function(const void *context, const double *x);
void close_difference(close_function *function, const void *context, double *x, size_t n,
                      double *gradient);

#endif
