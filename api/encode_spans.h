/*
 * Labelled words and entities; field names live here, as in encode.h.
 */
#ifndef API_ENCODE_SPANS_H
#define API_ENCODE_SPANS_H

#include "api/fields.h"
#include "api/json_out.h"
#include "daemon/service.h"

extern const struct field_object token_classification_fields;

void encode_token_classification(struct json_out *out, const char *id,
                                 const struct label_words_result *result);

/* The entities of a text as an array. */
void encode_entities(struct json_out *out, const char *key, const struct labelled_text *text);

#endif
