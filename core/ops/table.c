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
    .round_bf16 = OPS(round_bf16),
    .widen_bf16 = OPS(widen_bf16),
    .dropout = OPS(dropout),
    .residual_norm = OPS(residual_norm),
    .norm = OPS(norm),
    .norm_again = OPS(norm_again),
    .norm_backward = OPS(norm_backward),
    .residual_norm_backward = OPS(residual_norm_backward),
    .softmax = OPS(softmax),
    .softmax_dropout = OPS(softmax_dropout),
    .softmax_dropout_backward = OPS(softmax_dropout_backward),
    .activation = OPS(activation),
    .activation_backward = OPS(activation_backward),
    .tanh = OPS(tanh),
    .tanh_backward = OPS(tanh_backward),
    .cross_entropy = OPS(cross_entropy),
    .weighed_cross_entropy = OPS(weighed_cross_entropy),
    .binary_cross_entropy = OPS(binary_cross_entropy),
    .squared_error = OPS(squared_error),
    .adam = OPS(adam),
    .sgd = OPS(sgd),
};
