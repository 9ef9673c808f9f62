/*
 * What the reference tokenizer's character tables say about a code point.
 *
 * The tables are pinned: they hold what the Rust `tokenizers` library does, not what the newest
 * Unicode says, and come from generate_unicode.py, which asks that library. Whoever needs a
 * property of a character for tokenization asks here and nowhere else.
 */
#ifndef CORE_TEXT_UNICODE_H
#define CORE_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unicode_flag {
    UNICODE_DROPPED = 1,     /* removed by clean_text: controls, formats, private use, U+FFFD */
    UNICODE_SPACE = 2,       /* White_Space: clean_text makes it a blank, words end at it */
    UNICODE_MARK = 4,        /* nonspacing mark, removed by strip_accents */
    UNICODE_PUNCTUATION = 8, /* a word of its own */
    UNICODE_CJK = 16,        /* an ideograph that gets a blank on either side */
    UNICODE_WORD = 32,       /* \w of regular expressions: bounds added tokens of single words */
    UNICODE_LETTER = 64,     /* \p{L}: a run of letters is a word of byte-level tokenizers */
    UNICODE_NUMBER = 128     /* \p{N} */
};

/* Combining classes that occur; a record's class is 0 (a starter) or its rank 1..this. */
enum { UNICODE_CLASS_COUNT = 54 };

enum { UNICODE_LIMIT = 0x110000, UNICODE_MAX_PARTS = 4 };

struct unicode_record {
    uint8_t flags;
    uint8_t combining_class;
    uint8_t decomposed_count; /* 0: decomposes to itself */
    uint8_t lowered_count;    /* 0: its own lower case */
    uint16_t decomposed;      /* first place in unicode_pool */
    uint16_t lowered;
};

extern const uint8_t unicode_ascii_flags[128];
extern const uint32_t unicode_pool[];
extern const struct unicode_record unicode_records[];
extern const uint16_t unicode_index[];
extern const uint16_t unicode_blocks[];

/* The record of a code point below UNICODE_LIMIT. */
static inline const struct unicode_record *
unicode_find(uint32_t point)
{
    return &unicode_records[unicode_blocks[(size_t)unicode_index[point >> 7] * 128 +
                                           (point & 127)]];
}

/* Decode the character at bytes, which are well-formed UTF-8, and store its length (1..4). */
static inline uint32_t
unicode_decode(const char *bytes, size_t *length)
{
    const unsigned char *b = (const unsigned char *)bytes;
    if (b[0] < 0x80) {
        *length = 1;
        return b[0];
    }
    if (b[0] < 0xe0) {
        *length = 2;
        return (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f);
    }
    if (b[0] < 0xf0) {
        *length = 3;
        return (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
    }
    *length = 4;
    return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3f) << 12 |
           (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3f);
}

/* Write a code point as UTF-8 into out (room for 4 bytes); returns the length. */
size_t unicode_encode(uint32_t point, char *out);

/*
 * Full canonical decomposition, not reordered: 1..UNICODE_MAX_PARTS code points into parts, whose
 * number is returned. Hangul syllables are computed, all else is in the tables.
 */
size_t unicode_decompose(uint32_t point, uint32_t parts[UNICODE_MAX_PARTS]);

/* Flags of the last character before end, which is above start. */
uint8_t unicode_flags_before(const char *start, const char *end);

/* Flags of the character at bytes. */
uint8_t unicode_flags_at(const char *bytes);

#endif
