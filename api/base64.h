/*
 * Bytes as base64 text (RFC 4648, with padding), for embeddings.
 */
#ifndef API_BASE64_H
#define API_BASE64_H

#include "core/base/buf.h"

#include <stddef.h>

/* Append length bytes as text. */
void base64_append(struct buf *out, const unsigned char *bytes, size_t length);

#endif
