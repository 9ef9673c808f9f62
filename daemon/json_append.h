/*
 * Pieces of JSON text at the end of a buffer: for lines that are written as they are computed.
 */
#ifndef DAEMON_JSON_APPEND_H
#define DAEMON_JSON_APPEND_H

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/mem.h"

/* The fewest digits that bring the same double back; null for NaN and infinities. */
void json_append_real(struct buf *out, double value);

/* A string with quotes and escapes; null for NULL. The text must be valid UTF-8. */
void json_append_string(struct buf *out, const char *text);

/* Any value, compact, members in their order; reals as json_append_real writes them. */
void json_append_value(struct buf *out, const json_t *value);

/* A value as json_append_value writes it, as a text in arena; NULL for NULL. */
const char *json_append_copy(const json_t *value, struct arena *arena);

#endif
