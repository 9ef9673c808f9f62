/* Numbers by their spelling; see spelling.h. What is read is not converted: labels may have any
 * number of digits. */
#include "core/data/spelling.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t
count_digits(const char *text, size_t length)
{
    size_t n = 0;
    while (n < length && text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

static bool
is_sign(char c)
{
    return c == '+' || c == '-';
}

enum spelling
spelling_of(const char *text, size_t length)
{
    size_t at = length > 0 && is_sign(text[0]) ? 1 : 0;
    size_t whole = count_digits(text + at, length - at);
    at += whole;
    if (at == length)
        return whole > 0 ? SPELLING_INTEGER : SPELLING_TEXT;
    size_t part = 0;
    if (text[at] == '.') {
        part = count_digits(text + at + 1, length - at - 1);
        at += 1 + part;
    }
    if (whole + part == 0)
        return SPELLING_TEXT;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && is_sign(text[at]))
            at++;
        size_t exponent = count_digits(text + at, length - at);
        if (exponent == 0)
            return SPELLING_TEXT;
        at += exponent;
    }
    return at == length ? SPELLING_FRACTION : SPELLING_TEXT;
}

/* The digits that count: without sign and leading zeros. *negative is false for every zero. */
static const char *
magnitude(const char *text, bool *negative)
{
    *negative = text[0] == '-';
    if (is_sign(text[0]))
        text++;
    while (text[0] == '0')
        text++;
    if (text[0] == '\0')
        *negative = false;
    return text;
}

int
spelling_compare_integers(const char *left, const char *right)
{
    bool left_negative = false;
    bool right_negative = false;
    const char *a = magnitude(left, &left_negative);
    const char *b = magnitude(right, &right_negative);
    if (left_negative != right_negative)
        return left_negative ? -1 : 1;
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    int order = a_length != b_length ? (a_length < b_length ? -1 : 1) : strcmp(a, b);
    if (order == 0)
        return strcmp(left, right);
    return left_negative ? -order : order;
}

void
spelling_of_real(double value, char text[SPELLING_NUMBER_BYTES])
{
    snprintf(text, SPELLING_NUMBER_BYTES, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, SPELLING_NUMBER_BYTES, "%.17g", value);
    if (strpbrk(text, ".e") == NULL)
        snprintf(text + strlen(text), SPELLING_NUMBER_BYTES - strlen(text), ".0");
}
