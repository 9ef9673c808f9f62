/*
 * How a label is spelled: a number or a text. Private to core/data.
 */
#ifndef CORE_DATA_SPELLING_H
#define CORE_DATA_SPELLING_H

#include <stddef.h>

enum spelling {
    SPELLING_TEXT,
    SPELLING_INTEGER, /* [+-]digits */
    SPELLING_FRACTION /* a decimal number with a point or an exponent */
};

/* What a piece of text is; surrounding blanks make it a text. */
enum spelling spelling_of(const char *text, size_t length);

/*
 * Order of two SPELLING_INTEGER texts by value, of any length; equal values ("1", "01") by bytes.
 * Negative, 0 or positive, as strcmp.
 */
int spelling_compare_integers(const char *left, const char *right);

#endif
