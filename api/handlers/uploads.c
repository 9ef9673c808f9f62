/* /v1/uploads: begin, add parts, complete, cancel. */
#include "api/handlers/handlers.h"

#include "api/encode_uploads.h"
#include "api/input.h"
#include "api/upload_form.h"

#include <string.h>

static struct reply
upload_reply(const struct upload_info *upload)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_upload(&out, upload);
    return reply_json_take(200, &body);
}

/* {"anchor": "created_at", "seconds": 3600}, or absent. Whether the seconds are in range is the
 * service's to say. */
static int
read_expiry(struct request *request, const json_t *value, int64_t *seconds)
{
    const json_t *anchor = json_object_get(value, "anchor");
    const json_t *after = json_object_get(value, "seconds");
    *seconds = 0;
    if (value == NULL)
        return 0;
    if (json_is_string(anchor) && strcmp(json_string_value(anchor), "created_at") == 0 &&
        json_is_integer(after) && json_integer_value(after) != 0 && json_object_size(value) == 2) {
        *seconds = json_integer_value(after);
        return 0;
    }
    return fault_add(&request->faults, FAULT_INVALID_PARAMETER, "expires_after",
                     "'expires_after' must be {\"anchor\": \"created_at\", \"seconds\": N} with N "
                     "from %d to %d.",
                     FILE_EXPIRES_MIN_SECONDS, FILE_EXPIRES_MAX_SECONDS);
}

static struct reply
create(struct request *request, const json_t *body)
{
    struct upload_info info;
    struct upload_new upload = {
        .filename = json_string_value(body_member(body, "filename")),
        .purpose = json_string_value(body_member(body, "purpose")),
        .mime_type = json_string_value(body_member(body, "mime_type")),
        .bytes = json_integer_value(body_member(body, "bytes")),
    };
    if (read_expiry(request, body_member(body, "expires_after"), &upload.expires_after) != 0 ||
        service_uploads_create(request->api->service, &upload, request->arena, &info,
                               &request->faults) != 0)
        return request_faulty(request);
    return upload_reply(&info);
}

struct reply
handle_upload_create(struct request *request)
{
    json_t *body = input_read_body(request);
    if (body == NULL)
        return request_faulty(request);
    struct reply reply = create(request, body);
    json_decref(body);
    return reply;
}

struct reply
handle_upload_part(struct request *request)
{
    struct upload_part_info part;
    if (upload_form_store_part(request->form, request_capture(request, 0), request->arena, &part,
                               &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_upload_part(&out, &part);
    return reply_json_take(200, &body);
}

static struct reply
complete(struct request *request, const json_t *body)
{
    struct upload_info info;
    const json_t *ids = body_member(body, "part_ids");
    size_t count = json_array_size(ids);
    const char **part_ids = arena_array(request->arena, count, sizeof *part_ids);
    for (size_t i = 0; i < count; i++)
        part_ids[i] = json_string_value(json_array_get(ids, i));
    struct upload_completion completion = {
        .part_ids = part_ids,
        .part_count = count,
        .md5 = json_string_value(body_member(body, "md5")),
    };
    if (service_uploads_complete(request->api->service, request_capture(request, 0), &completion,
                                 request->arena, &info, &request->faults) != 0)
        return request_faulty(request);
    return upload_reply(&info);
}

struct reply
handle_upload_complete(struct request *request)
{
    json_t *body = input_read_body(request);
    if (body == NULL)
        return request_faulty(request);
    struct reply reply = complete(request, body);
    json_decref(body);
    return reply;
}

struct reply
handle_upload_cancel(struct request *request)
{
    struct upload_info info;
    if (service_uploads_cancel(request->api->service, request_capture(request, 0), request->arena,
                               &info, &request->faults) != 0)
        return request_faulty(request);
    return upload_reply(&info);
}
