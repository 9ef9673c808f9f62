/*
 * Attention of one row; see attention.h. Per head, with P = softmax(Q K^T / sqrt(D)) and P' = P
 * after dropout: context = P' V. Backward: dV = P'^T dC, dP' = dC V^T, dP = dropout'(dP'), dZ = P
 * (dP - rowsum(P dP)), dQ = dZ K / sqrt(D), dK = dZ^T Q / sqrt(D).
 */
#include "core/ops/attention.h"

#include <math.h>
#include <string.h>

uint64_t
attention_groups(size_t heads, size_t length)
{
    return (uint64_t)heads * dropout_groups((uint64_t)length * length);
}

static float
score_factor(const struct attention *a)
{
    return 1.0f / sqrtf((float)(a->hidden_size / a->heads));
}

static uint64_t
head_group(const struct attention *a, size_t head)
{
    return a->group + attention_groups(head, a->length);
}

/* scores (S,S) = softmax(Q K^T / sqrt(D)) of one head; q points at its first column. */
static void
probabilities(const struct attention *a, const float *q, float *scores)
{
    size_t s = a->length;
    struct gemm_call call = {.form = GEMM_NT,
                             .m = s,
                             .n = s,
                             .k = a->hidden_size / a->heads,
                             .alpha = score_factor(a),
                             .a = q,
                             .lda = 3 * a->hidden_size,
                             .b = q + a->hidden_size,
                             .ldb = 3 * a->hidden_size,
                             .c = scores,
                             .ldc = s};
    gemm_run(a->engine, &call);
    for (size_t i = 0; i < s; i++)
        a->ops->softmax(s, scores + i * s);
}

void
attention_forward(const struct attention *a, const float *qkv, float *scores, float *context)
{
    size_t s = a->length;
    size_t h = a->hidden_size;
    size_t d = h / a->heads;
    for (size_t head = 0; head < a->heads; head++) {
        const float *q = qkv + head * d;
        probabilities(a, q, scores);
        a->ops->dropout(&a->dropout, head_group(a, head), s * s, scores);
        struct gemm_call call = {.form = GEMM_NN,
                                 .m = s,
                                 .n = d,
                                 .k = s,
                                 .alpha = 1.0f,
                                 .a = scores,
                                 .lda = s,
                                 .b = q + 2 * h,
                                 .ldb = 3 * h,
                                 .c = context + head * d,
                                 .ldc = h};
        gemm_run(a->engine, &call);
    }
}

/* dZ (S,S) into d_scores; d_v through dropped (S,S) = P after dropout. */
static void
score_gradient(const struct attention *a, size_t head, const float *v, const float *d_context,
               const float *p, float *dropped, float *d_scores, float *d_v)
{
    size_t s = a->length;
    size_t h = a->hidden_size;
    size_t d = h / a->heads;
    memcpy(dropped, p, s * s * sizeof *p);
    a->ops->dropout(&a->dropout, head_group(a, head), s * s, dropped);
    gemm_run(a->engine, &(struct gemm_call){.form = GEMM_TN,
                                            .m = s,
                                            .n = d,
                                            .k = s,
                                            .alpha = 1.0f,
                                            .a = dropped,
                                            .lda = s,
                                            .b = d_context,
                                            .ldb = h,
                                            .c = d_v,
                                            .ldc = 3 * h});
    gemm_run(a->engine, &(struct gemm_call){.form = GEMM_NT,
                                            .m = s,
                                            .n = s,
                                            .k = d,
                                            .alpha = 1.0f,
                                            .a = d_context,
                                            .lda = h,
                                            .b = v,
                                            .ldb = 3 * h,
                                            .c = d_scores,
                                            .ldc = s});
    a->ops->dropout(&a->dropout, head_group(a, head), s * s, d_scores);
    for (size_t i = 0; i < s; i++)
        a->ops->softmax_backward(s, p + i * s, d_scores + i * s);
}

void
attention_backward(const struct attention *a, const float *qkv, const float *d_context,
                   float *scratch, float *d_qkv)
{
    size_t s = a->length;
    size_t h = a->hidden_size;
    size_t d = h / a->heads;
    float *p = scratch;
    float *dropped = scratch + s * s;
    float *d_scores = scratch + 2 * s * s;
    for (size_t head = 0; head < a->heads; head++) {
        const float *q = qkv + head * d;
        float *d_q = d_qkv + head * d;
        probabilities(a, q, p);
        score_gradient(a, head, q + 2 * h, d_context + head * d, p, dropped, d_scores, d_q + 2 * h);
        struct gemm_call by_query = {.form = GEMM_NN,
                                     .m = s,
                                     .n = d,
                                     .k = s,
                                     .alpha = score_factor(a),
                                     .a = d_scores,
                                     .lda = s,
                                     .b = q + h,
                                     .ldb = 3 * h,
                                     .c = d_q,
                                     .ldc = 3 * h};
        gemm_run(a->engine, &by_query);
        struct gemm_call by_key = {.form = GEMM_TN,
                                   .m = s,
                                   .n = d,
                                   .k = s,
                                   .alpha = score_factor(a),
                                   .a = d_scores,
                                   .lda = s,
                                   .b = q,
                                   .ldb = 3 * h,
                                   .c = d_q + h,
                                   .ldc = 3 * h};
        gemm_run(a->engine, &by_key);
    }
}
