/* Sums of arrays, and the sum of squares that clipping needs. */
#include "core/ops/sets.h"

void
OPS(add_three)(size_t n, const float *a, const float *b, const float *c, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (a[i] + b[i]) + c[i];
}

void
OPS(add)(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

double
OPS(sum_squares)(size_t n, const float *x)
{
    double lanes[OPS_LANES] = {0};
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] += (double)x[whole + j] * (double)x[whole + j];
    double sum = 0;
    for (size_t j = 0; j < OPS_LANES; j++)
        sum += lanes[j];
    return sum;
}
