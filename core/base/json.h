/*
 * JSON from people we do not trust: jansson behind named limits.
 *
 * Depth is limited before the parser recurses, size by the caller; duplicate keys are refused.
 * Whoever parses JSON goes through here.
 */
#ifndef CORE_BASE_JSON_H
#define CORE_BASE_JSON_H

#include "core/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { JSON_MAX_DEPTH = 64 };

/*
 * Parse one value of any type from UTF-8 bytes. allow_nul lets strings hold U+0000 (data files);
 * API bodies refuse it. Returns a new reference or NULL with ERR_INVALID and a sentence that gives
 * line and column.
 */
json_t *json_parse(const char *bytes, size_t length, bool allow_nul, struct err *err);

/* Read and parse a file of at most limit_bytes; messages begin with the file's name. */
json_t *json_parse_file(const char *path, size_t limit_bytes, struct err *err);

/* The same for files that may hold integers beyond 64 bits, as Python writes them: all numbers of
 * such a file are reals. */
json_t *json_parse_file_huge(const char *path, size_t limit_bytes, struct err *err);

/* Compact text with keys in insertion order, released with free(); aborts when out of memory. */
char *json_text(const json_t *value);

#endif
