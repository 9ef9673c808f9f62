/* THE error table and the one shape of an error body; see errors.h. */
#include "api/errors.h"

#include "api/json_out.h"

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
    {FAULT_BAD_REQUEST, 400, INVALID, "The request is malformed", RETRY_UNSAID},
    {FAULT_PROXY_WITHOUT_KEY, 403, INVALID, "Requests through a proxy need a key", RETRY_UNSAID},
    {FAULT_BASE_MODEL_PROTECTED, 403, INVALID, "Base models are never deleted", RETRY_UNSAID},
    {FAULT_HOST_NOT_ALLOWED, 403, INVALID, "This host name is not served", RETRY_UNSAID},
    {FAULT_NOT_FOUND, 404, INVALID, "Nothing is here", RETRY_UNSAID},
    {FAULT_MODEL_NOT_FOUND, 404, INVALID, "The model does not exist", RETRY_UNSAID},
    {FAULT_FILE_NOT_FOUND, 404, INVALID, "The file does not exist", RETRY_UNSAID},
    {FAULT_JOB_NOT_FOUND, 404, INVALID, "The job does not exist", RETRY_UNSAID},
    {FAULT_METHOD_NOT_ALLOWED, 405, INVALID, "The method is not allowed here", RETRY_UNSAID},
    {FAULT_CONFLICT, 409, INVALID, "The state forbids this", RETRY_NEVER},
    {FAULT_IN_USE, 409, INVALID, "An unfinished job needs this", RETRY_NEVER},
    {FAULT_LENGTH_REQUIRED, 411, INVALID, "The length of the body is missing", RETRY_UNSAID},
    {FAULT_BODY_TOO_LARGE, 413, INVALID, "The body is too large", RETRY_UNSAID},
    {FAULT_UNSUPPORTED_MEDIA_TYPE, 415, INVALID, "The type of the body is not understood",
     RETRY_UNSAID},
    {FAULT_QUEUE_FULL, 429, "rate_limit_error", "The queue is full", RETRY_LATER},
    {FAULT_INTERNAL, 500, SERVER, "The daemon failed", RETRY_UNSAID},
    {FAULT_NOT_READY, 503, SERVER, "The daemon is not ready", RETRY_LATER},
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

/* "betas[0].x" becomes the JSON pointer "#/betas/0/x"; '~' is escaped, '/' cannot be in a name. */
static void
encode_pointer(struct json_out *out, const char *param)
{
    struct buf pointer = {0};
    buf_append_string(&pointer, "#/");
    for (const char *c = param; *c != '\0'; c++) {
        if (*c == '.' || *c == '[')
            buf_append(&pointer, "/", 1);
        else if (*c == '~')
            buf_append(&pointer, "~0", 2);
        else if (*c == '/')
            buf_append(&pointer, "~1", 2);
        else if (*c != ']')
            buf_append(&pointer, c, 1);
    }
    json_out_string(out, "pointer", buf_string(&pointer));
    buf_fini(&pointer);
}

static void
encode_fault(struct json_out *out, const struct fault *fault)
{
    json_out_object(out, NULL);
    json_out_string(out, "code", fault_code_name(fault->code));
    if (fault->param != NULL)
        encode_pointer(out, fault->param);
    if (fault->line > 0)
        json_out_integer(out, "line", (int64_t)fault->line);
    json_out_string(out, "detail", fault->message);
    json_out_end_object(out);
}

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
    const struct fault *first = &faults->items[0];
    const struct error_row *row = error_row(first->code);
    struct buf text = {0};
    struct buf uri = {0};
    struct json_out json = {.buf = out};
    join_messages(faults, &text);
    json_out_object(&json, NULL);
    buf_printf(&uri, "urn:finetuned:error:%s", fault_code_name(first->code));
    json_out_string(&json, "type", buf_string(&uri));
    json_out_string(&json, "title", row->title);
    json_out_integer(&json, "status", status);
    json_out_string(&json, "detail", buf_string(&text));
    buf_clear(&uri);
    buf_printf(&uri, "urn:finetuned:request:%s", request_id);
    json_out_string(&json, "instance", buf_string(&uri));
    json_out_array(&json, "errors");
    for (size_t i = 0; i < faults->count; i++)
        encode_fault(&json, &faults->items[i]);
    json_out_end_array(&json);
    json_out_object(&json, "error");
    json_out_string(&json, "message", buf_string(&text));
    json_out_string(&json, "type", row->type);
    json_out_string(&json, "param", first->param);
    json_out_string(&json, "code", fault_code_name(first->code));
    json_out_end_object(&json);
    json_out_end_object(&json);
    buf_fini(&uri);
    buf_fini(&text);
}
