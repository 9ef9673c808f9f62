/* /v1/queue and /v1/system: whether jobs are started, and on what. */
#include "api/handlers/handlers.h"

#include "api/encode_life.h"

static struct reply
queue_reply(const struct queue_info *queue)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_queue(&out, queue);
    return reply_json_take(200, &body);
}

struct reply
handle_queue_get(struct request *request)
{
    struct queue_info queue;
    if (service_queue_get(request->api->service, &queue, &request->faults) != 0)
        return request_faulty(request);
    return queue_reply(&queue);
}

static struct reply
set_paused(struct request *request, bool paused)
{
    struct queue_info queue;
    if (service_queue_set_paused(request->api->service, paused, &queue, &request->faults) != 0)
        return request_faulty(request);
    return queue_reply(&queue);
}

struct reply
handle_queue_pause(struct request *request)
{
    return set_paused(request, true);
}

struct reply
handle_queue_resume(struct request *request)
{
    return set_paused(request, false);
}

struct reply
handle_system(struct request *request)
{
    struct system_info info;
    if (service_system(request->api->service, request->arena, &info, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_system(&out, &info);
    return reply_json_take(200, &body);
}
