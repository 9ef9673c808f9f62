/*
 * Partial sums: each chunk's share of the bias and LayerNorm gradients. Private to core/model.
 */
#ifndef CORE_MODEL_PARTIALS_H
#define CORE_MODEL_PARTIALS_H

#include "core/model/pass.h"

/* Floats of a chunk's partial sums. */
size_t partials_size(const struct model_config *config);

/* Zero a chunk's partial sums, before a layer or the embedding. */
void partials_clear(const struct chunk *chunk);

/* A tensor's place among a chunk's partial sums, of the present layer or of the embedding. */
float *partials_of(const struct chunk *chunk, enum tensor_kind kind);

/* E floats for anything, behind the embedding's partial sums. */
float *partials_scratch(const struct chunk *chunk);

/* Write (or add to) the gradients of a layer's biases and LayerNorms: the chunks' sums, in their
 * order. */
void partials_collect_layer(const struct pass *pass, size_t layer, bool accumulate,
                            float *gradients);

/* The same for the embedding's LayerNorm and projection. */
void partials_collect_embedding(const struct pass *pass, bool accumulate, float *gradients);

#endif
