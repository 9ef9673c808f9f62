/* Evaluations: the objects of /v1/evaluations and of a job's evaluation. */
#ifndef API_ENCODE_EVALUATION_H
#define API_ENCODE_EVALUATION_H

#include "api/fields.h"
#include "daemon/service.h"

extern const struct field_object evaluation_fields, evaluation_list_fields;
extern const struct field_object job_evaluation_fields;

void encode_evaluation(struct json_out *out, const struct evaluation_info *evaluation);
void encode_evaluation_list(struct json_out *out, const struct evaluation_list *list);
void encode_job_evaluation(struct json_out *out, const struct job_evaluation *evaluation);

#endif
