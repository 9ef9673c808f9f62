/* What a job would come to, the queue, and the machine, as JSON. */
#ifndef API_ENCODE_LIFE_H
#define API_ENCODE_LIFE_H

#include "api/fields.h"
#include "daemon/service.h"

extern const struct field_object estimate_fields, queue_fields, system_fields;

void encode_estimate(struct json_out *out, const struct job_estimate *estimate);
void encode_queue(struct json_out *out, const struct queue_info *queue);
void encode_system(struct json_out *out, const struct system_info *system);

#endif
