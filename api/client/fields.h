/*
 * Reading the daemon's JSON: values by dotted path, with a fallback for what is absent.
 *
 * A server may be newer, older or something else entirely, so nothing here assumes a type.
 */
#ifndef API_CLIENT_FIELDS_H
#define API_CLIENT_FIELDS_H

#include "core/base/buf.h"
#include "core/base/json.h"

#include <stdint.h>
#include <stdio.h>

/* The value at "progress.step", borrowed; NULL when a part is absent or null. */
const json_t *field(const json_t *object, const char *path);

/* The string at path, borrowed from object, or fallback. */
const char *field_text(const json_t *object, const char *path, const char *fallback);

/* The number at path as a double, or NaN. */
double field_number(const json_t *object, const char *path);

/* The number at path as a whole one, or fallback. */
int64_t field_integer(const json_t *object, const char *path, int64_t fallback);

/* value as one line of JSON. */
void field_print(const json_t *value, FILE *file);

/* "name=value name=value" of a flat object, values as JSON. */
void field_append_pairs(const json_t *object, struct buf *out);

#endif
