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

static const float sqrt_two_over_pi = 0.797884561f;
static const float one_over_sqrt_two_pi = 0.398942280f;
static const float cubic = 0.044715f;

static inline float
gelu_slope(float u, float cumulative)
{
    return fmath_fma(one_over_sqrt_two_pi * u, fmath_exp_small(-0.5f * u * u), cumulative);
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
OPS(activation)(enum activation kind, size_t n, const float *u, float *f)
{
    switch (kind) {
    case ACTIVATION_GELU:
        for (size_t i = 0; i < n; i++)
            f[i] = u[i] * fmath_normal(u[i]);
        break;
    case ACTIVATION_GELU_TANH:
        for (size_t i = 0; i < n; i++)
            f[i] = 0.5f * u[i] * (1.0f + gelu_tanh_inner(u[i]));
        break;
    case ACTIVATION_RELU:
        for (size_t i = 0; i < n; i++)
            f[i] = u[i] < 0.0f ? 0.0f : u[i];
        break;
    case ACTIVATION_SILU:
        for (size_t i = 0; i < n; i++)
            f[i] = u[i] * sigmoid(u[i]);
        break;
    }
}

/* One array a function, so that "restrict" says that the three never overlap. */
static inline void
gelu_backward(size_t n, float *restrict u, float *restrict df, float *restrict dbias)
{
    for (size_t i = 0; i < n; i++) {
        float cumulative = fmath_normal(u[i]);
        float du = df[i] * gelu_slope(u[i], cumulative);
        df[i] = du;
        dbias[i] += du;
        u[i] *= cumulative;
    }
}

static inline void
gelu_tanh_backward(size_t n, float *restrict u, float *restrict df, float *restrict dbias)
{
    for (size_t i = 0; i < n; i++) {
        float t = gelu_tanh_inner(u[i]);
        float du = df[i] * gelu_tanh_slope(u[i], t);
        df[i] = du;
        dbias[i] += du;
        u[i] = 0.5f * u[i] * (1.0f + t);
    }
}

static inline void
relu_backward(size_t n, float *restrict u, float *restrict df, float *restrict dbias)
{
    for (size_t i = 0; i < n; i++) {
        float du = u[i] > 0.0f ? df[i] : 0.0f;
        df[i] = du;
        dbias[i] += du;
        u[i] = u[i] < 0.0f ? 0.0f : u[i];
    }
}

static inline void
silu_backward(size_t n, float *restrict u, float *restrict df, float *restrict dbias)
{
    for (size_t i = 0; i < n; i++) {
        float s = sigmoid(u[i]);
        float du = df[i] * (s * (1.0f + u[i] * (1.0f - s)));
        df[i] = du;
        dbias[i] += du;
        u[i] *= s;
    }
}

void
OPS(activation_backward)(enum activation kind, size_t n, float *u, float *df, float *dbias)
{
    switch (kind) {
    case ACTIVATION_GELU:
        gelu_backward(n, u, df, dbias);
        break;
    case ACTIVATION_GELU_TANH:
        gelu_tanh_backward(n, u, df, dbias);
        break;
    case ACTIVATION_RELU:
        relu_backward(n, u, df, dbias);
        break;
    case ACTIVATION_SILU:
        silu_backward(n, u, df, dbias);
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
