/* The pinned character tables and what does not fit a table; see unicode.h. */
#include "core/text/unicode.h"

#include <string.h>

#include "core/text/unicode_tables.inc"

/* Hangul syllables are composed by arithmetic: leading, vowel, and trailing consonant. */
enum {
    HANGUL_FIRST = 0xac00,
    HANGUL_COUNT = 11172,
    HANGUL_LEADING = 0x1100,
    HANGUL_VOWEL = 0x1161,
    HANGUL_TRAILING = 0x11a7,
    HANGUL_VOWEL_COUNT = 21,
    HANGUL_TRAILING_COUNT = 28
};

size_t
unicode_encode(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static size_t
decompose_hangul(uint32_t syllable, uint32_t parts[UNICODE_MAX_PARTS])
{
    uint32_t trailing = syllable % HANGUL_TRAILING_COUNT;
    parts[0] = HANGUL_LEADING + syllable / (HANGUL_VOWEL_COUNT * HANGUL_TRAILING_COUNT);
    parts[1] = HANGUL_VOWEL + syllable / HANGUL_TRAILING_COUNT % HANGUL_VOWEL_COUNT;
    parts[2] = HANGUL_TRAILING + trailing;
    return trailing == 0 ? 2 : 3;
}

size_t
unicode_decompose(uint32_t point, uint32_t parts[UNICODE_MAX_PARTS])
{
    if (point - HANGUL_FIRST < HANGUL_COUNT)
        return decompose_hangul(point - HANGUL_FIRST, parts);
    const struct unicode_record *record = unicode_find(point);
    if (record->decomposed_count == 0) {
        parts[0] = point;
        return 1;
    }
    memcpy(parts, &unicode_pool[record->decomposed], record->decomposed_count * sizeof parts[0]);
    return record->decomposed_count;
}

uint8_t
unicode_flags_at(const char *bytes)
{
    size_t length;
    return unicode_find(unicode_decode(bytes, &length))->flags;
}

uint8_t
unicode_flags_before(const char *start, const char *end)
{
    const char *at = end - 1;
    while (at > start && ((unsigned char)*at & 0xc0) == 0x80)
        at--;
    return unicode_flags_at(at);
}
