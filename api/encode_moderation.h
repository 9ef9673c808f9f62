/*
 * Moderations: what a multi_label model says, in OpenAI's shape. Field names live here, as in
 * encode.h.
 */
#ifndef API_ENCODE_MODERATION_H
#define API_ENCODE_MODERATION_H

#include "api/fields.h"
#include "api/json_out.h"
#include "daemon/service.h"

extern const struct field_object moderation_fields;

/* result is of task multi_label. */
void encode_moderation(struct json_out *out, const char *id, const struct classify_result *result);

#endif
