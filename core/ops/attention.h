/*
 * Self-attention of one row, head by head: softmax(Q K^T / sqrt(D)) V (Vaswani et al. 2017), with
 * dropout on the probabilities. A row attends to itself alone, so nothing is ever masked.
 */
#ifndef CORE_OPS_ATTENTION_H
#define CORE_OPS_ATTENTION_H

#include "core/gemm/gemm.h"
#include "core/ops/ops.h"

struct attention {
    const struct gemm_engine *engine;
    const struct ops *ops;
    size_t heads;       /* A */
    size_t hidden_size; /* H */
    size_t length;      /* S */
    struct dropout dropout;
    uint64_t group; /* first dropout group of this row; a head takes dropout_groups(S * S) */
};

/* Dropout groups that a row of S tokens takes. */
uint64_t attention_groups(size_t heads, size_t length);

/* context (S,H) from qkv (S,3H); scores (S,S) is scratch. */
void attention_forward(const struct attention *attention, const float *qkv, float *scores,
                       float *context);

/* d_qkv (S,3H) from d_context (S,H); probabilities are computed again. scratch (3,S,S). */
void attention_backward(const struct attention *attention, const float *qkv, const float *d_context,
                        float *scratch, float *d_qkv);

#endif
