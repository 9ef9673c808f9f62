/*
 * One encoder layer, forward and backward, for one chunk. Private to core/model.
 *
 * A layer's outputs stand for the tokens of the chunk or, where the layer is narrow, for its rows:
 * outputs from..from+n of the batch's. Dropout numbers are those of the output's token either way,
 * so a narrow layer computes what a wide one would at position 0.
 */
#ifndef CORE_MODEL_LAYER_H
#define CORE_MODEL_LAYER_H

#include "core/model/pass.h"
#include "core/ops/attention.h"

struct outputs {
    size_t from, to;
};

static inline const struct layer_activations *
layer_of(const struct chunk *chunk, size_t layer)
{
    return &chunk->pass->workspace->layers[layer];
}

static inline struct outputs
outputs_of(const struct chunk *chunk, size_t layer)
{
    if (layer_of(chunk, layer)->narrow)
        return (struct outputs){chunk->first, chunk->last};
    return (struct outputs){chunk->from, chunk->to};
}

/* First dropout group of an output. */
static inline uint64_t
output_group(const struct chunk *chunk, size_t layer, size_t output)
{
    bool narrow = layer_of(chunk, layer)->narrow;
    return site_group(chunk->pass, narrow ? chunk->pass->batch->offsets[output] : output);
}

/* A layer's attention but for its row: length, group and numbers of queries are the caller's. */
struct attention layer_attention(const struct chunk *chunk, size_t layer);

/* From the layer's input to its output: the next layer's input, or `first` behind the last. */
void layer_forward(const struct chunk *chunk, size_t layer);

/*
 * From the gradient by the layer's outputs (d_x; d_first where it is narrow) to that by its input
 * (d_x); leaves d_output, d_inner, d_attention, d_qkv and d_query for the weight gradients, and the
 * chunk's partial sums. `inner` becomes the activation's output.
 */
void layer_backward(const struct chunk *chunk, size_t layer);

#endif
