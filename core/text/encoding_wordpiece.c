/*
 * BERT's way from plain text to tokens; see encoding.h.
 *
 * Text is normalized in chunks that end at a blank, and the words of a chunk become pieces. Nothing
 * is allocated for a usual text but the list that receives the ids. When places are wanted, the
 * normalizer tells for every byte where it came from.
 */
#include "core/text/encoding.h"

#include "core/base/mem.h"
#include "core/text/tokenizer_parts.h"
#include "core/text/words.h"

#include <stdlib.h>

/* Bytes that are normalized at once; a longer run without a blank takes memory from the heap, as
 * does, where places are wanted, anything longer than a word. */
enum { CHUNK_BYTES = 2048, SMALL_BYTES = 128 };

/* Normalized text, and where it came from. */
struct chunk {
    const char *bytes;
    struct trace trace; /* without origins: places are not wanted */
};

static void
encode_words(struct encoding *e, const struct chunk *chunk, const char *bytes, size_t length)
{
    struct word_cursor cursor = {.at = bytes, .end = bytes + length};
    struct word word;
    while (e->out->count < e->enough && words_next(&cursor, &word)) {
        size_t first = e->out->count;
        wordpiece_encode(&e->tokenizer->wordpiece, &word, 0, e->out);
        if (chunk->trace.origins != NULL)
            encoding_place_word(e, &chunk->trace, (size_t)(word.bytes - chunk->bytes), first);
    }
}

static void
push_normalized(struct encoding *e, const struct chunk *chunk, const struct added_piece *piece)
{
    size_t start = 0;
    size_t end = 0;
    if (chunk->trace.origins != NULL) {
        size_t from = (size_t)(piece->bytes - chunk->bytes);
        trace_place(&chunk->trace, from, from + piece->length, &start, &end);
    }
    encoding_push_added(e, piece->token->id, start, end);
}

/* Normalized text: first the added tokens that are looked for in it. */
static void
encode_normalized(struct encoding *e, const struct chunk *chunk, size_t length)
{
    if (!added_tokens_any_normalized(e->tokenizer->added)) {
        encode_words(e, chunk, chunk->bytes, length);
        return;
    }
    struct added_cursor cursor = added_tokens_walk(e->tokenizer->added, true, chunk->bytes, length);
    struct added_piece piece;
    while (added_tokens_next(&cursor, &piece)) {
        if (piece.token != NULL)
            push_normalized(e, chunk, &piece);
        else
            encode_words(e, chunk, piece.bytes, piece.length);
    }
}

/*
 * The length of the next chunk: up to a blank, which no word and no run of marks crosses. Added
 * tokens may hold blanks, so normalized ones forbid chunks.
 */
static size_t
chunk_length(const struct encoding *e, const char *bytes, size_t length)
{
    if (length <= CHUNK_BYTES || added_tokens_any_normalized(e->tokenizer->added))
        return length;
    for (size_t end = CHUNK_BYTES; end > 0; end--)
        if (bytes[end - 1] == ' ' || bytes[end - 1] == '\n')
            return end;
    for (size_t end = CHUNK_BYTES; end < length; end++)
        if (bytes[end] == ' ' || bytes[end] == '\n')
            return end;
    return length;
}

static void
trace(struct encoding *e, const struct stretch *stretch, char *memory, size_t *origins)
{
    struct chunk chunk = {.bytes = memory, .trace = {.source = stretch, .origins = origins}};
    size_t length = normalizer_run_traced(&e->tokenizer->normalizer, stretch->bytes,
                                          stretch->length, memory, origins);
    encode_normalized(e, &chunk, length);
}

static int
encode_traced(struct encoding *e, const struct stretch *stretch, struct err *err)
{
    if (stretch->length <= SMALL_BYTES) {
        char small[SMALL_BYTES * NORMALIZER_GROWTH];
        size_t small_origins[SMALL_BYTES * NORMALIZER_GROWTH];
        trace(e, stretch, small, small_origins);
        return 0;
    }
    char *memory = mem_array(stretch->length, NORMALIZER_GROWTH);
    size_t *origins = mem_array(stretch->length, NORMALIZER_GROWTH * sizeof *origins);
    int status = 0;
    if (memory == NULL || origins == NULL)
        status =
            err_set(err, ERR_MEMORY, "no memory to tokenize a text of %zu bytes", stretch->length);
    else
        trace(e, stretch, memory, origins);
    free(memory);
    free(origins);
    return status;
}

static int
encode_plain(struct encoding *e, const struct stretch *stretch, struct err *err)
{
    char small[CHUNK_BYTES * NORMALIZER_GROWTH];
    size_t length = stretch->length;
    char *memory = length <= CHUNK_BYTES ? small : mem_array(length, NORMALIZER_GROWTH);
    if (memory == NULL)
        return err_set(err, ERR_MEMORY, "no memory to tokenize a text of %zu bytes", length);
    struct chunk chunk = {.bytes = memory};
    size_t normalized = normalizer_run(&e->tokenizer->normalizer, stretch->bytes, length, memory);
    encode_normalized(e, &chunk, normalized);
    if (memory != small)
        free(memory);
    return 0;
}

int
encoding_wordpiece(struct encoding *e, const struct stretch *stretch, struct err *err)
{
    struct stretch rest = *stretch;
    while (rest.length > 0 && e->out->count < e->enough) {
        struct stretch part = rest;
        part.length = chunk_length(e, rest.bytes, rest.length);
        int status =
            e->out->with_places ? encode_traced(e, &part, err) : encode_plain(e, &part, err);
        if (status != 0)
            return status;
        rest.bytes += part.length;
        rest.start += part.length;
        rest.length -= part.length;
    }
    return 0;
}
