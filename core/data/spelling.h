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

/* A number in the shortest spelling that is read back the same; always with a point or exponent. */
enum { SPELLING_NUMBER_BYTES = 40 };
void spelling_of_real(double value, char text[SPELLING_NUMBER_BYTES]);

/*
 * Order of two SPELLING_INTEGER texts by value, of any length; equal values ("1", "01") by bytes.
 * Negative, 0 or positive, as strcmp.
 */
int spelling_compare_integers(const char *left, const char *right);

#endif
