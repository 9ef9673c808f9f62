/* Writing JSON; see json_out.h. */
#include "api/json_out.h"

#include "api/real_text.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits that always read back to the same float, and those tried before. */
enum { FLOAT_DIGITS = 9 };

static void
append_escaped(struct buf *buf, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        buf_printf(buf, "\\%c", byte);
    else if (byte == '\n')
        buf_append_string(buf, "\\n");
    else if (byte == '\t')
        buf_append_string(buf, "\\t");
    else if (byte == '\r')
        buf_append_string(buf, "\\r");
    else
        buf_printf(buf, "\\u%04x", byte);
}

static bool
is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

/* Well-formed text; runs of bytes that need nothing are copied at once. */
static void
append_text(struct buf *buf, const char *text, size_t length)
{
    size_t run = 0;
    for (size_t i = 0; i < length; i++) {
        if (is_plain((unsigned char)text[i]))
            continue;
        buf_append(buf, text + run, i - run);
        append_escaped(buf, (unsigned char)text[i]);
        run = i + 1;
    }
    buf_append(buf, text + run, length - run);
}

/* Text of any bytes. */
static void
append_changed(struct buf *buf, const char *text, size_t length)
{
    buf_append(buf, "\"", 1);
    for (size_t i = 0; i < length;) {
        size_t valid = utf8_valid_length(text + i, length - i);
        append_text(buf, text + i, valid);
        i += valid;
        if (i < length) {
            buf_append_string(buf, "\xef\xbf\xbd");
            i++;
        }
    }
    buf_append(buf, "\"", 1);
}

/* One byte eight times. */
#define EIGHT_TIMES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* May one of eight bytes be other than plain ASCII? Sometimes yes when none is. */
static bool
may_need_change(uint64_t eight)
{
    uint64_t bits = eight | (eight - EIGHT_TIMES(0x20));
    bits |= (eight ^ EIGHT_TIMES('"')) - EIGHT_TIMES(1);
    bits |= (eight ^ EIGHT_TIMES('\\')) - EIGHT_TIMES(1);
    bits |= (eight ^ EIGHT_TIMES(0x7f)) - EIGHT_TIMES(1);
    return (bits & EIGHT_TIMES(0x80)) != 0;
}

static uint64_t
eight_at(const char *text)
{
    uint64_t eight;
    memcpy(&eight, text, sizeof eight);
    return eight;
}

static bool
text_may_need_change(const char *text, size_t length)
{
    uint64_t eight = EIGHT_TIMES(' ');
    uint32_t halves[2];
    if (length < sizeof halves[0]) {
        for (size_t i = 0; i < length; i++)
            eight = eight << 8 | (unsigned char)text[i];
        return may_need_change(eight);
    }
    if (length < sizeof eight) {
        memcpy(&halves[0], text, sizeof halves[0]);
        memcpy(&halves[1], text + length - sizeof halves[1], sizeof halves[1]);
        memcpy(&eight, halves, sizeof eight);
        return may_need_change(eight);
    }
    for (size_t i = 0; i + sizeof eight < length; i += sizeof eight)
        if (may_need_change(eight_at(text + i)))
            return true;
    return may_need_change(eight_at(text + length - sizeof eight));
}

/* buf_extend, without a call when there is room: most of a page are short pieces. */
static inline char *
more(struct buf *buf, size_t bytes)
{
    if (bytes >= buf->capacity - buf->length)
        return buf_extend(buf, bytes);
    char *place = buf->data + buf->length;
    buf->length += bytes;
    place[bytes] = '\0';
    return place;
}

/* With a key: the place behind it. */
static char *
extend_named(struct json_out *out, const char *key, size_t bytes)
{
    size_t length = strlen(key);
    bool is_plain_key = !text_may_need_change(key, length);
    size_t lead = (out->needs_comma ? 1 : 0) + (is_plain_key ? length + 3 : 0);
    char *place = more(out->buf, lead + (is_plain_key ? bytes : 0));
    if (out->needs_comma)
        *place++ = ',';
    out->needs_comma = true;
    if (!is_plain_key) {
        append_changed(out->buf, key, length);
        buf_append(out->buf, ":", 1);
        return more(out->buf, bytes);
    }
    *place++ = '"';
    memcpy(place, key, length);
    memcpy(place + length, "\":", 2);
    return place + length + 2;
}

/* The place for a value of so many bytes: the comma and the key stand before it. */
static inline char *
extend(struct json_out *out, const char *key, size_t bytes)
{
    if (key != NULL)
        return extend_named(out, key, bytes);
    char *place = more(out->buf, bytes + (out->needs_comma ? 1 : 0));
    if (out->needs_comma)
        *place++ = ',';
    out->needs_comma = true;
    return place;
}

static void
append(struct json_out *out, const char *key, const char *value, size_t length)
{
    memcpy(extend(out, key, length), value, length);
}

static void
open_bracket(struct json_out *out, const char *key, char bracket)
{
    *extend(out, key, 1) = bracket;
    out->needs_comma = false;
}

static void
close_bracket(struct json_out *out, char bracket)
{
    *more(out->buf, 1) = bracket;
    out->needs_comma = true;
}

void
json_out_object(struct json_out *out, const char *key)
{
    open_bracket(out, key, '{');
}

void
json_out_end_object(struct json_out *out)
{
    close_bracket(out, '}');
}

void
json_out_array(struct json_out *out, const char *key)
{
    open_bracket(out, key, '[');
}

