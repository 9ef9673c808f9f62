/* Queries and bodies in the OpenAPI document; see openapi_parts.h. */
#include "api/openapi_parts.h"

#include "api/operation.h"

#include <string.h>

/* {"type": type} or, where null stands for absent, {"type": [type, "null"]} */
static void
write_type(struct json_out *out, const char *type, bool nullable)
{
    if (!nullable) {
        json_out_string(out, "type", type);
        return;
    }
    json_out_array(out, "type");
    json_out_string(out, NULL, type);
    json_out_string(out, NULL, "null");
    json_out_end_array(out);
}

static void
write_choices(struct json_out *out, const struct input_row *row, bool nullable)
{
    json_out_array(out, "enum");
    for (const char *const *choice = row->choices; *choice != NULL; choice++)
        json_out_string(out, NULL, *choice);
    if (nullable)
        json_out_null(out, NULL);
    json_out_end_array(out);
}

static void
write_range(struct json_out *out, const struct input_row *row, const char *low, const char *high)
{
    json_out_integer(out, low, row->min);
    if (row->max != INT64_MAX)
        json_out_integer(out, high, row->max);
}

static void
write_pairs(struct json_out *out, const struct input_row *row, bool nullable)
{
    write_type(out, "object", nullable);
    json_out_integer(out, "maxProperties", row->max);
    json_out_raw(out, "propertyNames", "{\"minLength\":1}");
    json_out_raw(out, "additionalProperties", "{\"type\":\"string\"}");
}

static void
write_members(struct json_out *out, const struct input_row *row, bool nullable)
{
    switch (row->kind) {
    case INPUT_TEXT:
        write_type(out, "string", nullable);
        if (row->max > 0)
            write_range(out, row, "minLength", "maxLength");
        break;
    case INPUT_INTEGER:
    case INPUT_NUMBER:
        write_type(out, row->kind == INPUT_INTEGER ? "integer" : "number", nullable);
        write_range(out, row, "minimum", "maximum");
        break;
    case INPUT_BOOLEAN:
        write_type(out, "boolean", nullable);
        break;
    case INPUT_CHOICE:
        write_choices(out, row, nullable);
        break;
    case INPUT_FLAG:
        write_type(out, "string", false);
        break;
    case INPUT_TEXTS:
        write_type(out, "array", nullable);
        write_range(out, row, "minItems", "maxItems");
        json_out_raw(out, "items", "{\"type\":\"string\"}");
        break;
    case INPUT_PAIRS:
        write_pairs(out, row, nullable);
        break;
    case INPUT_FILE:
        json_out_raw(out, "type", "\"string\"");
        json_out_raw(out, "format", "\"binary\"");
        break;
    case INPUT_VALUE: /* nullable ones are unions already */
        break;
    }
}

/* The schema's members, into the object that is open. */
static void
write_schema(struct json_out *out, const struct input_row *row, bool nullable)
{
    if (row->schema != NULL)
        json_out_members(out, row->schema);
    else
        write_members(out, row, nullable);
}

/* ---- queries -------------------------------------------------------------------------------- */

/* The schema of a parameter, and what an absent one means. */
static void
write_query_schema(struct json_out *out, const struct input_row *row)
{
    json_out_object(out, "schema");
    write_members(out, row, false);
    if (row->kind == INPUT_INTEGER && row->standard >= row->min)
        json_out_integer(out, "default", row->standard);
    if (row->kind == INPUT_CHOICE && !row->required)
        json_out_string(out, "default", row->choices[row->standard]);
    if (row->kind == INPUT_BOOLEAN)
        json_out_bool(out, "default", false);
    json_out_end_object(out);
}

static void
write_parameter(struct json_out *out, const struct input_row *row)
{
    json_out_object(out, NULL);
    json_out_string(out, "name", row->name);
    json_out_string(out, "in", "query");
    json_out_bool(out, "required", row->required);
    json_out_string(out, "description", row->doc);
    if (row->kind == INPUT_FLAG)
        json_out_bool(out, "allowEmptyValue", true);
    if (row->kind == INPUT_TEXTS) {
        json_out_string(out, "style", "form");
        json_out_bool(out, "explode", false);
    }
    if (row->kind == INPUT_PAIRS) {
        json_out_string(out, "style", "deepObject");
        json_out_bool(out, "explode", true);
    }
    write_query_schema(out, row);
    json_out_end_object(out);
}

