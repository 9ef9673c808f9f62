/*
 * Activations of the feed-forward part, and tanh of the pooler; forward and derivative.
 *
 * gelu       u Phi(u), Phi(u) = (1 + erf(u/sqrt 2)) / 2          (Hendrycks, Gimpel 2016)
 * gelu_new   u (1 + tanh(c (u + 0.044715 u^3))) / 2, c = sqrt(2/pi)      (the same, approximated)
 * relu       max(u, 0)
 * silu       u / (1 + e^-u)
 */
#include "core/base/fmath.h"
#include "core/ops/sets.h"

static const float sqrt_half = 0.707106781f;
static const float sqrt_two_over_pi = 0.797884561f;
static const float one_over_sqrt_two_pi = 0.398942280f;
static const float cubic = 0.044715f;

static inline float
phi(float u)
{
    return 0.5f * (1.0f + fmath_erf(u * sqrt_half));
}

static inline float
gelu_slope(float u, float cumulative)
{
    return cumulative + u * (one_over_sqrt_two_pi * fmath_exp(-0.5f * u * u));
}

static inline float
gelu_tanh_inner(float u)
{
    return fmath_tanh(sqrt_two_over_pi * (u + cubic * u * u * u));
}

static inline float
gelu_tanh_slope(float u, float t)
{
    float inner = sqrt_two_over_pi * (1.0f + 3.0f * cubic * u * u);
    return 0.5f * (1.0f + t) + 0.5f * u * (1.0f - t * t) * inner;
}

static inline float
sigmoid(float u)
{
    return 1.0f / (1.0f + fmath_exp(-u));
}

void
OPS(activation)(enum activation kind, size_t n, float *u)
{
    switch (kind) {
    case ACTIVATION_GELU:
        for (size_t i = 0; i < n; i++)
            u[i] *= phi(u[i]);
        break;
    case ACTIVATION_GELU_TANH:
        for (size_t i = 0; i < n; i++)
            u[i] = 0.5f * u[i] * (1.0f + gelu_tanh_inner(u[i]));
        break;
    case ACTIVATION_RELU:
        for (size_t i = 0; i < n; i++)
            u[i] = u[i] < 0.0f ? 0.0f : u[i];
        break;
    case ACTIVATION_SILU:
        for (size_t i = 0; i < n; i++)
            u[i] *= sigmoid(u[i]);
        break;
    }
}

void
OPS(activation_backward)(enum activation kind, size_t n, float *u, float *df)
{
    switch (kind) {
    case ACTIVATION_GELU:
        for (size_t i = 0; i < n; i++) {
            float cumulative = phi(u[i]);
            df[i] *= gelu_slope(u[i], cumulative);
            u[i] *= cumulative;
        }
        break;
    case ACTIVATION_GELU_TANH:
        for (size_t i = 0; i < n; i++) {
            float t = gelu_tanh_inner(u[i]);
            df[i] *= gelu_tanh_slope(u[i], t);
            u[i] = 0.5f * u[i] * (1.0f + t);
        }
        break;
    case ACTIVATION_RELU:
        for (size_t i = 0; i < n; i++) {
            df[i] = u[i] > 0.0f ? df[i] : 0.0f;
            u[i] = u[i] < 0.0f ? 0.0f : u[i];
        }
        break;
    case ACTIVATION_SILU:
        for (size_t i = 0; i < n; i++) {
            float s = sigmoid(u[i]);
            df[i] *= s * (1.0f + u[i] * (1.0f - s));
            u[i] *= s;
        }
        break;
    }
}

void
OPS(tanh)(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = fmath_tanh(x[i]);
}

void
OPS(tanh_backward)(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= 1.0f - y[i] * y[i];
}