void
json_out_end_array(struct json_out *out)
{
    close_bracket(out, ']');
}

void
json_out_null(struct json_out *out, const char *key)
{
    append(out, key, "null", 4);
}

void
json_out_bool(struct json_out *out, const char *key, bool value)
{
    json_out_raw(out, key, value ? "true" : "false");
}

enum { INTEGER_BYTES = 24 };

/* The decimal digits of a number, at least `width` of them, to the end of a text. */
static char *
write_digits(char text[INTEGER_BYTES], uint64_t number, int width)
{
    char *at = text + INTEGER_BYTES;
    for (; number >= 100; number /= 100, width -= 2) {
        unsigned pair = (unsigned)(number % 100);
        *--at = (char)('0' + pair % 10);
        *--at = (char)('0' + pair / 10);
    }
    for (; number > 0 || width > 0; number /= 10, width--)
        *--at = (char)('0' + number % 10);
    return at;
}

static void
append_digits(struct buf *buf, uint64_t number, int width)
{
    char text[INTEGER_BYTES];
    const char *first = write_digits(text, number, width);
    buf_append(buf, first, (size_t)(text + sizeof text - first));
}

void
json_out_integer(struct json_out *out, const char *key, int64_t value)
{
    char text[INTEGER_BYTES];
    char *first = write_digits(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
    if (value < 0)
        *--first = '-';
    append(out, key, first, (size_t)(text + sizeof text - first));
}

/* Powers of ten that a double holds exactly. */
static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { EXACT_TEN = sizeof tens / sizeof tens[0] - 1 };

/* digits / 10^places without trailing zeros. */
static void
append_decimal(struct buf *buf, int64_t digits, int places)
{
    while (places > 0 && digits % 10 == 0) {
        digits /= 10;
        places--;
    }
    if (places > FLOAT_DIGITS + 3) {
        buf_printf(buf, "%" PRId64 "e-%d", digits, places);
        return;
    }
    int64_t ten = (int64_t)tens[places];
    append_digits(buf, (uint64_t)(digits / ten), 1);
    if (places > 0) {
        buf_append(buf, ".", 1);
        append_digits(buf, (uint64_t)(digits % ten), places);
    }
}

void
json_out_real(struct json_out *out, const char *key, double value)
{
    char text[REAL_TEXT_BYTES];
    if (!isfinite(value)) {
        json_out_null(out, key);
        return;
    }
    append(out, key, text, real_text(value, text));
}

/*
 * digits / 10^places reads back to value, whether a reader rounds once (to float) or twice (to
 * double, then to float): so does what lies a hair beside it. A quotient of exact numbers is
 * rounded as a reader rounds it.
 */
static bool
reads_back(int64_t digits, int places, float value)
{
    double read = (double)digits / tens[places];
    return !((float)(read * (1 - 1e-15)) < value) && !((float)(read * (1 + 1e-15)) > value);
}

/* The common case, three times as fast as printing and reading: 1e-13 < value < 1e5. */
static bool
append_short_float(struct buf *buf, float value)
{
    double magnitude = fabs((double)value);
    if (!(magnitude > 1e-13 && magnitude < 1e5))
        return false;
    int exponent = (int)floor(log10(magnitude));
    for (int length = FLOAT_DIGITS - 3; length <= FLOAT_DIGITS; length++) {
        int places = length - 1 - exponent;
        if (places < 1 || places > EXACT_TEN)
            continue;
        int64_t digits = llround(magnitude * tens[places]);
        if (!reads_back(digits, places, fabsf(value)))
            continue;
        buf_append(buf, "-", value < 0 ? 1 : 0);
        append_decimal(buf, digits, places);
        return true;
    }
    return false;
}

void
json_out_float(struct json_out *out, const char *key, float value)
{
    char text[40];
    if (!isfinite(value)) {
        json_out_null(out, key);
        return;
    }
    extend(out, key, 0);
    if (append_short_float(out->buf, value))
        return;
    for (int digits = FLOAT_DIGITS - 3; digits <= FLOAT_DIGITS; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (!(strtof(text, NULL) < value) && !(strtof(text, NULL) > value))
            break;
    }
    buf_append_string(out->buf, text);
}

void
json_out_string(struct json_out *out, const char *key, const char *value)
{
    if (value == NULL) {
        json_out_null(out, key);
        return;
    }
    size_t length = strlen(value);
    if (text_may_need_change(value, length)) {
        extend(out, key, 0);
        append_changed(out->buf, value, length);
        return;
    }
    char *place = extend(out, key, length + 2); /* nearly all text goes in as it is */
    place[0] = '"';
    memcpy(place + 1, value, length);
    place[length + 1] = '"';
}

void
json_out_raw(struct json_out *out, const char *key, const char *json)
{
    if (json == NULL)
        json_out_null(out, key);
    else
        append(out, key, json, strlen(json));
}

void
json_out_lead(struct json_out *out, const char *lead, size_t length)
{
    size_t skip = out->needs_comma ? 0 : 1;
    memcpy(more(out->buf, length - skip), lead + skip, length - skip);
    out->needs_comma = false;
}

void
json_out_copy(struct json_out *out, const char *key, size_t at, size_t length)
{
    char *place = extend(out, key, length);
    memcpy(place, out->buf->data + at, length);
}

void
json_out_members(struct json_out *out, const char *json)
{
    size_t length = strlen(json);
    if (length <= 2)
        return;
    append(out, NULL, json + 1, length - 2);
}
