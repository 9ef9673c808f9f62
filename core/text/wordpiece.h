/*
 * One word into pieces: the longest prefix that the vocabulary knows, again and again.
 *
 * Pieces after the first carry the continuation prefix ("##"). A word that cannot be covered whole,
 * or is too long, is one unknown token.
 */
#ifndef CORE_TEXT_WORDPIECE_H
#define CORE_TEXT_WORDPIECE_H

#include "core/base/err.h"
#include "core/text/vocab.h"
#include "core/text/words.h"

#include <stddef.h>
#include <stdint.h>

enum { WORDPIECE_MAX_PREFIX_BYTES = 32, WORDPIECE_DEFAULT_CHARACTERS = 100 };

struct token_list;

struct wordpiece {
    const struct vocab *vocab;
    const char *prefix; /* of continuing pieces */
    size_t prefix_length;
    const char *unknown;
    size_t max_characters; /* a longer word is unknown */
    uint32_t unknown_id;
    uint32_t prefix_hash;
    size_t longest; /* token, in bytes */
};

/*
 * Fill the derived fields; vocab, prefix, unknown and max_characters are set before, and the
 * vocabulary is complete. ERR_INVALID when it lacks the unknown token.
 */
int wordpiece_init(struct wordpiece *wordpiece, struct err *err);

/*
 * Append the pieces of a word, all of the given type. In a list with places the end of each is set,
 * counted from the start of the word; the rest of the place is the caller's. Thread-safe.
 */
void wordpiece_encode(const struct wordpiece *wordpiece, const struct word *word, uint8_t type,
                      struct token_list *out);

#endif