/* ---- headers -------------------------------------------------------------------------------- */

static bool
answers_json(const struct route *route)
{
    const struct answer_row *row = route->operation->answers;
    return row->object != NULL && strcmp(route->method, "GET") == 0;
}

static bool
answers_parts(const struct route *route)
{
    for (const struct answer_row *row = route->operation->answers; row->status != 0; row++) {
        if (row->status == 206)
            return true;
    }
    return false;
}

static bool
can_be_conditional(const struct route *route)
{
    return operation_has_fault(route, FAULT_PRECONDITION_FAILED);
}

static bool
answers_events(const struct route *route)
{
    const char *media = route->operation->answers[0].media;
    return media != NULL && strcmp(media, "text/event-stream") == 0;
}

/* Headers of requests that change an answer, and where they do. */
static const struct {
    const char *name, *doc;
    bool (*applies)(const struct route *route);
} headers[] = {
    {"If-None-Match", "The ETag of the answer that the client has: 304 while it is the same.",
     answers_json},
    {"If-Match", "The ETag of the thing as the client knows it: 412 when it has changed.",
     can_be_conditional},
    {"Range", "The bytes that are wanted: bytes=FIRST-LAST.", answers_parts},
    {"Last-Event-ID", "The id of the last event that the client has: the stream goes on behind it.",
     answers_events},
};

enum { HEADER_COUNT = sizeof headers / sizeof headers[0] };

static void
write_header_parameter(struct json_out *out, size_t i)
{
    json_out_object(out, NULL);
    json_out_string(out, "name", headers[i].name);
    json_out_string(out, "in", "header");
    json_out_bool(out, "required", false);
    json_out_string(out, "description", headers[i].doc);
    json_out_raw(out, "schema", "{\"type\":\"string\"}");
    json_out_end_object(out);
}

void
openapi_write_parameters(struct json_out *out, const struct route *route)
{
    json_out_array(out, "parameters");
    for (const struct input_row *row = route->operation->query; row != NULL && row->name != NULL;
         row++) {
        if (!row->not_built)
            write_parameter(out, row);
    }
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        if (headers[i].applies(route))
            write_header_parameter(out, i);
    }
    json_out_end_array(out);
}

/* ---- bodies --------------------------------------------------------------------------------- */

static void
write_property(struct json_out *out, const struct input_row *row, bool form)
{
    json_out_object(out, row->name);
    write_schema(out, row, !row->required && !form); /* a field of a form is never null */
    json_out_string(out, "description", row->doc);
    json_out_end_object(out);
}

static void
write_body_schema(struct json_out *out, const struct input_row *rows, bool form)
{
    json_out_object(out, "schema");
    json_out_string(out, "type", "object");
    json_out_object(out, "properties");
    for (const struct input_row *row = rows; row->name != NULL; row++) {
        if (!row->not_built && !row->unused)
            write_property(out, row, form);
    }
    json_out_end_object(out);
    json_out_array(out, "required");
    for (const struct input_row *row = rows; row->name != NULL; row++) {
        if (row->required)
            json_out_string(out, NULL, row->name);
    }
    json_out_end_array(out);
    json_out_bool(out, "additionalProperties", false);
    json_out_end_object(out);
}

void
openapi_write_request(struct json_out *out, const struct route *route)
{
    const struct operation *operation = route->operation;
    const struct input_row *rows = operation->form != NULL ? operation->form : operation->body;
    if (rows == NULL && !operation->is_job_request)
        return;
    json_out_object(out, "requestBody");
    json_out_bool(out, "required", true);
    json_out_object(out, "content");
    json_out_object(out, operation->form != NULL ? "multipart/form-data" : "application/json");
    if (operation->is_job_request)
        openapi_write_reference(out, "schema", "schemas", "CreateFineTuningJobRequest");
    else
        write_body_schema(out, rows, operation->form != NULL);
    if (operation->example != NULL)
        json_out_raw(out, "example", operation->example);
    json_out_end_object(out);
    if (route->body == BODY_MODEL)
        json_out_raw(out, "application/x-tar",
                     "{\"schema\":{\"type\":\"string\",\"format\":\"binary\"}}");
    json_out_end_object(out);
    json_out_end_object(out);
}
