/* /v1/models: list, get, delete, and the files of a model. */
#include "api/handlers/handlers.h"

#include "api/encode.h"

struct reply
handle_models_list(struct request *request)
{
    struct model_list list;
    if (service_models_list(request->api->service, request->arena, &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_model_list(&out, &list);
    return reply_json_take(200, &body);
}

struct reply
handle_model_get(struct request *request)
{
    struct model_info model;
    if (service_model_get(request->api->service, request_capture(request, 0), request->arena,
                          &model, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_model(&out, NULL, &model);
    return reply_json_take(200, &body);
}

struct reply
handle_model_delete(struct request *request)
{
    const char *id = request_capture(request, 0);
    if (service_model_delete(request->api->service, id, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_deleted(&out, "model", id);
    return reply_json_take(200, &body);
}

struct reply
handle_model_files(struct request *request)
{
    struct model_file_list list;
    if (service_model_files(request->api->service, request_capture(request, 0), request->arena,
                            &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_model_files(&out, &list);
    return reply_json_take(200, &body);
}

struct reply
handle_model_file(struct request *request)
{
    struct model_file file;
    int fd = -1;
    if (service_model_file_open(request->api->service, request_capture(request, 0),
                                request_capture(request, 1), request->arena, &file, &fd,
                                &request->faults) != 0)
        return request_faulty(request);
    struct reply_file content = {
        .fd = fd, .bytes = file.bytes, .name = file.name, .sha256 = file.sha256};
    return reply_file_take(&content, request->arena);
}
