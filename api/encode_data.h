/* What a data set holds, as JSON; see encode.h. */
#ifndef API_ENCODE_DATA_H
#define API_ENCODE_DATA_H

#include "api/fields.h"
#include "daemon/service.h"

extern const struct field_object file_report_fields, file_rows_fields;

void encode_file_report(struct json_out *out, const struct file_report *report);
void encode_file_rows(struct json_out *out, const struct file_rows_info *rows);

#endif
