/*
 * Optimizer steps, one pass over parameters, gradient and state.
 *
 * Adam (Kingma, Ba 2015) with bias correction, as torch.optim.Adam computes it:
 *   g <- c g (+ wd w);  m <- m + (1-b1)(g - m);  v <- b2 v + (1-b2) g^2
 *   w <- w - lr/(1-b1^t) m / (sqrt(v) / sqrt(1-b2^t) + eps)
 * AdamW (Loshchilov, Hutter 2019): w <- w - lr wd w first, and no wd in g. c is the clipping
 * factor. SGD: m <- mu m + g (the first step: m = g);  w <- w - lr m, as torch.optim.SGD.
 */
#include "core/ops/sets.h"

#include <math.h>

void
OPS(adam)(size_t n, const struct adam_step *step, const float *g, float *w, float *m, float *v)
{
    struct adam_step s = *step;
    float keep = 1.0f - s.decoupled_decay;
    for (size_t i = 0; i < n; i++) {
        float gradient = s.gradient_factor * g[i] + s.coupled_decay * w[i];
        float first = m[i] + s.fresh1 * (gradient - m[i]);
        float second = s.beta2 * v[i] + s.fresh2 * (gradient * gradient);
        float denominator = sqrtf(second) * s.root_correction + s.epsilon;
        m[i] = first;
        v[i] = second;
        w[i] = w[i] * keep - s.step_size * (first / denominator);
    }
}

void
OPS(sgd)(size_t n, const struct sgd_step *step, const float *g, float *w, float *m)
{
    struct sgd_step s = *step;
    if (s.momentum == 0.0f) {
        for (size_t i = 0; i < n; i++)
            w[i] -= s.learning_rate * (s.gradient_factor * g[i] + s.coupled_decay * w[i]);
        return;
    }
    float keep = s.first ? 0.0f : s.momentum;
    for (size_t i = 0; i < n; i++) {
        m[i] = keep * m[i] + (s.gradient_factor * g[i] + s.coupled_decay * w[i]);
        w[i] -= s.learning_rate * m[i];
    }
}
