/*
 * Pieces of JSON text at the end of a buffer: for lines that are written as they are computed.
 */
#ifndef DAEMON_JSON_APPEND_H
#define DAEMON_JSON_APPEND_H

#include "core/base/buf.h"
#include "core/base/json.h"

/* The fewest digits that bring the same double back; null for NaN and infinities. */
void json_append_real(struct buf *out, double value);

/* A string with quotes and escapes; null for NULL. The text must be valid UTF-8. */
void json_append_string(struct buf *out, const char *text);

/* Any value, compact, members in their order; reals as json_append_real writes them. */
void json_append_value(struct buf *out, const json_t *value);

#endif
