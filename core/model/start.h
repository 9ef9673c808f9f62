/*
 * How a tensor starts when no checkpoint brings it: transformers' rule, our own random numbers.
 */
#ifndef CORE_MODEL_START_H
#define CORE_MODEL_START_H

#include "core/model/config.h"
#include "core/model/tensors.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Fill layout->tensors[index] within the parameter array: weights from N(0, initializer_range),
 * biases 0, LayerNorm 1 and 0, and the PAD token's row of the word embedding 0. Element i of tensor
 * index is a function of (seed, index, i) alone.
 */
void tensor_start(const struct tensor_layout *layout, size_t index,
                  const struct model_config *config, uint64_t seed, float *parameters);

#endif
