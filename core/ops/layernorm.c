/*
 * LayerNorm over the last dimension (Ba, Kiros, Hinton 2016), with the dropout and residual that
 * come before it in a post-norm encoder.
 *
 * y = (x - mean) rstd gamma + beta, rstd = 1 / sqrt(var + eps), var the biased variance.
 * With xhat = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - xhat mean(g xhat)).
 */
#include "core/ops/drop.h"

#include <math.h>

static float
mean_of(size_t n, const float *x)
{
    float lanes[OPS_LANES] = {0};
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += x[i + j];
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] += x[whole + j];
    return lanes_sum(lanes) / (float)n;
}

static float
variance_of(size_t n, const float *x, float mean)
{
    float lanes[OPS_LANES] = {0};
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += (x[i + j] - mean) * (x[i + j] - mean);
    for (size_t j = 0; j < n - whole; j++)
        lanes[j] += (x[whole + j] - mean) * (x[whole + j] - mean);
    return lanes_sum(lanes) / (float)n;
}

void
OPS(norm)(size_t n, float eps, const float *x, const float *gamma, const float *beta, float *y,
          float stats[2])
{
    float mean = mean_of(n, x);
    float rstd = 1.0f / sqrtf(variance_of(n, x, mean) + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) * rstd * gamma[i] + beta[i];
    stats[0] = mean;
    stats[1] = rstd;
}

void
OPS(residual_norm)(const struct dropout *site, uint64_t group, size_t n, float eps,
                   const float *residual, const float *gamma, const float *beta, float *x, float *y,
                   float stats[2])
{
    OPS(dropout)(site, group, n, x);
    OPS(add)(n, residual, x);
    OPS(norm)(n, eps, x, gamma, beta, y, stats);
}

void
OPS(norm_backward)(size_t n, const float *x, const float stats[2], const float *gamma, float *dy,
                   float *dgamma, float *dbeta)
{
    float mean = stats[0];
    float rstd = stats[1];
    float sum[OPS_LANES] = {0};
    float dot[OPS_LANES] = {0};
    size_t whole = n - n % OPS_LANES;
    for (size_t i = 0; i < n; i += OPS_LANES) {
        size_t count = i < whole ? OPS_LANES : n - whole;
        for (size_t j = 0; j < count; j++) {
            float g = dy[i + j] * gamma[i + j];
            sum[j] += g;
            dot[j] += g * ((x[i + j] - mean) * rstd);
        }
    }
    float mean_g = lanes_sum(sum) / (float)n;
    float mean_dot = lanes_sum(dot) / (float)n;
    for (size_t i = 0; i < n; i++) {
        float xhat = (x[i] - mean) * rstd;
        float d = dy[i];
        dgamma[i] += d * xhat;
        dbeta[i] += d;
        dy[i] = rstd * (d * gamma[i] - mean_g - xhat * mean_dot);
    }
}
