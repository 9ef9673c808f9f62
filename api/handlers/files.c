/* /v1/files: upload, list, get, delete, content. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/input.h"
#include "api/upload_form.h"

#include <string.h>
#include <strings.h>

static struct reply
file_reply(const struct file_info *file)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_file(&out, NULL, file);
    return reply_json_take(200, &body);
}

struct reply
handle_file_create(struct request *request)
{
    struct file_info file;
    if (upload_form_store(request->form, request->arena, &file, &request->faults) != 0)
        return request_faulty(request);
    return file_reply(&file);
}

struct reply
handle_files_list(struct request *request)
{
    struct page page = query_page(request);
    struct file_list list;
    if (service_files_list(request->api->service, &page, query_text(request, "purpose"),
                           request->arena, &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_file_list(&out, &list);
    return reply_json_take(200, &body);
}

struct reply
handle_file_get(struct request *request)
{
    struct file_info file;
    if (service_file_get(request->api->service, request_capture(request, 0), request->arena, &file,
                         &request->faults) != 0)
        return request_faulty(request);
    return file_reply(&file);
}

struct reply
handle_file_delete(struct request *request)
{
    const char *id = request_capture(request, 0);
    if (service_file_delete(request->api->service, id, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_deleted(&out, "file", id);
    return reply_json_take(200, &body);
}

/* The measures of a job, which browsers and scripts take for what they are. */
static bool
is_table(const struct file_info *file)
{
    return strcmp(file->purpose, FILE_PURPOSE_RESULTS) == 0;
}

/* Mistral's client takes nothing else. */
static bool
wants_bytes(const struct request *request)
{
    const char *accept = request->headers.accept;
    return accept != NULL && strcasecmp(accept, "application/octet-stream") == 0;
}

struct reply
handle_file_content(struct request *request)
{
    struct file_info file;
    int fd = -1;
    if (service_file_open(request->api->service, request_capture(request, 0), request->arena, &file,
                          &fd, &request->faults) != 0)
        return request_faulty(request);
    struct reply_file content = {
        .fd = fd,
        .bytes = file.bytes,
        .name = file.filename,
        .type = is_table(&file) && !wants_bytes(request) ? "text/csv" : NULL,
    };
    return reply_file_take(&content, request->arena);
}
