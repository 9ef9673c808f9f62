/* POST /v1/moderations, in OpenAI's shape: which labels of a multi_label model the texts have. */
#include "api/handlers/handlers.h"

#include "api/encode_moderation.h"
#include "api/handlers/use.h"

/* The fault is told before the model computes for nothing. */
static int
check_task(const struct use_call *call)
{
    struct request *request = call->request;
    enum task task = TASK_AUTO;
    if (request->faults.count > 0 ||
        service_model_task(request->api->service, call->model, request->arena, &task,
                           &request->faults) != 0)
        return -1;
    if (task == TASK_MULTI_LABEL || task == TASK_AUTO) /* what is no model at all is told later */
        return 0;
    return fault_add(&request->faults, FAULT_INVALID_PARAMETER, "model",
                     "'%.100s' is a model of %s: moderations are made by one of multi_label.",
                     call->model, task_name(task));
}

static struct reply
moderate(const struct use_call *call)
{
    struct request *request = call->request;
    struct classify_result result;
    if (check_task(call) != 0 || use_classify(call, &result) != 0)
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
