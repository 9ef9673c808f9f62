/* /v1/evaluations, and the evaluation of a job. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/encode_evaluation.h"
#include "api/input.h"

static struct reply
evaluation_reply(unsigned status, const struct evaluation_info *evaluation)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_evaluation(&out, evaluation);
    return reply_json_take(status, &body);
}

static struct reply
create(struct request *request, const json_t *body)
{
    struct evaluation_info evaluation;
    const struct evaluation_order order = {
        .model = json_string_value(body_member(body, "model")),
        .file = json_string_value(body_member(body, "file")),
        .compare_to = json_string_value(body_member(body, "compare_to")),
    };
    if (service_evaluation_create(request->api->service, &order, request->arena, &evaluation,
                                  &request->faults) != 0)
        return request_faulty(request);
    struct reply reply = evaluation_reply(201, &evaluation);
    reply_add_header(&reply, "Location",
                     arena_printf(request->arena, "/v1/evaluations/%s", evaluation.id));
    return reply;
}

struct reply
handle_evaluation_create(struct request *request)
{
    json_t *body = input_read_body(request);
    if (body == NULL)
        return request_faulty(request);
    struct reply reply = create(request, body);
    json_decref(body);
    return reply;
}

struct reply
handle_evaluations_list(struct request *request)
{
    struct page page = query_page(request);
    struct evaluation_list list;
    if (service_evaluations_list(request->api->service, &page, request->arena, &list,
                                 &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_evaluation_list(&out, &list);
    return reply_json_take(200, &body);
}

struct reply
handle_evaluation_get(struct request *request)
{
    struct evaluation_info evaluation;
    if (service_evaluation_get(request->api->service, request_capture(request, 0), request->arena,
                               &evaluation, &request->faults) != 0)
        return request_faulty(request);
    return evaluation_reply(200, &evaluation);
}

struct reply
handle_evaluation_delete(struct request *request)
{
    const char *id = request_capture(request, 0);
    if (service_evaluation_delete(request->api->service, id, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_deleted(&out, "evaluation", id);
    return reply_json_take(200, &body);
}

struct reply
handle_job_evaluation(struct request *request)
{
    struct job_evaluation evaluation;
    if (service_job_evaluation(request->api->service, request_capture(request, 0), request->arena,
                               &evaluation, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_job_evaluation(&out, &evaluation);
    return reply_json_take(200, &body);
}
