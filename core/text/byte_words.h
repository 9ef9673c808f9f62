/*
 * Pre-tokenization of byte-level tokenizers: text into words as the reference's ByteLevel does.
 *
 * A word is a contraction ('s 't 're 've 'm 'll 'd), or a run of letters, of numbers, or of what is
 * neither nor White_Space, each with one blank before it if there is one; or a run of White_Space,
 * which leaves its last character to the word that follows. Every byte belongs to a word. The words
 * are then spelled in letters that stand for bytes.
 */
#ifndef CORE_TEXT_BYTE_WORDS_H
#define CORE_TEXT_BYTE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_word {
    const char *bytes;
    size_t length;
    bool prefixed; /* a blank that the text has not stands before it */
};

/* Where to go on in well-formed UTF-8. */
struct byte_word_cursor {
    const char *at;
    const char *end;
    bool prefix; /* a blank is to be put before the next word */
};

/* At the start of a text, before which a blank may be put where it has none. */
struct byte_word_cursor byte_words_walk(const char *bytes, size_t length, bool add_prefix_space);

/* The next word, or false at the end of the text. */
bool byte_words_next(struct byte_word_cursor *cursor, struct byte_word *out);

enum { BYTE_LETTER_BYTES = 2, BYTE_LETTER_BLANK = 0x120 };

/* The letter that stands for a byte: a code point below U+0144. */
uint32_t byte_letter(unsigned char byte);

/* The length of that letter in UTF-8. */
size_t byte_letter_length(unsigned char byte);

#endif
