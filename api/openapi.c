/* The frame of the OpenAPI document: paths and components; see openapi.h. */
#include "api/openapi.h"

#include "api/errors.h"
#include "api/openapi_parts.h"
#include "api/operation.h"

#include <string.h>

enum { MAX_OBJECTS = 256 }; /* named objects of the document; a test counts them */

static const char description[] =
    "Fine-tuning of BERT encoders: upload labelled files, create jobs, follow them, use the "
    "models. Files, jobs, models, chat completions, responses and embeddings have the shapes of "
    "OpenAI's API, classifications those of Mistral's; their SDKs work with this server's address "
    "and /v1 as base URL.\n\n"
    "Every GET also answers HEAD. Errors are RFC 9457 problem documents with OpenAI's error object "
    "inside; error.code is stable. Every answer carries an X-Request-Id.";

void
openapi_write_reference(struct json_out *out, const char *key, const char *place, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "#/components/%s/%s", place, name);
    json_out_object(out, key);
    json_out_string(out, "$ref", buf_string(&path));
    json_out_end_object(out);
    buf_fini(&path);
}

static void
write_info(struct json_out *out, const char *version)
{
    json_out_object(out, "info");
    json_out_string(out, "title", "finetuned");
    json_out_string(out, "summary", "A fine-tuning daemon for BERT encoders");
    json_out_string(out, "description", description);
    json_out_string(out, "version", version);
    json_out_object(out, "license");
    json_out_string(out, "name", "MIT");
    json_out_string(out, "identifier", "MIT");
    json_out_end_object(out);
    json_out_end_object(out);
    json_out_raw(out, "servers", "[{\"url\":\"/\",\"description\":\"This server\"}]");
}

static void
write_tags(struct json_out *out)
{
    json_out_array(out, "tags");
    for (const struct operation_group *group = operation_groups; group->name != NULL; group++) {
        json_out_object(out, NULL);
        json_out_string(out, "name", group->name);
        json_out_string(out, "description", group->doc);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* What the parts of paths in braces stand for. */
static const struct {
    const char *name, *doc;
} captures[] = {
    {"file", "The id of a file."},
    {"job", "The id of a job."},
    {"model", "The id of a model; its colons may stand as they are."},
    {"name", "The name of a file of the model."},
    {"upload", "The id of an upload."},
    {"asset", "The name of a file of the page."},
};

static const char *
capture_doc(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof captures / sizeof captures[0]; i++) {
        if (strlen(captures[i].name) == length && memcmp(captures[i].name, name, length) == 0)
            return captures[i].doc;
    }
    return "A name.";
}

static void
write_capture(struct json_out *out, const char *name, size_t length)
{
    struct buf text = {0};
    buf_append(&text, name, length);
    json_out_object(out, NULL);
    json_out_string(out, "name", buf_string(&text));
    json_out_string(out, "in", "path");
    json_out_bool(out, "required", true);
    json_out_string(out, "description", capture_doc(name, length));
    json_out_raw(out, "schema",
                 "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024,"
                 "\"pattern\":\"^[^/\\\\x00-\\\\x1f\\\\x7f]+$\"}");
    json_out_end_object(out);
    buf_fini(&text);
}

static void
write_captures(struct json_out *out, const char *path)
{
    if (strchr(path, '{') == NULL)
        return;
    json_out_array(out, "parameters");
    for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at, '{')) {
        at++;
        write_capture(out, at, strcspn(at, "}"));
    }
    json_out_end_array(out);
}

/* What the operation says, and the members of bodies that are taken without effect. */
static void
write_operation_doc(struct json_out *out, const struct operation *operation)
{
    struct buf text = {0};
    const char *joint = " Taken without effect from callers of other services: ";
    buf_append_string(&text, operation->doc == NULL ? "" : operation->doc);
    for (const struct input_row *row = operation->body; row != NULL && row->name != NULL; row++) {
        if (!row->unused)
            continue;
        buf_printf(&text, "%s`%s`", text.length == 0 ? joint + 1 : joint, row->name);
        joint = ", ";
    }
    if (text.length > 0)
        json_out_string(out, "description", buf_string(&text));
    buf_fini(&text);
}

static void
write_operation(struct json_out *out, const struct route *route)
{
    const struct operation *operation = route->operation;
    struct buf method = {0};
    for (const char *c = route->method; *c != '\0'; c++)
        buf_append(&method, (const char[]){(char)(*c | 0x20)}, 1);
    json_out_object(out, buf_string(&method));
    buf_fini(&method);
    json_out_string(out, "operationId", operation->id);
    json_out_array(out, "tags");
    json_out_string(out, NULL, operation->group);
    json_out_end_array(out);
    json_out_string(out, "summary", operation->summary);
    write_operation_doc(out, operation);
    openapi_write_parameters(out, route);
    openapi_write_request(out, route);
    openapi_write_responses(out, route);
    json_out_end_object(out);
}

