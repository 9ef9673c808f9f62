/* Words between blanks and punctuation; see words.h. */
#include "core/text/words.h"

#include "core/text/unicode.h"

static uint8_t
flags_and_length(const char *bytes, size_t *length)
{
    unsigned char first = (unsigned char)*bytes;
    if (first < 0x80) {
        *length = 1;
        return unicode_ascii_flags[first];
    }
    return unicode_find(unicode_decode(bytes, length))->flags;
}

bool
words_next(struct word_cursor *cursor, struct word *out)
{
    const char *at = cursor->at;
    const char *start = at;
    size_t characters = 0;
    while (at < cursor->end) {
        size_t step;
        uint8_t flags = flags_and_length(at, &step);
        if ((flags & (UNICODE_SPACE | UNICODE_PUNCTUATION)) == 0) {
            characters++;
            at += step;
            continue;
        }
        if (characters > 0)
            break;
        at += step;
        if (flags & UNICODE_PUNCTUATION) {
            characters = 1;
            break;
        }
        start = at;
    }
    cursor->at = at;
    *out = (struct word){.bytes = start, .length = (size_t)(at - start), .characters = characters};
    return characters > 0;
}
