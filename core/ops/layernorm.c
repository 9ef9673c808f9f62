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
OPS(norm_again)(size_t n, const float *x, const float stats[2], const float *gamma,
                const float *beta, float *y)
{
    float mean = stats[0];
    float rstd = stats[1];
    for (size_t i = 0; i < n; i++)
        y[i] = fmath_fma((x[i] - mean) * rstd, gamma[i], beta[i]);
}

void
OPS(norm)(size_t n, float eps, const float *x, const float *gamma, const float *beta, float *y,
          float stats[2])
{
    float mean = mean_of(n, x);
    stats[0] = mean;
    stats[1] = 1.0f / sqrtf(variance_of(n, x, mean) + eps);
    OPS(norm_again)(n, x, stats, gamma, beta, y);
}

void
OPS(residual_norm)(const struct dropout *site, uint64_t group, size_t n, float eps,
                   const float *residual, const float *gamma, const float *beta, float *x, float *y,
                   float stats[2])
{
    float factors[DROPOUT_GROUP];
    for (size_t i = 0; i < n; i += DROPOUT_GROUP, group++) {
        size_t count = n - i < DROPOUT_GROUP ? n - i : DROPOUT_GROUP;
        drop_factors(site, group, factors);
        for (size_t j = 0; j < count; j++)
            x[i + j] = fmath_fma(x[i + j], factors[j], residual[i + j]);
    }
    OPS(norm)(n, eps, x, gamma, beta, y, stats);
}

/* What all elements of a row share on the way back; g = dy gamma. */
struct moments {
    float mean, rstd;
    float mean_g, mean_dot; /* of g, of g xhat */
};

static inline struct moments
moments_of(size_t n, const float *x, const float stats[2], const float *gamma, const float *dy)
{
    float mean = stats[0];
    float rstd = stats[1];
    float sum[OPS_LANES], dot[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    for (int32_t j = 0; j < OPS_LANES; j++) {
        size_t i = whole + (size_t)j;
        sum[j] = j < count ? dy[i] * gamma[i] : 0.0f;
        dot[j] = j < count ? dy[i] * gamma[i] * ((x[i] - mean) * rstd) : 0.0f;
    }
    for (size_t i = 0; i < whole; i += OPS_LANES) {
        for (size_t j = 0; j < OPS_LANES; j++) {
            float g = dy[i + j] * gamma[i + j];
            sum[j] += g;
            dot[j] = fmath_fma(g, (x[i + j] - mean) * rstd, dot[j]);
        }
    }
    return (struct moments){.mean = mean,
                            .rstd = rstd,
                            .mean_g = lanes_sum(sum) / (float)n,
                            .mean_dot = lanes_sum(dot) / (float)n};
}

/* rstd (g - mean(g) - xhat mean(g xhat)) */
static inline float
gradient(struct moments m, float d, float gamma, float xhat)
{
    return m.rstd * fmath_fma(-xhat, m.mean_dot, fmath_fma(d, gamma, -m.mean_g));
}

void
OPS(norm_backward)(size_t n, const float *x, const float stats[2], const float *gamma, float *dy,
                   float *dgamma, float *dbeta)
{
    struct moments m = moments_of(n, x, stats, gamma, dy);
    for (size_t i = 0; i < n; i++) {
        float xhat = (x[i] - m.mean) * m.rstd;
        float d = dy[i];
        dgamma[i] = fmath_fma(d, xhat, dgamma[i]);
        dbeta[i] += d;
        dy[i] = gradient(m, d, gamma[i], xhat);
    }
}

/* The arrays of residual_norm_backward, from one dropout group on; they never overlap. */
struct arrays {
    float *restrict x;
    const float *restrict gamma;
    float *restrict dy;
    float *restrict dgamma;
    float *restrict dbeta;
    float *restrict dbias;
};

static inline void
backward_group(size_t count, struct moments m, const float *restrict factors, struct arrays a)
{
    for (size_t j = 0; j < count; j++) {
        float xhat = (a.x[j] - m.mean) * m.rstd;
        float d = a.dy[j];
        float dx = gradient(m, d, a.gamma[j], xhat);
        float kept = dx * factors[j];
        a.dgamma[j] = fmath_fma(d, xhat, a.dgamma[j]);
        a.dbeta[j] += d;
        a.dy[j] = dx;
        a.x[j] = kept;
        a.dbias[j] += kept;
    }
}

void
OPS(residual_norm_backward)(const struct dropout *site, uint64_t group, size_t n, float *x,
                            const float stats[2], const float *gamma, float *dy, float *dgamma,
                            float *dbeta, float *dbias)
{
    float factors[DROPOUT_GROUP];
    struct moments m = moments_of(n, x, stats, gamma, dy);
    for (size_t i = 0; i < n; i += DROPOUT_GROUP, group++) {
        struct arrays a = {.x = x + i,
                           .gamma = gamma + i,
                           .dy = dy + i,
                           .dgamma = dgamma + i,
                           .dbeta = dbeta + i,
                           .dbias = dbias + i};
        drop_factors(site, group, factors);
        backward_group(n - i < DROPOUT_GROUP ? n - i : DROPOUT_GROUP, m, factors, a);
    }
}
