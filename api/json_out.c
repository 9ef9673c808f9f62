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

/* append_string, byte for byte. */
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
    if (length < sizeof eight) {
        for (size_t i = 0; i < length; i++)
            eight = eight << 8 | (unsigned char)text[i];
        return may_need_change(eight);
    }
    for (size_t i = 0; i + sizeof eight < length; i += sizeof eight)
        if (may_need_change(eight_at(text + i)))
            return true;
    return may_need_change(eight_at(text + length - sizeof eight));
}

/* Nearly all text is plain ASCII, and goes in as it is. */
static void
append_string(struct buf *buf, const char *text)
{
    size_t length = strlen(text);
    if (text_may_need_change(text, length)) {
        append_changed(buf, text, length);
        return;
    }
    char *place = buf_extend(buf, length + 2);
    place[0] = '"';
    memcpy(place + 1, text, length);
    place[length + 1] = '"';
}

static void
append_byte(struct buf *buf, char byte)
{
    *buf_extend(buf, 1) = byte;
}

/* The comma and the key; the value follows. */
static void
lead_in(struct json_out *out, const char *key)
{
    if (out->needs_comma)
        append_byte(out->buf, ',');
    if (key != NULL) {
        append_string(out->buf, key);
        append_byte(out->buf, ':');
    }
    out->needs_comma = true;
}

static void
open_bracket(struct json_out *out, const char *key, char bracket)
{
    lead_in(out, key);
    append_byte(out->buf, bracket);
    out->needs_comma = false;
}

static void
close_bracket(struct json_out *out, char bracket)
{
    append_byte(out->buf, bracket);
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
    json_out_raw(out, key, "null");
}

void
json_out_bool(struct json_out *out, const char *key, bool value)
{
    json_out_raw(out, key, value ? "true" : "false");
}

/* The decimal digits of a number into a buffer's end, at least `width` of them. */
static void
append_digits(struct buf *buf, uint64_t number, int width)
{
    char text[24];
    int at = (int)sizeof text;
    for (; number > 0 || width > 0; number /= 10, width--)
        text[--at] = (char)('0' + number % 10);
    buf_append(buf, text + at, sizeof text - (size_t)at);
}

static void
append_integer(struct buf *buf, int64_t value)
{
    if (value < 0)
        append_byte(buf, '-');
    append_digits(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

void
json_out_integer(struct json_out *out, const char *key, int64_t value)
{
    lead_in(out, key);
    append_integer(out->buf, value);
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
        append_byte(buf, '.');
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
    lead_in(out, key);
    buf_append(out->buf, text, real_text(value, text));
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
    lead_in(out, key);
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
    lead_in(out, key);
    append_string(out->buf, value);
}

void
json_out_raw(struct json_out *out, const char *key, const char *json)
{
    lead_in(out, key);
    buf_append_string(out->buf, json == NULL ? "null" : json);
}

void
json_out_members(struct json_out *out, const char *json)
{
    size_t length = strlen(json);
    if (length <= 2)
        return;
    lead_in(out, NULL);
    buf_append(out->buf, json + 1, length - 2);
}
