/* The pattern 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ by hand;
 * see byte_words.h. */
#include "core/text/byte_words.h"

#include "core/text/unicode.h"

#include <string.h>

/* What a run consists of; the values are flags of a character. */
enum { RUN_FLAGS = UNICODE_SPACE | UNICODE_LETTER | UNICODE_NUMBER };

static const char *const contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

struct byte_word_cursor
byte_words_walk(const char *bytes, size_t length, bool add_prefix_space)
{
    return (struct byte_word_cursor){
        .at = bytes,
        .end = bytes + length,
        .prefix = add_prefix_space && length > 0 && bytes[0] != ' ',
    };
}

static unsigned
kind_at(const char *at, size_t *step)
{
    return unicode_find(unicode_decode(at, step))->flags & RUN_FLAGS;
}

/* The end of the run of characters of one kind that begins at `at`, and where its last one begins.
 */
static const char *
run_end(const char *at, const char *end, unsigned kind, const char **last)
{
    size_t step;
    while (at < end && kind_at(at, &step) == kind) {
        *last = at;
        at += step;
    }
    return at;
}

/* The length of a contraction at `at`, or 0. */
static size_t
contraction_length(const char *at, const char *end)
{
    if (*at != '\'')
        return 0;
    for (size_t i = 0; i < sizeof contractions / sizeof contractions[0]; i++) {
        size_t length = strlen(contractions[i]);
        if (length <= (size_t)(end - at) && memcmp(at, contractions[i], length) == 0)
            return length;
    }
    return 0;
}

/* The end of the word at `at`; prefixed: as if a blank stood before it. */
static const char *
word_end(const char *at, const char *end, bool prefixed)
{
    const char *last = at;
    size_t step;
    size_t contraction = prefixed ? 0 : contraction_length(at, end);
    if (contraction > 0)
        return at + contraction;
    const char *body = !prefixed && *at == ' ' ? at + 1 : at;
    if (body < end && kind_at(body, &step) != UNICODE_SPACE)
        return run_end(body, end, kind_at(body, &step), &last);
    const char *stop = run_end(at, end, UNICODE_SPACE, &last);
    bool leaves_last = stop < end && (prefixed || last > at);
    return leaves_last ? last : stop;
}

bool
byte_words_next(struct byte_word_cursor *cursor, struct byte_word *out)
{
    if (cursor->at == cursor->end)
        return false;
    const char *stop = word_end(cursor->at, cursor->end, cursor->prefix);
    *out = (struct byte_word){
        .bytes = cursor->at, .length = (size_t)(stop - cursor->at), .prefixed = cursor->prefix};
    cursor->at = stop;
    cursor->prefix = false;
    return true;
}

/* Bytes that are printed as themselves in Latin-1; the others get letters from U+0100 on. */
static bool
stands_for_itself(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

uint32_t
byte_letter(unsigned char byte)
{
    if (stands_for_itself(byte))
        return byte;
    if (byte <= 0x20)
        return 0x100u + byte;
    return byte == 0xad ? 0x143u : 0x121u + (byte - 0x7fu);
}

size_t
byte_letter_length(unsigned char byte)
{
    return byte_letter(byte) < 0x80 ? 1 : BYTE_LETTER_BYTES;
}
