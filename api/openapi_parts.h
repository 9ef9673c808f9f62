/* Parts of the OpenAPI document, for the openapi*.c files only. */
#ifndef API_OPENAPI_PARTS_H
#define API_OPENAPI_PARTS_H

#include "api/json_out.h"
#include "api/routes.h"

/* "parameters": of the query, and headers that change the answer. */
void openapi_write_parameters(struct json_out *out, const struct route *route);

/* "requestBody"; nothing when there is none. */
void openapi_write_request(struct json_out *out, const struct route *route);

/* "responses": each status that the route can answer with. */
void openapi_write_responses(struct json_out *out, const struct route *route);

/* The components of job requests: CreateFineTuningJobRequest and FineTuningHyperparameters. */
void openapi_write_job_schemas(struct json_out *out);

/* {"$ref": "#/components/PLACE/NAME"} */
void openapi_write_reference(struct json_out *out, const char *key, const char *place,
                             const char *name);

#endif
