/* POST /v1/token_classifications: the labels of words, and the entities that they make. */
#include "api/handlers/handlers.h"

#include "api/encode_spans.h"
#include "api/handlers/use.h"

static struct reply
label(const struct use_call *call)
{
    struct request *request = call->request;
    struct label_words_result result;
    if (request->faults.count > 0 ||
        service_label_words(request->api->service, call->model, call->inputs, call->count,
                            request->arena, &result, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_token_classification(&out, use_id(call, "tcls-"), &result);
    return reply_json_take(200, &body);
}

struct reply
handle_token_classifications(struct request *request)
{
    struct use_call call;
    if (use_open(request, &call) == 0)
        use_word_inputs(&call);
    struct reply reply = label(&call);
    use_close(&call);
    return reply;
}
