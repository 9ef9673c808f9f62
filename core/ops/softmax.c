/*
 * Softmax of one row, shifted by its maximum, and its backward.
 * dx = p (dp - sum(p dp)).
 */
#include "core/base/fmath.h"
#include "core/ops/sets.h"

static float
maximum(size_t n, const float *x)
{
    float lanes[OPS_LANES];
    for (size_t j = 0; j < OPS_LANES; j++)
        lanes[j] = -INFINITY;
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] = x[whole + j] > lanes[j] ? x[whole + j] : lanes[j];
    float best = lanes[0];
    for (size_t j = 1; j < OPS_LANES; j++)
        best = lanes[j] > best ? lanes[j] : best;
    return best;
}

void
OPS(softmax)(size_t n, float *x)
{
    float best = maximum(n, x);
    float lanes[OPS_LANES] = {0};
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < n; i++)
        x[i] = fmath_exp(x[i] - best);
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += x[i + j];
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] += x[whole + j];
    float factor = 1.0f / lanes_sum(lanes);
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

void
OPS(softmax_backward)(size_t n, const float *p, float *dp)
{
    float lanes[OPS_LANES] = {0};
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += p[i + j] * dp[i + j];
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] += p[whole + j] * dp[whole + j];
    float dot = lanes_sum(lanes);
    for (size_t i = 0; i < n; i++)
        dp[i] = p[i] * (dp[i] - dot);
}
