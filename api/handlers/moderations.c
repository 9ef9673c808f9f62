/* POST /v1/moderations, in OpenAI's shape: which labels of a multi_label model the texts have. */
#include "api/handlers/handlers.h"

#include "api/encode_moderation.h"
#include "api/handlers/use.h"

static struct reply
moderate(const struct use_call *call)
{
    struct request *request = call->request;
    struct classify_result result;
    if (request->faults.count > 0 ||
        service_moderate(request->api->service, call->model, call->inputs, call->count,
                         request->arena, &result, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_moderation(&out, use_id(call, "modr-"), &result);
    return reply_json_take(200, &body);
}

struct reply
handle_moderations(struct request *request)
{
    struct use_call call;
    if (use_open(request, &call) == 0)
        use_parts(&call);
    struct reply reply = moderate(&call);
    use_close(&call);
    return reply;
}
