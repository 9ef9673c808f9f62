/*
 * Self-attention of one row, head by head: softmax(Q K^T / sqrt(D)) V (Vaswani et al. 2017), with
 * dropout on the probabilities. A row attends to itself alone, so nothing is ever masked. Queries
 * are all tokens of the row, or the first alone: its dropout numbers are the same in both cases.
 */
#ifndef CORE_OPS_ATTENTION_H
#define CORE_OPS_ATTENTION_H

#include "core/gemm/gemm.h"
#include "core/ops/ops.h"

struct attention {
    const struct gemm_engine *engine;
    const struct ops *ops;
    size_t heads;        /* A */
    size_t hidden_size;  /* H */
    size_t length;       /* S */
    size_t queries;      /* Q: S or 1 */
    size_t query_stride; /* from one query to the next: 3H beside keys and values, or H */
    struct dropout dropout;
    uint64_t group; /* first dropout group of this row; a head takes dropout_groups(S * S) */
};

/* Dropout groups that a row of S tokens takes. */
uint64_t attention_groups(size_t heads, size_t length);

/* context (Q,H) from query (Q,H) and qkv (S,3H); scores (Q,S) is scratch. */
void attention_forward(const struct attention *attention, const float *query, const float *qkv,
                       float *scores, float *context);

/* Floats of scratch that attention_backward needs for rows of at most `longest` tokens. */
static inline size_t
attention_scratch(size_t hidden_size, size_t heads, size_t longest)
{
    return 3 * longest * longest + longest * (hidden_size / heads);
}

/*
 * Everything in place: query (Q,H) becomes d_query, the key and value columns of qkv (S,3H) become
 * their gradients, and context (Q,H), which holds the gradient by the context, becomes the context
 * that attention_forward gave, to the bit. Probabilities are computed again. scratch (3,Q,S) and
 * (Q,D).
 */
void attention_backward(const struct attention *attention, float *query, float *qkv, float *context,
                        float *scratch);

#endif
