/*
 * LayerNorm over the last dimension (Ba, Kiros, Hinton 2016), with the dropout and residual that
 * come before it in a post-norm encoder.
 *
 * y = (x - mean) rstd gamma + beta, rstd = 1 / sqrt(var + eps), var the biased variance.
 * With xhat = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - xhat mean(g xhat)).
 */
#include "core/base/fmath.h"
#include "core/ops/drop.h"

#include <math.h>

static inline float
mean_of(size_t n, const float *x)
{
    float lanes[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    const float *last = x + whole;
    for (int32_t j = 0; j < OPS_LANES; j++)
        lanes[j] = j < count ? last[j] : 0.0f;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += x[i + j];
    return lanes_sum(lanes) / (float)n;
}

static inline float
variance_of(size_t n, const float *x, float mean)
{
    float lanes[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    const float *last = x + whole;
    for (int32_t j = 0; j < OPS_LANES; j++) {
        float d = j < count ? last[j] - mean : 0.0f;
        lanes[j] = d * d;
    }
    for (size_t i = 0; i < whole; i += OPS_LANES) {
        for (size_t j = 0; j < OPS_LANES; j++) {
            float d = x[i + j] - mean;
            lanes[j] = fmath_fma(d, d, lanes[j]);
        }
    }
    return lanes_sum(lanes) / (float)n;
}

void
OPS(norm)(size_t n, float eps, const float *x, const float *gamma, const float *beta, float *y,
          float stats[2])
{
    float mean = mean_of(n, x);
    float rstd = 1.0f / sqrtf(variance_of(n, x, mean) + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = fmath_fma((x[i] - mean) * rstd, gamma[i], beta[i]);
    stats[0] = mean;
    stats[1] = rstd;
}

/* x = dropped x + residual, count elements of one group */
static inline void
add_group(const struct dropout *site, uint64_t group, size_t count, const float *residual, float *x)
{
    float factors[DROPOUT_GROUP];
    drop_factors(site, group, factors);
    for (size_t j = 0; j < count; j++)
        x[j] = fmath_fma(x[j], factors[j], residual[j]);
}

void
OPS(residual_norm)(const struct dropout *site, uint64_t group, size_t n, float eps,
                   const float *residual, const float *gamma, const float *beta, float *x, float *y,
                   float stats[2])
{
    size_t whole = n - n % DROPOUT_GROUP;
    if (site->threshold == 0)
        OPS(add)(n, residual, x);
    for (size_t i = 0; i < whole && site->threshold != 0; i += DROPOUT_GROUP, group++)
        add_group(site, group, DROPOUT_GROUP, residual + i, x + i);
    if (whole < n && site->threshold != 0)
        add_group(site, group, n - whole, residual + whole, x + whole);
    OPS(norm)(n, eps, x, gamma, beta, y, stats);
}

/* The two means of norm_backward: of g = dy gamma and of g xhat. */
static inline void
backward_means(size_t n, const float *x, const float stats[2], const float *gamma, const float *dy,
               float means[2])
{
    float mean = stats[0];
    float rstd = stats[1];
    float sum[OPS_LANES], dot[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    for (int32_t j = 0; j < OPS_LANES; j++) {
        float g = j < count ? dy[whole + (size_t)j] * gamma[whole + (size_t)j] : 0.0f;
        float xhat = j < count ? (x[whole + (size_t)j] - mean) * rstd : 0.0f;
        sum[j] = g;
        dot[j] = g * xhat;
    }
    for (size_t i = 0; i < whole; i += OPS_LANES) {
        for (size_t j = 0; j < OPS_LANES; j++) {
            float g = dy[i + j] * gamma[i + j];
            sum[j] += g;
            dot[j] = fmath_fma(g, (x[i + j] - mean) * rstd, dot[j]);
        }
    }
    means[0] = lanes_sum(sum) / (float)n;
    means[1] = lanes_sum(dot) / (float)n;
}

/* The gradient by x at one element. */
static inline float
gradient(float d, float gamma, float xhat, float rstd, const float means[2])
{
    return rstd * fmath_fma(-xhat, means[1], fmath_fma(d, gamma, -means[0]));
}

void
OPS(norm_backward)(size_t n, const float *x, const float stats[2], const float *gamma, float *dy,
                   float *dgamma, float *dbeta)
{
    float means[2];
    float mean = stats[0];
    float rstd = stats[1];
    backward_means(n, x, stats, gamma, dy, means);
    for (size_t i = 0; i < n; i++) {
        float xhat = (x[i] - mean) * rstd;
        float d = dy[i];
        dgamma[i] = fmath_fma(d, xhat, dgamma[i]);
        dbeta[i] += d;
        dy[i] = gradient(d, gamma[i], xhat, rstd, means);
    }
}

/* The arrays of residual_norm_backward, from one group on. */
struct backward {
    const float *restrict x;
    const float *restrict gamma;
    float *restrict dy;
    float *restrict dropped;
    float *restrict dgamma;
    float *restrict dbeta;
    float *restrict dbias;
};

static inline void
backward_group(size_t count, const float *restrict factors, struct backward a, const float stats[2],
               const float means[2])
{
    float mean = stats[0];
    float rstd = stats[1];
    float means_kept[2] = {means[0], means[1]};
    for (size_t j = 0; j < count; j++) {
        float xhat = (a.x[j] - mean) * rstd;
        float d = a.dy[j];
        float dx = gradient(d, a.gamma[j], xhat, rstd, means_kept);
        float kept = dx * factors[j];
        a.dgamma[j] = fmath_fma(d, xhat, a.dgamma[j]);
        a.dbeta[j] += d;
        a.dy[j] = dx;
        a.dropped[j] = kept;
        a.dbias[j] += kept;
    }
}

void
OPS(residual_norm_backward)(const struct dropout *site, uint64_t group, size_t n, const float *x,
                            const float stats[2], const float *gamma, float *dy, float *dropped,
                            float *dgamma, float *dbeta, float *dbias)
{
    float factors[DROPOUT_GROUP];
    float means[2];
    backward_means(n, x, stats, gamma, dy, means);
    for (size_t i = 0; i < n; i += DROPOUT_GROUP, group++) {
        struct backward a = {x + i,      gamma + i, dy + i,   dropped + i,
                             dgamma + i, dbeta + i, dbias + i};
        drop_factors(site, group, factors);
        backward_group(n - i < DROPOUT_GROUP ? n - i : DROPOUT_GROUP, factors, a, stats, means);
    }
}
