/*
 * Reading the decimal text of a number, to the bit as strtod reads it and several times as fast.
 *
 * Digits and a point are an integer D and a count of places p: the number is D / 10^p, which is
 * D / 5^p / 2^p. With D below 2^64 and p up to 27 both D and 5^p are 64-bit integers, so their
 * quotient's first 64 bits and whether anything is left are exact, and rounding them is exact too.
 * What is not of this kind (more digits, great exponents) is left to strtod.
 */
#ifndef CORE_BASE_DECIMAL_H
#define CORE_BASE_DECIMAL_H

#include <stdint.h>

/* 5^0 and up: all powers of five below 2^64, and so below 2^63. */
enum { DECIMAL_PLACES_MOST = 27 };
extern const uint64_t decimal_fives[DECIMAL_PLACES_MOST + 1];

/* The number that the text begins with, "-12.5e-3" or shorter; *end is behind it, or the text when
 * it begins with none. Blanks, signs of plus, names and hexadecimal digits are none. */
double decimal_read(const char *text, const char **end);

#endif
