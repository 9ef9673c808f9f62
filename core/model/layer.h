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

/* Dropout, residual and LayerNorm behind one of a layer's two dense outputs. */
struct layer_norm {
    enum tensor_kind weight, bias;
    enum tensor_kind dense_bias; /* of the dense layer before it */
    enum rng_site site;
};

extern const struct layer_norm layer_attention_norm, layer_output_norm;

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

/* The chunk's tokens. */
static inline struct outputs
tokens_of(const struct chunk *chunk)
{
    return (struct outputs){chunk->from, chunk->to};
}

/* First dropout group of an output. */
static inline uint64_t
output_group(const struct chunk *chunk, size_t layer, size_t output)
{
    bool narrow = layer_of(chunk, layer)->narrow;
    return token_group(chunk->pass, narrow ? chunk->pass->batch->offsets[output] : output);
}

/*
 * A layer's activations from the chunk's first token and first output on, in floats: in the
 * workspace or, with bf16, those that are kept rounded in the thread's scratch.
 */
struct layer_activations layer_view(const struct chunk *chunk, size_t layer);

/*
 * Keep a chunk's part of an array (range of the batch, columns): x becomes rounded, half holds it
 * from the batch's first on; with half NULL nothing is done, x being in its place.
 */
void layer_round(const struct chunk *chunk, size_t columns, struct outputs range, float *x,
                 uint16_t *half);

/* x = the chunk's tokens as layer_round has kept them; with half NULL nothing is done. */
void layer_widen(const struct chunk *chunk, size_t columns, const uint16_t *half, float *x);

/* Floats of scratch for each token of a chunk, as layer_view divides them: input and the first
 * LayerNorm's output; attention's numbers or, once those are used, `inner`; `activated`. */
static inline size_t
layer_scratch(const struct model_config *config)
{
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    return 2 * h + (i > 2 * h ? 2 * i : 4 * h);
}

/* A layer's attention but for its row: length and numbers of queries are the caller's, who also
 * moves the group on from that of the batch's first row. */
struct attention layer_attention(const struct chunk *chunk, size_t layer);

/* From the layer's input to its output: the next layer's input, or `first` behind the last. */
void layer_forward(const struct chunk *chunk, size_t layer);

/*
 * Before layer_backward: what it and the weight gradients need of a layer and has not been kept,
 * computed again to the same bits.
 */
void layer_restore(const struct chunk *chunk, size_t layer);

/*
 * From the gradient by the layer's outputs (d_x; d_first where it is narrow) to that by its input
 * (d_x). The layer's activations become what the weight gradients need (workspace.h), and the
 * chunk's partial sums are left.
 */
void layer_backward(const struct chunk *chunk, size_t layer);

#endif
