/*
 * Instruction sets: how one source becomes several compiled operators; private to core/ops.
 *
 * The build compiles every operator file once for each set, with OPS_SET naming it (plain, avx2,
 * avx512) and the compiler's options for it. OPS(norm) is then norm_plain, norm_avx2 or
 * norm_avx512.
 *
 * Loops over vectors have an inner loop of OPS_LANES or of a dropout group, which compilers turn
 * into one or a few vector instructions. What is left of an array after whole vectors is worked on
 * as a vector, too, with a condition on the lane: that becomes a masked access, where a loop over
 * the remaining elements would become a chain of scalar ones.
 */
#ifndef CORE_OPS_SETS_H
#define CORE_OPS_SETS_H

#include "core/ops/ops.h"

#ifndef OPS_SET
#define OPS_SET plain
#endif

#define OPS_JOIN2(a, b) a##_##b
#define OPS_JOIN(a, b)  OPS_JOIN2(a, b)
#define OPS(name)       OPS_JOIN(name, OPS_SET)

/* Lanes of a reduction, on every set; part of the numerics. */
enum { OPS_LANES = 16 };

/* Elements before the last vector (of 1 to 16 elements) of a row of n > 0. */
static inline size_t
before_last(size_t n)
{
    return n - 1 - (n - 1) % OPS_LANES;
}

/* Sum of the lanes in a fixed tree: halves are added until one is left. */
static inline float
lanes_sum(const float lanes[OPS_LANES])
{
    float h[8], q[4], d[2];
    for (int i = 0; i < 8; i++)
        h[i] = lanes[i] + lanes[i + 8];
    for (int i = 0; i < 4; i++)
        q[i] = h[i] + h[i + 4];
    for (int i = 0; i < 2; i++)
        d[i] = q[i] + q[i + 2];
    return d[0] + d[1];
}

/* The greatest of the lanes; one that is not a number is passed over. */
static inline float
lanes_maximum(const float lanes[OPS_LANES])
{
    float h[8], q[4], d[2];
    for (int i = 0; i < 8; i++)
        h[i] = lanes[i] > lanes[i + 8] ? lanes[i] : lanes[i + 8];
    for (int i = 0; i < 4; i++)
        q[i] = h[i] > h[i + 4] ? h[i] : h[i + 4];
    for (int i = 0; i < 2; i++)
        d[i] = q[i] > q[i + 2] ? q[i] : q[i + 2];
    return d[0] > d[1] ? d[0] : d[1];
}

void OPS(add_three)(size_t n, const float *a, const float *b, const float *c, float *out);
void OPS(add)(size_t n, const float *x, float *y);
double OPS(sum_squares)(size_t n, const float *x);
void OPS(round_bf16)(size_t n, float *x, uint16_t *half);
void OPS(widen_bf16)(size_t n, const uint16_t *half, float *x);
void OPS(dropout)(const struct dropout *site, uint64_t group, size_t n, float *x);
void OPS(residual_norm)(const struct dropout *site, uint64_t group, size_t n, float eps,
                        const float *residual, const float *gamma, const float *beta, float *x,
                        float *y, float stats[2]);
void OPS(norm)(size_t n, float eps, const float *x, const float *gamma, const float *beta, float *y,
               float stats[2]);
void OPS(norm_again)(size_t n, const float *x, const float stats[2], const float *gamma,
                     const float *beta, float *y);
void OPS(norm_backward)(size_t n, const float *x, const float stats[2], const float *gamma,
                        float *dy, float *dgamma, float *dbeta);
void OPS(residual_norm_backward)(const struct dropout *site, uint64_t group, size_t n, float *x,
                                 const float stats[2], const float *gamma, float *dy, float *dgamma,
                                 float *dbeta, float *dbias);
void OPS(softmax)(size_t n, float *x);
void OPS(softmax_dropout)(const struct dropout *site, uint64_t group, size_t rows, size_t s,
                          float scale, float *z, float *dropped);
void OPS(softmax_dropout_backward)(const struct dropout *site, uint64_t group, size_t rows,
                                   size_t s, float scale, const float *p, float *dp);
void OPS(activation)(enum activation kind, size_t n, const float *u, float *f);
void OPS(activation_backward)(enum activation kind, size_t n, float *u, float *df, float *dbias);
void OPS(tanh)(size_t n, float *x);
void OPS(tanh_backward)(size_t n, const float *y, float *dy);
double OPS(cross_entropy)(size_t n, uint32_t label, float factor, float *logits, uint32_t *best);
double OPS(weighed_cross_entropy)(size_t n, const struct loss_options *options, uint32_t label,
                                  float factor, float *logits, uint32_t *best);
double OPS(binary_cross_entropy)(size_t n, const struct label_list *labels, double gamma,
                                 float factor, float *logits);
double OPS(squared_error)(size_t n, const float *wanted, float factor, float *outputs);
void OPS(adam)(size_t n, const struct adam_step *step, const float *g, float *w, float *m,
               float *v);
void OPS(sgd)(size_t n, const struct sgd_step *step, const float *g, float *w, float *m);

#endif
