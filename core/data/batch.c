/* Ragged batches; see batch.h. */
#include "core/data/batch.h"

#include "core/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int
batch_init(struct batch *batch, size_t rows, size_t tokens, struct err *err)
{
    *batch = (struct batch){.row_capacity = rows, .token_capacity = tokens};
    batch->ids = mem_array(tokens, sizeof *batch->ids);
    batch->types = mem_array(tokens, sizeof *batch->types);
    batch->offsets = mem_array(rows + 1, sizeof *batch->offsets);
    batch->sources = mem_array(rows, sizeof *batch->sources);
    batch->chunk_rows = mem_array(rows + 1, sizeof *batch->chunk_rows);
    batch->scratch = mem_array(rows, 3 * sizeof *batch->scratch);
    if (batch->ids == NULL || batch->types == NULL || batch->offsets == NULL ||
        batch->sources == NULL || batch->chunk_rows == NULL || batch->scratch == NULL) {
        batch_fini(batch);
        return err_set(err, ERR_MEMORY, "a batch of %zu tokens does not fit into memory", tokens);
    }
    return 0;
}

void
batch_fini(struct batch *batch)
{
    free(batch->ids);
    free(batch->types);
    free(batch->offsets);
    free(batch->sources);
    free(batch->chunk_rows);
    free(batch->scratch);
    *batch = (struct batch){0};
}

/* About one chunk for 128 tokens: 1, 2, then multiples of 4, so that few threads share evenly. */
size_t
batch_chunk_count(size_t rows, size_t tokens)
{
    size_t count = (tokens + BATCH_CHUNK_TOKENS / 2) / BATCH_CHUNK_TOKENS;
    if (count > 2)
        count = (count + 1) / 4 * 4;
    count = count > 0 ? count : 1;
    return count < rows ? count : rows;
}

static size_t
row_length(const struct token_store *store, uint32_t row)
{
    return store->offsets[row + 1] - store->offsets[row];
}

/* order = positions 0..count-1 by length, longest first, equals as they came (a merge sort). */
static void
sort_by_length(const struct token_store *store, const uint32_t *picked, size_t count, size_t *order,
               size_t *spare)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = low + width < count ? low + width : count;
            size_t high = low + 2 * width < count ? low + 2 * width : count;
            size_t a = low;
            size_t b = middle;
            for (size_t i = low; i < high; i++) {
                bool left = b >= high || (a < middle && row_length(store, picked[order[a]]) >=
                                                            row_length(store, picked[order[b]]));
                spare[i] = left ? order[a++] : order[b++];
            }
        }
        memcpy(order, spare, count * sizeof *order);
    }
}

static void
append_row(struct batch *batch, const struct token_store *store, uint32_t row)
{
    size_t from = store->offsets[row];
    size_t length = row_length(store, row);
    assert(batch->tokens + length <= batch->token_capacity);
    token_store_copy(store, from, length, batch->ids + batch->tokens, batch->types + batch->tokens);
    batch->sources[batch->rows] = (uint32_t)token_store_text_of(store, row);
    batch->offsets[batch->rows] = batch->tokens;
    batch->tokens += length;
    batch->rows++;
    if (length > batch->longest)
        batch->longest = length;
}

void
batch_fill(struct batch *batch, const struct token_store *store, const uint32_t *picked,
           size_t count)
{
    assert(count > 0 && count <= batch->row_capacity);
    size_t *order = batch->scratch;
    size_t *chunk_of = batch->scratch + count; /* by rank of length */
    size_t *load = batch->scratch + 2 * count;
    size_t tokens = 0;
    for (size_t i = 0; i < count; i++)
        tokens += row_length(store, picked[i]);
    sort_by_length(store, picked, count, order, chunk_of);
    size_t chunks = batch_chunk_count(count, tokens);
    memset(load, 0, chunks * sizeof *load);
    for (size_t i = 0; i < count; i++) {
        size_t least = 0;
        for (size_t c = 1; c < chunks; c++)
            if (load[c] < load[least])
                least = c;
        chunk_of[i] = least;
        load[least] += row_length(store, picked[order[i]]);
    }
    batch->targets = &store->targets;
    batch->rows = 0;
    batch->tokens = 0;
    batch->longest = 0;
    batch->chunks = chunks;
    for (size_t c = 0; c < chunks; c++) {
        batch->chunk_rows[c] = batch->rows;
        for (size_t i = 0; i < count; i++)
            if (chunk_of[i] == c)
                append_row(batch, store, picked[order[i]]);
    }
    batch->chunk_rows[chunks] = batch->rows;
    batch->offsets[batch->rows] = batch->tokens;
}

/* By counting how many rows have which length: a data set has far more rows than lengths. */
size_t
batch_most_tokens(const struct token_store *store, size_t rows)
{
    size_t *counts = mem_resize(NULL, store->longest + 1, sizeof *counts);
    memset(counts, 0, (store->longest + 1) * sizeof *counts);
    for (size_t i = 0; i < store->rows; i++)
        counts[row_length(store, (uint32_t)i)]++;
    size_t tokens = 0;
    for (size_t length = store->longest; length > 0 && rows > 0; length--) {
        size_t taken = counts[length] < rows ? counts[length] : rows;
        tokens += taken * length;
        rows -= taken;
    }
    free(counts);
    return tokens;
}
