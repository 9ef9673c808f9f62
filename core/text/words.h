/*
 * Pre-tokenization: normalized text into words, as the reference's BertPreTokenizer does.
 *
 * Words end at White_Space, which vanishes; every punctuation character is a word of its own.
 */
#ifndef CORE_TEXT_WORDS_H
#define CORE_TEXT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct word {
    const char *bytes;
    size_t length;     /* in bytes, at least 1 */
    size_t characters; /* code points */
};

/* Where to go on: at the start and end of well-formed UTF-8. */
struct word_cursor {
    const char *at;
    const char *end;
};

/* The next word, or false at the end of the text. */
bool words_next(struct word_cursor *cursor, struct word *out);

#endif
