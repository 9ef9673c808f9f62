/*
 * The embedding: sums of word, type and position rows through LayerNorm and dropout. Private to
 * core/model.
 */
#ifndef CORE_MODEL_EMBEDDING_H
#define CORE_MODEL_EMBEDDING_H

#include "core/model/pass.h"

/* The first layer's input (tokens of the chunk, H) and the LayerNorm's statistics. */
void embedding_forward(const struct chunk *chunk, float *input);

/* d_x from the gradient by the first layer's input to that by the sums; scratch (H). */
void embedding_backward(const struct chunk *chunk, float *scratch);

/*
 * Columns from..from+n of the embeddings' gradients: d_x of every token added to the rows that it
 * came from. Positions and types start from zero where `first`, the words' rows are added to.
 */
void embedding_scatter(const struct pass *pass, size_t from, size_t n, bool first,
                       float *gradients);

#endif
