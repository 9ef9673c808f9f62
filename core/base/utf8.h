/*
 * UTF-8: is a run of bytes well formed, and where may it be cut.
 */
#ifndef CORE_BASE_UTF8_H
#define CORE_BASE_UTF8_H

#include <stddef.h>

/*
 * How many bytes from the start are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF); length when all of them are.
 */
size_t utf8_valid_length(const char *bytes, size_t length);

/*
 * The length of the longest prefix of at most max_bytes that does not cut a character in two: for
 * messages that quote a piece of a well-formed text.
 */
size_t utf8_clip(const char *text, size_t length, size_t max_bytes);

#endif
