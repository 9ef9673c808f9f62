/*
 * The byte-level way from plain text to tokens; see encoding.h.
 *
 * There is no normalizer: words are found in the text itself, and the model reads their bytes. When
 * places are wanted, each byte of a word's spelling in letters gets the character it came from.
 */
#include "core/text/bpe.h"
#include "core/text/encoding.h"

#include "core/base/mem.h"
#include "core/text/byte_words.h"
#include "core/text/tokenizer_parts.h"
#include "core/text/unicode.h"

#include <stdlib.h>

/* Longer words, where places are wanted, take memory from the heap. */
enum { SMALL_BYTES = 128 };

/* origins of a word's spelling; the blank that was put before it is the first character's. */
static void
fill_origins(const struct stretch *stretch, const struct byte_word *word, size_t *origins)
{
    size_t source = (size_t)(word->bytes - stretch->bytes);
    size_t count = 0;
    for (; word->prefixed && count < BYTE_LETTER_BYTES; count++)
        origins[count] = source;
    for (size_t i = 0; i < word->length; i++) {
        if (((unsigned char)word->bytes[i] & 0xc0) != 0x80)
            source = (size_t)(word->bytes + i - stretch->bytes);
        for (size_t k = 0; k < byte_letter_length((unsigned char)word->bytes[i]); k++)
            origins[count++] = source;
    }
}

/* The tokens from `first` on are the word's. */
static int
place_word(struct encoding *e, const struct stretch *stretch, const struct byte_word *word,
           size_t first, struct err *err)
{
    size_t small[(SMALL_BYTES + 1) * BYTE_LETTER_BYTES];
    size_t *origins = small;
    if (word->length > SMALL_BYTES)
        origins = mem_array(word->length + 1, BYTE_LETTER_BYTES * sizeof *origins);
    if (origins == NULL)
        return err_set(err, ERR_MEMORY, "no memory to tokenize a word of %zu bytes", word->length);
    fill_origins(stretch, word, origins);
    struct trace trace = {.source = stretch, .origins = origins};
    encoding_place_word(e, &trace, 0, first);
    if (origins != small)
        free(origins);
    return 0;
}

static int
encode_words(struct encoding *e, const struct stretch *stretch, struct err *err)
{
    bool prefix = e->one_word || e->tokenizer->add_prefix_space;
    struct byte_word_cursor cursor = byte_words_walk(stretch->bytes, stretch->length, prefix);
    struct byte_word word;
    while (e->out->count < e->enough && byte_words_next(&cursor, &word)) {
        size_t first = e->out->count;
        if (bpe_encode(e->tokenizer->bpe, &word, e->out, err) != 0)
            return err->code;
        if (e->out->with_places && place_word(e, stretch, &word, first, err) != 0)
            return err->code;
    }
    return 0;
}

/* First the added tokens that are looked for in normalized text, which is the text as it is. */
int
encoding_bpe(struct encoding *e, const struct stretch *stretch, struct err *err)
{
    if (!added_tokens_any_normalized(e->tokenizer->added))
        return encode_words(e, stretch, err);
    struct added_cursor cursor =
        added_tokens_walk(e->tokenizer->added, true, stretch->bytes, stretch->length);
    struct added_piece piece;
    while (added_tokens_next(&cursor, &piece)) {
        size_t start = stretch->start + (size_t)(piece.bytes - stretch->bytes);
        struct stretch part = {.bytes = piece.bytes, .length = piece.length, .start = start};
        if (piece.token != NULL)
            encoding_push_added(e, piece.token->id, start, start + piece.length);
        else if (encode_words(e, &part, err) != 0)
            return err->code;
    }
    return 0;
}
