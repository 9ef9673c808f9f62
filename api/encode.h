/*
 * The only place with field names: the seam's structs as JSON, in the shapes of OpenAI's resources
 * plus our own fields.
 *
 * Fields are added, never renamed or retyped. Each object is a table (fields.h); every function
 * appends one value to the writer; key is NULL for an element of a list and for a whole answer.
 */
#ifndef API_ENCODE_H
#define API_ENCODE_H

#include "api/fields.h"
#include "api/json_out.h"
#include "daemon/service.h"

extern const struct field_object file_fields, file_list_fields;
extern const struct field_object model_fields, model_list_fields, model_files_fields;
extern const struct field_object deleted_fields;
extern const struct field_object job_fields, job_list_fields;
extern const struct field_object event_fields, event_list_fields;
extern const struct field_object metric_fields, metric_list_fields;
extern const struct field_object checkpoint_fields, checkpoint_list_fields;
extern const struct field_object classification_fields;
extern const struct field_object alive_fields, health_fields, version_fields;

void encode_file(struct json_out *out, const char *key, const struct file_info *file);
void encode_file_list(struct json_out *out, const struct file_list *list);

void encode_model(struct json_out *out, const char *key, const struct model_info *model);
void encode_model_list(struct json_out *out, const struct model_list *list);
void encode_model_files(struct json_out *out, const struct model_file_list *list);

/* "file" or "model" was deleted. */
void encode_deleted(struct json_out *out, const char *object, const char *id);

void encode_job(struct json_out *out, const char *key, const struct job_info *job, int64_t now);
void encode_job_list(struct json_out *out, const struct job_list *list, int64_t now);
void encode_event_list(struct json_out *out, const struct event_list *list);
void encode_metric_list(struct json_out *out, const struct metric_list *list);
void encode_checkpoint_list(struct json_out *out, const struct checkpoint_list *list);

void encode_classification(struct json_out *out, const char *id,
                           const struct classify_result *result);

void encode_alive(struct json_out *out);
void encode_health(struct json_out *out, const struct health *health);
void encode_version(struct json_out *out, const struct version_info *version);

#endif
