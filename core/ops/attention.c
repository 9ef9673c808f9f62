/*
 * Attention of one row; see attention.h. Per head, with P = softmax(Q K^T / sqrt(D)) and P' = P
 * after dropout: context = P' V. Backward: dV = P'^T dC, dP' = dC V^T, dP = dropout'(dP'), dZ = P
 * (dP - rowsum(P dP)) / sqrt(D), dQ = dZ K, dK = dZ^T Q. Each result takes the place of what it is
 * the gradient of as soon as that was used for the last time.
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

/* Rows of an operand, one head wide or one row of scores long. */
struct operand {
    const float *at;
    size_t stride;
};

/* c (m,n) = a b in one of the forms, k terms each. */
static void
multiply(const struct attention *a, enum gemm_form form, const size_t mnk[3], struct operand left,
         struct operand right, float *c, size_t c_stride)
{
    gemm_run(a->engine, &(struct gemm_call){.form = form,
                                            .m = mnk[0],
                                            .n = mnk[1],
                                            .k = mnk[2],
                                            .a = left.at,
                                            .lda = left.stride,
                                            .b = right.at,
                                            .ldb = right.stride,
                                            .c = c,
                                            .ldc = c_stride});
}

/* One head's part of the arrays. */
struct head {
    struct operand query, key, value;
};

static struct head
head_of(const struct attention *a, size_t head, const float *query, const float *qkv)
{
    size_t h = a->hidden_size;
    size_t at = head * (h / a->heads);
    return (struct head){.query = {query + at, a->query_stride},
                         .key = {qkv + h + at, 3 * h},
                         .value = {qkv + 2 * h + at, 3 * h}};
}

void
attention_forward(const struct attention *a, const float *query, const float *qkv, float *scores,
                  float *context)
{
    size_t q = a->queries;
    size_t s = a->length;
    size_t d = a->hidden_size / a->heads;
    struct operand p = {scores, s};
    for (size_t i = 0; i < a->heads; i++) {
        struct head head = head_of(a, i, query, qkv);
        multiply(a, GEMM_NT, (size_t[]){q, s, d}, head.query, head.key, scores, s);
        a->ops->softmax_dropout(&a->dropout, head_group(a, i), q, s, score_factor(a), scores, NULL);
        multiply(a, GEMM_NN, (size_t[]){q, d, s}, p, head.value, context + i * d, a->hidden_size);
    }
}

/* Columns of a wider array = an array of its own, (rows, columns). */
static void
put_columns(size_t rows, size_t columns, const float *from, float *to, size_t stride)
{
    for (size_t row = 0; row < rows; row++)
        memcpy(to + row * stride, from + row * columns, columns * sizeof *from);
}

void
attention_backward(const struct attention *a, float *query, float *qkv, float *context,
                   float *scratch)
{
    size_t q = a->queries;
    size_t s = a->length;
    size_t h = a->hidden_size;
    size_t d = h / a->heads;
    float *p = scratch;
    float *d_scores = scratch + 2 * q * s;
    float *result = scratch + 3 * q * s; /* what must wait for the last use of its place */
    struct operand dropped = {scratch + q * s, s};
    struct operand dz = {d_scores, s};
    for (size_t i = 0; i < a->heads; i++) {
        struct head head = head_of(a, i, query, qkv);
        struct operand dc = {context + i * d, h};
        float *key = qkv + h + i * d;
        multiply(a, GEMM_NT, (size_t[]){q, s, d}, head.query, head.key, p, s);
        a->ops->softmax_dropout(&a->dropout, head_group(a, i), q, s, score_factor(a), p,
                                scratch + q * s);
        multiply(a, GEMM_NT, (size_t[]){q, s, d}, dc, head.value, d_scores, s);
        multiply(a, GEMM_NN, (size_t[]){q, d, s}, dropped, head.value, result, d);
        multiply(a, GEMM_TN, (size_t[]){s, d, q}, dropped, dc, key + h, 3 * h);
        put_columns(q, d, result, context + i * d, h);
        a->ops->softmax_dropout_backward(&a->dropout, head_group(a, i), q, s, score_factor(a), p,
                                         d_scores);
        multiply(a, GEMM_NN, (size_t[]){q, d, s}, dz, head.key, result, d);
        multiply(a, GEMM_TN, (size_t[]){s, d, q}, dz, head.query, key, 3 * h);
        put_columns(q, d, result, query + i * d, a->query_stride);
    }
}
