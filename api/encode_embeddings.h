/*
 * Vectors in the shape of OpenAI's embeddings. Field names live here, as in encode.h.
 */
#ifndef API_ENCODE_EMBEDDINGS_H
#define API_ENCODE_EMBEDDINGS_H

#include "api/fields.h"
#include "api/json_out.h"
#include "daemon/service.h"

#include <stdbool.h>

extern const struct field_object embeddings_fields;

/* packed: little-endian floats as base64, else lists of numbers. */
void encode_embeddings(struct json_out *out, const char *id, const struct embed_result *result,
                       bool packed);

#endif
