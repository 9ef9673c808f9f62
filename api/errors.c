/* THE error table and the one shape of an error body; see errors.h. */
#include "api/errors.h"

#include "api/json_out.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define INVALID "invalid_request_error"
#define SERVER  "server_error"

static const struct error_row rows[] = {
    {FAULT_INVALID_JSON, 400, INVALID, "The body is not valid JSON", RETRY_UNSAID},
    {FAULT_INVALID_PARAMETER, 400, INVALID, "A parameter has an impossible value", RETRY_UNSAID},
    {FAULT_UNKNOWN_PARAMETER, 400, INVALID, "A parameter is not known", RETRY_UNSAID},
    {FAULT_MISSING_PARAMETER, 400, INVALID, "A parameter is missing", RETRY_UNSAID},
    {FAULT_NOT_SUPPORTED_YET, 400, INVALID, "A parameter is not supported yet", RETRY_UNSAID},
    {FAULT_INVALID_CURSOR, 400, INVALID, "The cursor of a list is not valid", RETRY_UNSAID},
    {FAULT_INVALID_TRAINING_FILE, 400, INVALID, "The training file cannot be used", RETRY_UNSAID},
    {FAULT_INVALID_VALIDATION_FILE, 400, INVALID, "The validation file cannot be used",
     RETRY_UNSAID},
    {FAULT_INVALID_TEST_FILE, 400, INVALID, "The test file cannot be used", RETRY_UNSAID},
    {FAULT_NOT_A_CLASSIFICATION_SET, 400, INVALID, "The file is not a classification set",
     RETRY_UNSAID},
    {FAULT_MODEL_NOT_FINE_TUNED, 400, INVALID, "The model has no classifier", RETRY_UNSAID},
    {FAULT_INVALID_MODEL, 400, INVALID, "The model cannot be used", RETRY_UNSAID},
    {FAULT_BAD_REQUEST, 400, INVALID, "The request is malformed", RETRY_UNSAID},
    {FAULT_PROXY_WITHOUT_KEY, 403, INVALID, "Requests through a proxy need a key", RETRY_UNSAID},
    {FAULT_BASE_MODEL_PROTECTED, 403, INVALID, "Base models are never deleted", RETRY_UNSAID},
    {FAULT_HOST_NOT_ALLOWED, 403, INVALID, "This host name is not served", RETRY_UNSAID},
    {FAULT_NOT_FOUND, 404, INVALID, "Nothing is here", RETRY_UNSAID},
    {FAULT_MODEL_NOT_FOUND, 404, INVALID, "The model does not exist", RETRY_UNSAID},
    {FAULT_FILE_NOT_FOUND, 404, INVALID, "The file does not exist", RETRY_UNSAID},
    {FAULT_JOB_NOT_FOUND, 404, INVALID, "The job does not exist", RETRY_UNSAID},
    {FAULT_UPLOAD_NOT_FOUND, 404, INVALID, "The upload does not exist", RETRY_UNSAID},
    {FAULT_EVALUATION_NOT_FOUND, 404, INVALID, "The evaluation does not exist", RETRY_UNSAID},
    {FAULT_METHOD_NOT_ALLOWED, 405, INVALID, "The method is not allowed here", RETRY_UNSAID},
    {FAULT_CONFLICT, 409, INVALID, "The state forbids this", RETRY_NEVER},
    {FAULT_IN_USE, 409, INVALID, "An unfinished job or evaluation needs this", RETRY_NEVER},
    {FAULT_PRECONDITION_FAILED, 412, INVALID, "It has changed meanwhile", RETRY_NEVER},
    {FAULT_LENGTH_REQUIRED, 411, INVALID, "The length of the body is missing", RETRY_UNSAID},
    {FAULT_BODY_TOO_LARGE, 413, INVALID, "The body is too large", RETRY_UNSAID},
    {FAULT_UNSUPPORTED_MEDIA_TYPE, 415, INVALID, "The type of the body is not understood",
     RETRY_UNSAID},
    {FAULT_QUEUE_FULL, 429, "rate_limit_error", "The queue is full", RETRY_LATER},
    {FAULT_INTERNAL, 500, SERVER, "The daemon failed", RETRY_UNSAID},
    {FAULT_NOT_READY, 503, SERVER, "The daemon is not ready", RETRY_LATER},
    {FAULT_TOO_MANY_STREAMS, 503, SERVER, "Too many streams are open", RETRY_LATER},
    {FAULT_DISK_FULL, 507, SERVER, "The disk is full", RETRY_NEVER},
};

_Static_assert(sizeof rows / sizeof rows[0] == FAULT_CODE_COUNT, "every fault code has a row");

const struct error_row *
error_row(enum fault_code code)
{
    const struct error_row *row = &rows[code];
    if (row->code != code)
        abort(); /* the table is out of order: a mistake in this file, found by its test */
    return row;
}

unsigned
error_status(enum fault_code code, bool named_in_body)
{
    bool names_a_thing = code == FAULT_MODEL_NOT_FOUND || code == FAULT_FILE_NOT_FOUND;
    return named_in_body && names_a_thing ? 400 : error_row(code)->status;
}

