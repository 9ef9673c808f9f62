/* Uploads in parts as JSON, in the shape of OpenAI's resource; see encode.h. */
#ifndef API_ENCODE_UPLOADS_H
#define API_ENCODE_UPLOADS_H

#include "api/fields.h"
#include "daemon/service.h"

extern const struct field_object upload_fields, upload_part_fields;

void encode_upload(struct json_out *out, const struct upload_info *upload);
void encode_upload_part(struct json_out *out, const struct upload_part_info *part);

#endif
