/* POST /v1/classifications, in Mistral's shape: {model, input}, input one text or many. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/handlers/use.h"

static struct reply
classify(const struct use_call *call)
{
    struct request *request = call->request;
    struct classify_result result;
    if (use_classify(call, &result) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_classification(&out, use_id(call, "clf-"), &result);
    return reply_json_take(200, &body);
}

static struct reply
handle(struct request *request, void (*read)(struct use_call *call))
{
    struct use_call call;
    if (use_open(request, &call) == 0)
        read(&call);
    struct reply reply = classify(&call);
    use_close(&call);
    return reply;
}

struct reply
handle_classifications(struct request *request)
{
    return handle(request, use_inputs);
}

/* The same of conversations: input is {messages} or a list of them. */
struct reply
handle_chat_classifications(struct request *request)
{
    return handle(request, use_conversations);
}
