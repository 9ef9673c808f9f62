/*
 * The operators of the network that are not matrix products.
 *
 * Conventions, for all of core/ops and core/model. Dimension letters:
 *   B rows of a batch, T tokens of a batch, S tokens of one row, H hidden size, A heads,
 *   D = H/A head size, I intermediate size, V vocabulary, L layers, K labels, N any length.
 * Matrices are row-major; a comment behind a pointer gives its shape. A forward operator and its
 * backward are neighbours; dX is the gradient of the loss by X. Operators work on one row or one
 * flat array and know nothing of threads.
 *
 * Every operator is compiled several times, for the instruction sets that core/ops/sets.h names,
 * from the same plain C (but for the products of dropout's generator, philox.h). Reductions run in
 * 16 fixed lanes that are added in a fixed tree, and multiply-adds are fused where fmath_fma says
 * so and nowhere else, so that all sets give the same bits; which one runs is only a matter of
 * speed. A set is a table of functions, struct ops.
 */
#ifndef CORE_OPS_OPS_H
#define CORE_OPS_OPS_H

#include "core/base/rng.h"
#include "core/model/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One dropout site of one step. Elements of an array are dropped in groups of 128: group g uses the
 * 16 Philox blocks 16g .. 16g+15 of the stream, every 32-bit word of them for two elements (16 bits
 * each). An element is dropped when its 16 bits are below threshold = round(65536 p); the others
 * are multiplied by scale = 65536 / (65536 - threshold), so that the expectation is exact for the
 * probability that is really used.
 */
struct dropout {
    struct rng_stream stream;
    uint32_t threshold; /* 0: nothing is dropped and no number is drawn */
    float scale;
};

enum { DROPOUT_GROUP = 128 };

struct dropout dropout_site(double probability, uint64_t seed, enum rng_site site, size_t layer,
                            size_t step);

/* Groups that an array of n elements takes. */
static inline uint64_t
dropout_groups(uint64_t n)
{
    return (n + DROPOUT_GROUP - 1) / DROPOUT_GROUP;
}

/* The numbers of one optimizer step; see optimizer.c for the formulae. */
struct adam_step {
    float gradient_factor; /* from clipping */
    float beta2, epsilon;
    float fresh1, fresh2;  /* 1 - beta1, 1 - beta2, in double: 1 - 0.999f is 1.3e-5 off */
    float step_size;       /* learning rate / (1 - beta1^t) */
    float root_correction; /* 1 / sqrt(1 - beta2^t) */
    float coupled_decay;   /* Adam: added to the gradient, times w */
    float decoupled_decay; /* AdamW: learning rate * weight decay */
};

struct sgd_step {
    float gradient_factor;
    float learning_rate;
    float momentum; /* 0: plain */
    bool first;     /* the first step starts the momentum with the gradient itself */
    float coupled_decay;
};

/* What changes the loss of a class; all zero: nothing. */
struct loss_options {
    const float *class_weights; /* (K), or NULL: 1 each */
    double label_smoothing;     /* 0 <= e < 1 */
    double focal_gamma;         /* g >= 0; not together with label smoothing */
};

/* The labels of one row, ascending. */
struct label_list {
    const uint32_t *ids;
    size_t count;
};

struct ops {
    const char *name; /* of the instruction set */

    /* out = a + b + c, all (N) */
    void (*add_three)(size_t n, const float *a, const float *b, const float *c, float *out);
    /* y += x, all (N) */
    void (*add)(size_t n, const float *x, float *y);
    /* sum of x^2 over (N), in double */
    double (*sum_squares)(size_t n, const float *x);

    /* half = x rounded to bfloat16 (core/base/bf16.h), and x becomes what half holds; all (N) */
    void (*round_bf16)(size_t n, float *x, uint16_t *half);
    /* x = half, (N) */
    void (*widen_bf16)(size_t n, const uint16_t *half, float *x);

    /* x = dropped x (N), from group `group` of the site on */
    void (*dropout)(const struct dropout *site, uint64_t group, size_t n, float *x);

    /* x = dropped x + residual (H), y = (x - mean) rstd gamma + beta; stats = {mean, rstd} */
    void (*residual_norm)(const struct dropout *site, uint64_t group, size_t n, float eps,
                          const float *residual, const float *gamma, const float *beta, float *x,
                          float *y, float stats[2]);
    /* the same without dropout and residual; y may be x */
    void (*norm)(size_t n, float eps, const float *x, const float *gamma, const float *beta,
                 float *y, float stats[2]);
    /* y once more, to the bit, from x and the stats that it left */
    void (*norm_again)(size_t n, const float *x, const float stats[2], const float *gamma,
                       const float *beta, float *y);
    /* dy becomes dx; dgamma and dbeta (N) are added to. */
    void (*norm_backward)(size_t n, const float *x, const float stats[2], const float *gamma,
                          float *dy, float *dgamma, float *dbeta);

