/*
 * The places of byte-level tokens without the blanks that belong to them: "Ġcard" stands where
 * "card" does. As the reference's trim_offsets.
 */
#ifndef CORE_TEXT_TRIM_H
#define CORE_TEXT_TRIM_H

#include "core/data/word.h"
#include "core/text/token_list.h"

#include <stdbool.h>
#include <stddef.h>

struct tokenizer;

/* The text that places refer to. */
struct trim_text {
    const char *bytes;
    const struct data_word *words; /* NULL: not of known words */
};

/* Trim the places of the tokens from index `from` on, which are a whole sequence after truncation.
 */
void trim_places(const struct tokenizer *tokenizer, const struct trim_text *text,
                 struct token_list *list, size_t from);

#endif
