/* POST /v1/models/import and GET /v1/models/{model}/archive: models in and out as a whole. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/input.h"

/* ---- import --------------------------------------------------------------------------------- */

static struct reply
imported_reply(struct request *request, const struct model_info *model)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_model(&out, NULL, model);
    struct reply reply = reply_json_take(201, &body);
    reply_add_header(&reply, "Location", arena_printf(request->arena, "/v1/models/%s", model->id));
    return reply;
}

static struct reply
import_archive(struct request *request)
{
    struct model_info model;
    struct upload *archive = request->archive;
    request->archive = NULL;
    if (service_model_import_archive_take(request->api->service, archive, query_text(request, "id"),
                                          request->arena, &model, &request->faults) != 0)
        return request_faulty(request);
    return imported_reply(request, &model);
}

static struct reply
import_folder(struct request *request, const json_t *body)
{
    struct model_info model;
    const char *id = json_string_value(body_member(body, "id"));
    if (id == NULL)
        id = query_text(request, "id");
    if (service_model_import_folder(request->api->service,
                                    json_string_value(body_member(body, "path")), id,
                                    request->arena, &model, &request->faults) != 0)
        return request_faulty(request);
    return imported_reply(request, &model);
}

struct reply
handle_model_import(struct request *request)
{
    if (request->archive != NULL)
        return import_archive(request);
    json_t *body = input_read_body(request);
    if (body == NULL)
        return request_faulty(request);
    struct reply reply = import_folder(request, body);
    json_decref(body);
    return reply;
}

/* ---- archive -------------------------------------------------------------------------------- */

static int64_t
read_archive(void *context, int64_t offset, void *bytes, size_t length)
{
    return service_model_archive_read(context, offset, bytes, length);
}

static void
close_archive(void *context)
{
    service_model_archive_close(context);
}

struct reply
handle_model_archive(struct request *request)
{
    struct model_archive *archive = NULL;
    struct model_archive_info info;
    if (service_model_archive_open(request->api->service, request_capture(request, 0),
                                   request->arena, &info, &archive, &request->faults) != 0)
        return request_faulty(request);
    struct reply_file content = {
        .fd = -1,
        .source = {.read = read_archive, .close = close_archive, .context = archive},
        .bytes = info.bytes,
        .name = info.name,
        .sha256 = info.sha256,
        .type = "application/x-tar",
    };
    return reply_file_take(&content, request->arena);
}
