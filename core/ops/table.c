/* The table of one instruction set; compiled once for each (see sets.h). */
#include "core/ops/sets.h"

#define OPS_TEXT2(name) #name
#define OPS_TEXT(name)  OPS_TEXT2(name)

extern const struct ops OPS(ops);

const struct ops OPS(ops) = {
    .name = OPS_TEXT(OPS_SET),
    .add_three = OPS(add_three),
    .add = OPS(add),
    .sum_squares = OPS(sum_squares),
    .dropout = OPS(dropout),
    .residual_norm = OPS(residual_norm),
    .norm = OPS(norm),
    .norm_backward = OPS(norm_backward),
    .residual_norm_backward = OPS(residual_norm_backward),
    .softmax = OPS(softmax),
    .softmax_backward = OPS(softmax_backward),
    .softmax_dropout = OPS(softmax_dropout),
    .softmax_dropout_backward = OPS(softmax_dropout_backward),
    .activation = OPS(activation),
    .activation_backward = OPS(activation_backward),
    .tanh = OPS(tanh),
    .tanh_backward = OPS(tanh_backward),
    .cross_entropy = OPS(cross_entropy),
    .adam = OPS(adam),
    .sgd = OPS(sgd),
};
