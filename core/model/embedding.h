/*
 * The embedding: sums of word, type and position rows (E) through LayerNorm and dropout and, where
 * E is not H, a dense layer that brings them to H (ELECTRA). Private to core/model.
 */
#ifndef CORE_MODEL_EMBEDDING_H
#define CORE_MODEL_EMBEDDING_H

#include "core/model/pass.h"

struct weight;

/* The first layer's input (tokens of the chunk, H) and the LayerNorm's statistics. */
void embedding_forward(const struct chunk *chunk, float *input);

/* From d_x, the gradient by the first layer's input, to d_embedded, that by the sums; they are the
 * same array where E is H. The chunk's partial sums are left. */
void embedding_backward(const struct chunk *chunk);

/* The weight (at most one) whose gradient is due after embedding_backward of all chunks; returns
 * how many. */
size_t embedding_weights(const struct pass *pass, struct weight *list);

/*
 * Columns from..from+n of the embeddings' gradients: d_embedded of every token added to the rows
 * that it came from. Positions and types start from zero where `first`, the words' rows are added
 * to.
 */
void embedding_scatter(const struct pass *pass, size_t from, size_t n, bool first,
                       float *gradients);

#endif
