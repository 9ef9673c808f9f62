/* UTF-8 checks; see utf8.h. The second byte's range is what rules out the ill-formed sequences. */
#include "core/base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Lead bytes first..last begin a sequence of length bytes whose second byte lies in low..high. */
struct sequence {
    unsigned char first, last;
    unsigned char length;
    unsigned char low, high;
};

static const struct sequence sequences[] = {
    {0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* Length of the well-formed character at bytes, 0 when there is none. */
static size_t
character_length(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        const struct sequence *s = &sequences[i];
        if (bytes[0] < s->first || bytes[0] > s->last)
            continue;
        if (s->length > length)
            return 0;
        if (s->length > 1 && (bytes[1] < s->low || bytes[1] > s->high))
            return 0;
        for (size_t k = 2; k < s->length; k++)
            if ((bytes[k] & 0xc0) != 0x80)
                return 0;
        return s->length;
    }
    return 0;
}

size_t
utf8_valid_length(const char *bytes, size_t length)
{
    static const uint64_t high_bits = 0x8080808080808080u;
    const unsigned char *text = (const unsigned char *)bytes;
    size_t at = 0;
    while (at < length) {
        uint64_t word = high_bits;
        if (length - at >= sizeof word)
            memcpy(&word, text + at, sizeof word);
        if ((word & high_bits) == 0) { /* eight ASCII characters at once */
            at += sizeof word;
            continue;
        }
        size_t step = character_length(text + at, length - at);
        if (step == 0)
            return at;
        at += step;
    }
    return length;
}

size_t
utf8_clip(const char *text, size_t length, size_t max_bytes)
{
    if (length <= max_bytes)
        return length;
    size_t end = max_bytes;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    return end;
}