/* "betas[0].x" becomes the JSON pointer "#/betas/0/x"; '~' and '/' are escaped. */
static void
write_pointer(struct json_out *out, const char *key, const void *item)
{
    const struct fault *fault = item;
    struct buf pointer = {0};
    buf_append_string(&pointer, "#/");
    for (const char *c = fault->param; *c != '\0'; c++) {
        if (*c == '.' || *c == '[')
            buf_append(&pointer, "/", 1);
        else if (*c == '~')
            buf_append(&pointer, "~0", 2);
        else if (*c == '/')
            buf_append(&pointer, "~1", 2);
        else if (*c != ']')
            buf_append(&pointer, c, 1);
    }
    json_out_string(out, key, buf_string(&pointer));
    buf_fini(&pointer);
}

static void
write_code(struct json_out *out, const char *key, const void *item)
{
    const struct fault *fault = item;
    json_out_string(out, key, fault_code_name(fault->code));
}

static const struct field_row fault_rows[] = {
    {"code", FIELD_WRITTEN(write_code, "{\"type\":\"string\"}"), .doc = "Of this fault."},
    {"pointer", FIELD_WRITTEN(write_pointer, "{\"type\":\"string\"}"),
     .offset = offsetof(struct fault, param), .unset = FIELD_NULL_POINTER, .omitted = true,
     .doc = "Where in the request it is."},
    {"line", FIELD_COUNT(struct fault, line), .unset = FIELD_NULL_BELOW_ONE, .omitted = true,
     .doc = "Of the data file."},
    {"detail", FIELD_STRING(struct fault, message), .doc = "What is wrong, and what to do."},
};
static const struct field_object fault_fields =
    FIELD_OBJECT("ProblemFault", struct fault, fault_rows, "One thing that is wrong.");

/* All that a problem document says. */
struct problem {
    const struct fault *faults;
    size_t fault_count;
    const char *type, *title, *detail, *instance;
    int64_t status;
    const char *error_type;
};

static void
write_first_code(struct json_out *out, const char *key, const void *item)
{
    const struct problem *problem = item;
    write_code(out, key, &problem->faults[0]);
}

static void
write_first_param(struct json_out *out, const char *key, const void *item)
{
    const struct problem *problem = item;
    json_out_string(out, key, problem->faults[0].param);
}

static const struct field_row error_rows[] = {
    {"message", FIELD_STRING(struct problem, detail), .doc = "Every fault in plain sentences."},
    {"type", FIELD_STRING(struct problem, error_type), .doc = "OpenAI's word for its kind."},
    {"param", FIELD_WRITTEN(write_first_param, "{\"type\":[\"string\",\"null\"]}"),
     .doc = "The parameter that the first fault is about."},
    {"code", FIELD_WRITTEN(write_first_code, "{\"type\":\"string\"}"),
     .doc = "What programs should look at: codes are never renamed."},
};
static const struct field_object error_fields =
    FIELD_OBJECT("Error", struct problem, error_rows, "The error as OpenAI's SDKs read it.");

static const struct field_row problem_rows[] = {
    {"type", FIELD_STRING(struct problem, type), .doc = "The code as a URI."},
    {"title", FIELD_STRING(struct problem, title), .doc = "What kind of problem it is."},
    {"status", FIELD_INTEGER(struct problem, status), .doc = "The status of the answer."},
    {"detail", FIELD_STRING(struct problem, detail), .doc = "Every fault in plain sentences."},
    {"instance", FIELD_STRING(struct problem, instance), .doc = "The request's id as a URI."},
    {"errors", FIELD_LIST(struct problem, faults, fault_count, &fault_fields),
     .doc = "Everything that is wrong, at least one."},
    {"error", FIELD_SAME(&error_fields), .doc = "The same for OpenAI's SDKs."},
};
const struct field_object problem_fields = FIELD_OBJECT(
    "Problem", struct problem, problem_rows, "What every error is answered with (RFC 9457).");

static void
join_messages(const struct fault_list *faults, struct buf *out)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (i > 0)
            buf_append(out, " ", 1);
        buf_append_string(out, faults->items[i].message);
    }
}

void
errors_encode(const struct fault_list *faults, unsigned status, const char *request_id,
              struct buf *out)
{
    const struct error_row *row = error_row(faults->items[0].code);
    struct buf text = {0}, type = {0}, instance = {0};
    struct json_out json = {.buf = out};
    join_messages(faults, &text);
    buf_printf(&type, "urn:finetuned:error:%s", fault_code_name(row->code));
    buf_printf(&instance, "urn:finetuned:request:%s", request_id);
    struct problem problem = {
        .faults = faults->items,
        .fault_count = faults->count,
        .type = buf_string(&type),
        .title = row->title,
        .detail = buf_string(&text),
        .instance = buf_string(&instance),
        .status = status,
        .error_type = row->type,
    };
    fields_encode(&json, NULL, &problem_fields, &problem);
    buf_fini(&instance);
    buf_fini(&type);
    buf_fini(&text);
}
