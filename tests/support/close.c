/* Comparing numbers; see close.h. */
#include "tests/support/close.h"

#include "core/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The greater of the two; NaN wins over everything. */
static double
greater(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

double
close_worst(const float *got, const float *want, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++)
        worst = greater(fabs((double)got[i] - (double)want[i]), worst);
    return worst;
}

double
close_worst_double(const float *got, const double *want, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++)
        worst = greater(fabs((double)got[i] - want[i]), worst);
    return worst;
}

double
close_relative(const float *got, const float *want, size_t count)
{
    double magnitude = 0;
    for (size_t i = 0; i < count; i++)
        magnitude = greater(fabs((double)want[i]), magnitude);
    return close_worst(got, want, count) / (magnitude > 0 ? magnitude : 1);
}

double
close_relative_double(const float *got, const double *want, size_t count)
{
    double magnitude = 0;
    for (size_t i = 0; i < count; i++)
        magnitude = greater(fabs(want[i]), magnitude);
    return close_worst_double(got, want, count) / (magnitude > 0 ? magnitude : 1);
}

void
close_assert(double error, double tolerance, const char *what)
{
    if (!(error <= tolerance))
        fail_msg("%s: off by %.3g, allowed %.3g", what, error, tolerance);
}

void
close_assert_bits(const float *got, const float *want, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0 && !(isnan(got[i]) && isnan(want[i])))
            fail_msg("%s: element %zu of %zu is %a, not %a", what, i, count, (double)got[i],
                     (double)want[i]);
}

void
close_noise(float *out, size_t count, uint64_t seed, double deviation)
{
    struct rng_stream stream = rng_stream(seed, RNG_INITIALISATION, 0, 0);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(deviation * rng_normal(&stream, i));
}

void
close_widen(const float *in, size_t count, double *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (double)in[i];
}

void
close_difference(close_function *function, const void *context, double *x, size_t n,
                 double *gradient)
{
    const double step = 1e-5;
    for (size_t i = 0; i < n; i++) {
        double kept = x[i];
        x[i] = kept + step;
        double above = function(context, x);
        x[i] = kept - step;
        double below = function(context, x);
        x[i] = kept;
        gradient[i] = (above - below) / (2 * step);
    }
}
