/* What routes answer, in the OpenAPI document; see openapi_parts.h. */
#include "api/openapi_parts.h"

#include "api/errors.h"
#include "api/operation.h"

#include <stdio.h>
#include <string.h>

/* Is this fault answered with this status here? */
static bool
is_answered_with(const struct route *route, enum fault_code code, unsigned status)
{
    return operation_has_fault(route, code) &&
           error_status(code, route->body == BODY_JSON) == status;
}

static bool
has_fault_with(const struct route *route, unsigned status)
{
    for (int code = 0; code < FAULT_CODE_COUNT; code++) {
        if (is_answered_with(route, (enum fault_code)code, status))
            return true;
    }
    return false;
}

/* The sentences of the good answers and the titles of the faults. */
static void
write_description(struct json_out *out, const struct route *route, unsigned status)
{
    struct buf text = {0};
    for (const struct answer_row *row = route->operation->answers; row->status != 0; row++) {
        if (row->status == status)
            buf_printf(&text, "%s%s", text.length > 0 ? " " : "", row->doc);
    }
    if (status == 304 && text.length == 0)
        buf_append_string(&text, "It is what If-None-Match names.");
    for (int code = 0; code < FAULT_CODE_COUNT; code++) {
        if (is_answered_with(route, (enum fault_code)code, status))
            buf_printf(&text, "%s`%s`: %s.", text.length > 0 ? " " : "",
                       fault_code_name((enum fault_code)code),
                       error_row((enum fault_code)code)->title);
    }
    json_out_string(out, "description", buf_string(&text));
    buf_fini(&text);
}

/* ---- headers -------------------------------------------------------------------------------- */

static bool
has_retry(const struct route *route, unsigned status, enum error_retry retry)
{
    for (int code = 0; code < FAULT_CODE_COUNT; code++) {
        if (is_answered_with(route, (enum fault_code)code, status) &&
            error_row((enum fault_code)code)->retry == retry)
            return true;
    }
    return false;
}

static void
write_headers(struct json_out *out, const struct route *route, unsigned status)
{
    json_out_object(out, "headers");
    openapi_write_reference(out, "X-Request-Id", "headers", "RequestId");
    if (strcmp(route->method, "GET") == 0 && (status == 200 || status == 206 || status == 304))
        openapi_write_reference(out, "ETag", "headers", "ETag");
    if (status == 201)
        openapi_write_reference(out, "Location", "headers", "Location");
    if (has_retry(route, status, RETRY_LATER))
        openapi_write_reference(out, "Retry-After", "headers", "RetryAfter");
    if (has_retry(route, status, RETRY_NEVER))
        openapi_write_reference(out, "x-should-retry", "headers", "ShouldRetry");
    json_out_end_object(out);
}

/* ---- contents ------------------------------------------------------------------------------- */

/* The JSON objects that one status can bring: one, or any of several. */
static void
write_objects(struct json_out *out, const struct answer_row *rows, unsigned status)
{
    const struct answer_row *only = NULL;
    size_t count = 0;
    for (const struct answer_row *row = rows; row->status != 0; row++) {
        if (row->status == status && row->object != NULL) {
            only = row;
            count++;
        }
    }
    if (count == 0)
        return;
    json_out_object(out, "application/json");
    if (count == 1) {
        openapi_write_reference(out, "schema", "schemas", only->object->name);
    } else {
        json_out_object(out, "schema");
        json_out_array(out, "anyOf");
        for (const struct answer_row *row = rows; row->status != 0; row++) {
            if (row->status == status && row->object != NULL)
                openapi_write_reference(out, NULL, "schemas", row->object->name);
        }
        json_out_end_array(out);
        json_out_end_object(out);
    }
    json_out_end_object(out);
}

/* Of an answer that no table describes; of a stream it is that of each event. */
static const char *
media_schema(const char *media)
{
    if (strcmp(media, "application/json") == 0)
        return "{\"type\":\"object\"}";
    if (strcmp(media, "text/event-stream") == 0)
        return "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"event\":{"
               "\"type\":"
               "\"string\"},\"data\":{\"type\":\"string\"}}}";
    return "{\"type\":\"string\"}";
}

static void
write_media(struct json_out *out, const struct answer_row *row)
{
    if (row->media != NULL) {
        json_out_object(out, row->media);
        json_out_raw(out, "schema", media_schema(row->media));
        json_out_end_object(out);
    }
}

/* A problem whose code is one of those that this status can mean here. */
static void
write_problem(struct json_out *out, const struct route *route, unsigned status)
{
    json_out_object(out, "application/problem+json");
    json_out_object(out, "schema");
    json_out_array(out, "allOf");
    openapi_write_reference(out, NULL, "schemas", "Problem");
    json_out_raw(out, NULL, "{\"properties\":{\"error\":{\"properties\":{\"code\":{\"enum\":[");
    out->needs_comma = false;
    for (int code = 0; code < FAULT_CODE_COUNT; code++) {
        if (is_answered_with(route, (enum fault_code)code, status))
            json_out_string(out, NULL, fault_code_name((enum fault_code)code));
    }
    out->needs_comma = false;
    json_out_raw(out, NULL, "]}}}}}");
    json_out_end_array(out);
    json_out_end_object(out);
    json_out_end_object(out);
}

static void
write_response(struct json_out *out, const struct route *route, unsigned status)
{
    const struct answer_row *rows = route->operation->answers;
    bool has_content = has_fault_with(route, status);
    char name[16];
    snprintf(name, sizeof name, "%u", status);
    json_out_object(out, name);
    write_description(out, route, status);
    write_headers(out, route, status);
    for (const struct answer_row *row = rows; row->status != 0; row++)
        has_content |= row->status == status && (row->object != NULL || row->media != NULL);
    if (has_content) {
        json_out_object(out, "content");
        write_objects(out, rows, status);
        for (const struct answer_row *row = rows; row->status != 0; row++) {
            if (row->status == status)
                write_media(out, row);
        }
        if (has_fault_with(route, status))
            write_problem(out, route, status);
        json_out_end_object(out);
    }
    json_out_end_object(out);
}

/* A GET of JSON is 304 when If-None-Match names the answer. */
static bool
can_be_unchanged(const struct route *route)
{
    return strcmp(route->method, "GET") == 0 && route->operation->answers[0].object != NULL;
}

static bool
is_answered(const struct route *route, unsigned status)
{
    for (const struct answer_row *row = route->operation->answers; row->status != 0; row++) {
        if (row->status == status)
            return true;
    }
    return has_fault_with(route, status) || (status == 304 && can_be_unchanged(route));
}

void
openapi_write_responses(struct json_out *out, const struct route *route)
{
    json_out_object(out, "responses");
    for (unsigned status = 200; status < 600; status++) {
        if (is_answered(route, status))
            write_response(out, route, status);
    }
    json_out_end_object(out);
}
