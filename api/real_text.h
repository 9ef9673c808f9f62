/*
 * The shortest text of 15, 16 or 17 digits that reads back to the same double, as "%.17g" and its
 * shorter sisters would print it, many times as fast: pages of jobs and of metrics are mostly
 * reals.
 *
 * A double is m * 2^e with m below 2^53. Times 10^p that is m * 5^p * 2^(e + p), and m * 5^p fits
 * 128 bits as long as p is 27 at most: so digits, rounding and the question whether they read back
 * are exact integer arithmetic. Numbers outside 1e-10 to 1e15, and what is not whole in 128 bits,
 * are printed.
 */
#ifndef API_REAL_TEXT_H
#define API_REAL_TEXT_H

#include <stddef.h>

enum { REAL_TEXT_BYTES = 40 };

/* Of a finite number. Returns the length; a NUL follows. */
size_t real_text(double value, char text[REAL_TEXT_BYTES]);

#endif
