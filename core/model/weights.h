/*
 * Weight gradients: products over all tokens or outputs of a batch, cut by output rows into the
 * items of a pool. The cut depends on the weight alone. Private to core/model.
 */
#ifndef CORE_MODEL_WEIGHTS_H
#define CORE_MODEL_WEIGHTS_H

#include "core/model/dense.h"

#include <stdbool.h>
#include <stddef.h>

/* A weight gradient: dW (out,in) = dy^T x over n outputs or tokens. */
struct weight {
    size_t offset; /* among the gradients */
    size_t out, in, n;
    struct weight_operands operands;
};

struct weight_list {
    const struct network *network;
    const struct weight *weights;
    size_t count;
    bool accumulate; /* else they are written */
    float *gradients;
};

/* Items of a list: blocks of rows of each weight in turn. */
size_t weights_items(const struct weight *weights, size_t count);

/* Compute one item; false when it lies behind the last. */
bool weights_item(const struct weight_list *list, size_t item);

#endif
