/*
 * Tokens that are cut out of a text before anything else happens to it: "[SEP]", "[MASK]",
 * "<user>".
 *
 * Tokens that are not `normalized` are looked for in the raw text; the others, in their normalized
 * form, in the normalized pieces between. The leftmost match wins, among equals the longest.
 */
#ifndef CORE_TEXT_ADDED_TOKENS_H
#define CORE_TEXT_ADDED_TOKENS_H

#include "core/base/err.h"
#include "core/text/normalizer.h"
#include "core/text/vocab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDED_TOKENS_MAX = 65536 };

struct added_token {
    const char *content; /* NUL-terminated */
    uint32_t id;
    bool single_word; /* matches only where no word character touches it */
    bool lstrip;      /* takes the White_Space before it, or after it, along */
    bool rstrip;
    bool normalized;
    bool special;
};

struct added_tokens;

struct added_tokens *added_tokens_new(void);
void added_tokens_free(struct added_tokens *tokens);

/*
 * The id that adding a token gives it: its own when the tokens or the vocabulary know the content,
 * else the next free one after both.
 */
uint32_t added_tokens_next_id(const struct added_tokens *tokens, const struct vocab *vocab,
                              const char *content);

/* Add a copy of a token, or change the flags of the one with this content. */
int added_tokens_add(struct added_tokens *tokens, const struct added_token *token, struct err *err);

/* Make ready for matching: after the last addition, before the first cursor. */
int added_tokens_prepare(struct added_tokens *tokens, const struct normalizer *normalizer,
                         struct err *err);

size_t added_tokens_count(const struct added_tokens *tokens);
const struct added_token *added_tokens_at(const struct added_tokens *tokens, size_t index);

/* Is this a token's id? After added_tokens_prepare. */
bool added_tokens_has_id(const struct added_tokens *tokens, uint32_t id);

/* The token with this content, or NULL. */
const struct added_token *added_tokens_find(const struct added_tokens *tokens, const char *content);

/* Are there tokens to be looked for in normalized text? */
bool added_tokens_any_normalized(const struct added_tokens *tokens);

/* A walk over a text; made by added_tokens_walk, several may run at once. */
struct added_cursor {
    const struct added_tokens *tokens;
    bool normalized;
    const char *text;
    size_t length;
    size_t searched;                /* matches begin here or later */
    size_t done;                    /* pieces up to here were given out */
    const struct added_token *held; /* found, waiting for the text before it to be given out */
    size_t held_start;
    size_t held_end;
};

struct added_piece {
    const struct added_token *token; /* NULL: plain text */
    const char *bytes;               /* a token's include the White_Space that it takes along */
    size_t length;
};

struct added_cursor added_tokens_walk(const struct added_tokens *tokens, bool normalized,
                                      const char *text, size_t length);

/* The next piece, or false at the end. */
bool added_tokens_next(struct added_cursor *cursor, struct added_piece *out);

#endif
