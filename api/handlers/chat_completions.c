/*
 * POST /v1/chat/completions: a program that asked a fine-tuned chat model for a label asks here and
 * reads it from the same place. The text is the last user message, the content the best label or,
 * of a model of another task, JSON.
 */
#include "api/handlers/handlers.h"

#include "api/encode_answer.h"
#include "api/handlers/use.h"
#include "api/input.h"

#include <time.h>

static bool
read_include_usage(const struct use_call *call)
{
    const json_t *options = body_member(call->body, "stream_options");
    const json_t *usage = json_object_get(options, "include_usage");
    if (options != NULL && (!json_is_object(options) ||
                            (usage != NULL && !json_is_null(usage) && !json_is_boolean(usage))))
        fault_add(&call->request->faults, FAULT_INVALID_PARAMETER, "stream_options",
                  "'stream_options' must be an object; its member \"include_usage\" is true or "
                  "false.");
    return json_is_true(usage);
}

static size_t
read_top(const struct use_call *call, bool logprobs)
{
    size_t top = use_count(call, "top_logprobs", 0);
    if (top > 0 && !logprobs)
        fault_add(&call->request->faults, FAULT_INVALID_PARAMETER, "top_logprobs",
                  "'top_logprobs' needs 'logprobs': true.");
    return top;
}

static struct reply
complete(struct use_call *call)
{
    struct request *request = call->request;
    struct answer answer = {
        .id = use_id(call, "chatcmpl-"),
        .created = (int64_t)time(NULL),
        .logprobs = use_bool(call, "logprobs"),
        .choices = use_count(call, "n", 1),
        .stream_usage = read_include_usage(call),
    };
    bool stream = use_bool(call, "stream");
    bool wants_json =
        use_wants_json(call, body_member(call->body, "response_format"), "response_format");
    answer.top = read_top(call, answer.logprobs);
    use_messages(call, body_member(call->body, "messages"), "messages");
    if (use_answer(call, &answer) != 0 ||
        (wants_json && use_check_json(call, &answer, "response_format") != 0))
        return request_faulty(request);
    struct buf body = {0};
    if (stream) {
        encode_chat_stream(&body, &answer);
        return use_events_take(&body);
    }
    struct json_out out = {.buf = &body};
    encode_chat_completion(&out, &answer);
    return reply_json_take(200, &body);
}

struct reply
handle_chat_completions(struct request *request)
{
    struct use_call call;
    struct reply reply = use_open(request, &call) == 0 ? complete(&call) : request_faulty(request);
    use_close(&call);
    return reply;
}
