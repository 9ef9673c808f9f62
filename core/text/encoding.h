/*
 * Plain text, which holds no added token any more, into tokens: one function for each kind of
 * tokenizer, chosen when it is opened.
 */
#ifndef CORE_TEXT_ENCODING_H
#define CORE_TEXT_ENCODING_H

#include "core/base/err.h"
#include "core/text/token_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;
struct added_piece;

/* One sequence on its way into a list. */
struct encoding {
    const struct tokenizer *tokenizer;
    size_t enough; /* stop when the list holds so many */
    bool one_word; /* the text is one word of several: all its tokens belong to word `word` */
    uint32_t word; /* of what comes next */
    struct token_list *out;
};

/* Part of a sequence; `start` is its place in the text that places refer to. */
struct stretch {
    const char *bytes;
    size_t length;
    size_t start;
};

/* Append the tokens of a stretch, and their places when the list has them; ERR_MEMORY. */
typedef int encoding_function(struct encoding *e, const struct stretch *stretch, struct err *err);

encoding_function encoding_wordpiece; /* BertNormalizer, BertPreTokenizer, WordPiece */
encoding_function encoding_bpe;       /* ByteLevel, BPE */

/* Append a token that stands at start..end of the text and is a word of its own. */
void encoding_push_added(struct encoding *e, uint32_t id, size_t start, size_t end);

/* A stretch in the form in which it becomes tokens, and where that came from. */
struct trace {
    const struct stretch *source;
    const size_t *origins; /* of each byte of the form: its character's first byte in source */
};

/* Bytes from..to-1 of the form as a place in the text; to is above from. */
void trace_place(const struct trace *trace, size_t from, size_t to, size_t *start, size_t *end);

/*
 * Set the places of the tokens from index `first` of the list on, which are a word that begins at
 * byte `at` of the form. Their ends are still those within the word.
 */
void encoding_place_word(struct encoding *e, const struct trace *trace, size_t at, size_t first);

#endif
