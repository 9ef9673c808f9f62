/*
 * A ragged batch: the tokens of its rows end to end, no padding, cut into chunks of whole rows.
 *
 * Chunks are the unit of parallel work. How rows fall into chunks depends on the rows' lengths
 * alone (longest first, each to the chunk with the fewest tokens), never on the number of threads.
 */
#ifndef CORE_DATA_BATCH_H
#define CORE_DATA_BATCH_H

#include "core/base/err.h"
#include "core/data/tokens.h"

#include <stddef.h>
#include <stdint.h>

/* Tokens that a chunk aims at: enough for products at full speed, few enough for many threads. */
enum { BATCH_CHUNK_TOKENS = 128 };

struct batch {
    size_t rows, tokens, chunks;
    uint32_t *ids;      /* (T) */
    uint8_t *types;     /* (T) */
    size_t *offsets;    /* (B+1): row r is tokens offsets[r] .. offsets[r+1] */
    uint32_t *sources;  /* (B): which text of the store this is a row of */
    size_t *chunk_rows; /* (chunks+1): chunk c is rows chunk_rows[c] .. chunk_rows[c+1] */
    const struct targets *targets; /* the store's: those of row r are of its text sources[r] */
    size_t longest;                /* tokens of the longest row */
    size_t row_capacity, token_capacity;
    size_t *scratch; /* (3 * row_capacity) */
};

/* Room for any batch of at most rows rows and tokens tokens; ERR_MEMORY. */
int batch_init(struct batch *batch, size_t rows, size_t tokens, struct err *err);
void batch_fini(struct batch *batch);

/* Chunks that a batch of this size is cut into; grows with either number. */
size_t batch_chunk_count(size_t rows, size_t tokens);

/* Fill the batch with count (1 .. rows) rows of a store, picked by index; within the capacity. */
void batch_fill(struct batch *batch, const struct token_store *store, const uint32_t *picked,
                size_t count);

/* Tokens of the `rows` longest rows of a store: the most that a batch of so many can hold. */
size_t batch_most_tokens(const struct token_store *store, size_t rows);

#endif