static bool
is_first_of_its_path(size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (strcmp(routes_row(i)->path, routes_row(row)->path) == 0)
            return false;
    }
    return true;
}

static void
write_path(struct json_out *out, const char *path)
{
    json_out_object(out, path);
    write_captures(out, path);
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct route *route = routes_row(i);
        if (strcmp(route->path, path) == 0)
            write_operation(out, route);
    }
    json_out_end_object(out);
}

static void
write_paths(struct json_out *out)
{
    json_out_object(out, "paths");
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        if (is_first_of_its_path(i))
            write_path(out, routes_row(i)->path);
    }
    json_out_end_object(out);
}

/* ---- components ----------------------------------------------------------------------------- */

struct objects {
    const struct field_object *items[MAX_OBJECTS];
    size_t count;
};

static bool
is_known(const struct objects *objects, const struct field_object *object)
{
    for (size_t i = 0; i < objects->count; i++) {
        if (objects->items[i] == object)
            return true;
    }
    return objects->count == MAX_OBJECTS;
}

/* An object, then those that it is made of, each once; the list is its own queue. */
static void
collect(struct objects *objects, const struct field_object *object)
{
    if (object == NULL || is_known(objects, object))
        return;
    size_t next = objects->count;
    objects->items[objects->count++] = object;
    for (; next < objects->count; next++) {
        const struct field_object *outer = objects->items[next];
        for (size_t i = 0; i < outer->row_count; i++) {
            const struct field_object *inner = outer->rows[i].object;
            if (inner != NULL && !is_known(objects, inner))
                objects->items[objects->count++] = inner;
        }
    }
}

static void
write_schemas(struct json_out *out)
{
    struct objects objects = {.count = 0};
    collect(&objects, &problem_fields);
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct operation *operation = routes_row(i)->operation;
        for (const struct answer_row *row = operation->answers; row->status != 0; row++)
            collect(&objects, row->object);
    }
    json_out_object(out, "schemas");
    for (size_t i = 0; i < objects.count; i++)
        fields_object_schema(out, objects.items[i]->name, objects.items[i]);
    openapi_write_job_schemas(out);
    json_out_end_object(out);
}

static void
write_header(struct json_out *out, const char *name, const char *type, const char *doc)
{
    bool always = strcmp(name, "RequestId") == 0;
    json_out_object(out, name);
    json_out_string(out, "description", doc);
    json_out_bool(out, "required", always);
    json_out_object(out, "schema");
    json_out_string(out, "type", type);
    json_out_end_object(out);
    json_out_end_object(out);
}

static void
write_components(struct json_out *out)
{
    json_out_object(out, "components");
    write_schemas(out);
    json_out_object(out, "headers");
    write_header(out, "RequestId", "string", "Names this answer in the daemon's log.");
    write_header(out, "ETag", "string", "Names these bytes: send it as If-None-Match.");
    write_header(out, "Location", "string", "Where the new thing is.");
    write_header(out, "RetryAfter", "integer", "Seconds after which to try again.");
    write_header(out, "ShouldRetry", "string", "\"false\": trying again cannot help.");
    json_out_end_object(out);
    json_out_end_object(out);
}

/* Our extension: the whole error table. */
static void
write_errors(struct json_out *out)
{
    static const char *const retries[] = {
        [RETRY_UNSAID] = "unsaid", [RETRY_NEVER] = "never", [RETRY_LATER] = "later"};
    json_out_array(out, "x-errors");
    for (int code = 0; code < FAULT_CODE_COUNT; code++) {
        const struct error_row *row = error_row((enum fault_code)code);
        json_out_object(out, NULL);
        json_out_string(out, "code", fault_code_name(row->code));
        json_out_integer(out, "status", row->status);
        json_out_string(out, "type", row->type);
        json_out_string(out, "title", row->title);
        json_out_string(out, "retry", retries[row->retry]);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

void
openapi_write(struct buf *out, const char *version)
{
    struct json_out json = {.buf = out};
    json_out_object(&json, NULL);
    json_out_string(&json, "openapi", "3.1.0");
    write_info(&json, version);
    write_tags(&json);
    write_paths(&json);
    write_components(&json);
    write_errors(&json);
    json_out_end_object(&json);
}