    /*
     * norm_backward of (x, dy), then back through the dropout before it: dy becomes the gradient by
     * the sum (so by the residual, too), x (H) that by what was dropped; dbias (H) += x then.
     */
    void (*residual_norm_backward)(const struct dropout *site, uint64_t group, size_t n, float *x,
                                   const float stats[2], const float *gamma, float *dy,
                                   float *dgamma, float *dbeta, float *dbias);

    /* x = softmax(x) over (N) */
    void (*softmax)(size_t n, float *x);
    /*
     * Attention of one head: P = softmax(scale z) for the first `rows` rows of z (S,S), then
     * dropout over the flat array from group `group` on. dropped (rows,S) gets the result and z
     * becomes P; where dropped is NULL, z becomes the result.
     */
    void (*softmax_dropout)(const struct dropout *site, uint64_t group, size_t rows, size_t s,
                            float scale, float *z, float *dropped);
    /*
     * Its backward: dp (rows,S), the gradient by P after dropout, becomes the gradient by z: scale
     * p (dp - sum(p dp)) in every row, once dp has gone back through the dropout.
     */
    void (*softmax_dropout_backward)(const struct dropout *site, uint64_t group, size_t rows,
                                     size_t s, float scale, const float *p, float *dp);

    /* f = act(u), (N); f may be u */
    void (*activation)(enum activation kind, size_t n, const float *u, float *f);
    /* u becomes f = act(u), df becomes du = df act'(u), dbias += du; all (N) */
    void (*activation_backward)(enum activation kind, size_t n, float *u, float *df, float *dbias);

    /* x = tanh(x), (N) */
    void (*tanh)(size_t n, float *x);
    /* dy becomes dx = dy (1 - y^2), (N) */
    void (*tanh_backward)(size_t n, const float *y, float *dy);

    /*
     * Loss -log softmax(logits)[label] of one row of (K) logits, in natural logarithms; logits
     * become the gradient factor * (softmax - onehot). *best = the greatest logit's index, the
     * first of equals. NaN logits give a NaN loss.
     */
    double (*cross_entropy)(size_t n, uint32_t label, float factor, float *logits, uint32_t *best);
    /*
     * The same with options. With nll_c = -log softmax(logits)[c], p = softmax(logits)[label] and
     * class weights w:
     *     (1 - e) w[label] (1 - p)^g nll_label + e / K sum over c of w[c] nll_c
     * which is torch's cross_entropy(weight, label_smoothing) for g = 0 (and transformers'
     * LabelSmoother without weights), and the focal loss of Lin et al., "Focal Loss for Dense
     * Object Detection" (2017), equation 5, with alpha = w for e = 0.
     */
    double (*weighed_cross_entropy)(size_t n, const struct loss_options *options, uint32_t label,
                                    float factor, float *logits, uint32_t *best);
    /*
     * Mean over (K) logits of the binary cross-entropy -log sigmoid(s), s = logit where the label
     * applies, else -logit; times (1 - sigmoid(s))^gamma (Lin et al., without alpha). Logits become
     * factor times the gradient of the sum, so that factor = 1 / (B K) belongs to the mean of all.
     */
    double (*binary_cross_entropy)(size_t n, const struct label_list *labels, double gamma,
                                   float factor, float *logits);
    /* Mean of (outputs - wanted)^2 over (K); outputs become factor 2 (outputs - wanted). */
    double (*squared_error)(size_t n, const float *wanted, float factor, float *outputs);

    /* One step of Adam or AdamW on (N) parameters w with gradient g and moments m, v. */
    void (*adam)(size_t n, const struct adam_step *step, const float *g, float *w, float *m,
                 float *v);
    /* One step of SGD; m (N) is the momentum buffer, not touched when momentum is 0. */
    void (*sgd)(size_t n, const struct sgd_step *step, const float *g, float *w, float *m);
};

/* The fastest set that this processor has. */
const struct ops *ops_best(void);

/* Every set that this processor has, for tests: index 0 is plain C; NULL beyond the last. */
const struct ops *ops_set(size_t index);

#endif
