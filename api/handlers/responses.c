/*
 * POST /v1/responses: chat completions in OpenAI's newer shape. `input` is a text or a list of
 * messages; `instructions` are left out as a system message is. Nothing is stored.
 */
#include "api/handlers/handlers.h"

#include "api/encode_answer.h"
#include "api/handlers/use.h"
#include "api/input.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOGPROBS "message.output_text.logprobs"

/* A list of messages as chat completions have it; items of other kinds are refused. */
static void
read_items(struct use_call *call, const json_t *items)
{
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (items, index, item) {
        const char *type = json_string_value(json_object_get(item, "type"));
        if (type == NULL || strcmp(type, "message") == 0)
            continue;
        const char *param = arena_printf(call->request->arena, "input[%zu].type", index);
        fault_add(&call->request->faults, FAULT_NOT_SUPPORTED_YET, param,
                  "'%s' is \"%.40s\": the items of 'input' can be messages.", param, type);
        return;
    }
    use_messages(call, items, "input");
}

static void
read_input(struct use_call *call)
{
    const json_t *input = body_member(call->body, "input");
    if (json_is_array(input))
        read_items(call, input);
    else if (json_is_string(input))
        use_inputs(call);
    else
        fault_add(&call->request->faults, FAULT_INVALID_PARAMETER, "input",
                  "'input' must be a text or a list of messages {\"role\", \"content\"}.");
}

/* Logarithms are asked for by name; what else could be included is never there. */
static bool
read_include(const struct use_call *call)
{
    const json_t *list = body_member(call->body, "include");
    bool logprobs = false;
    for (size_t i = 0; i < json_array_size(list); i++)
        logprobs |= strcmp(json_string_value(json_array_get(list, i)), LOGPROBS) == 0;
    return logprobs;
}

/* What comes goes back. */
static const char *
read_metadata(const struct use_call *call)
{
    const json_t *metadata = body_member(call->body, "metadata");
    if (metadata == NULL)
        return NULL;
    char *text = json_text(metadata);
    const char *copy = arena_copy_string(call->request->arena, text);
    free(text);
    return copy;
}

static const json_t *
read_format(const struct use_call *call)
{
    const json_t *text = body_member(call->body, "text");
    if (text != NULL && !json_is_object(text))
        fault_add(&call->request->faults, FAULT_INVALID_PARAMETER, "text",
                  "'text' must be an object such as {\"format\": {\"type\": \"text\"}}.");
    return json_object_get(text, "format");
}

static struct reply
respond(struct use_call *call)
{
    struct request *request = call->request;
    struct answer answer = {
        .id = use_id(call, "resp_"),
        .message_id = use_id(call, "msg_"),
        .created = (int64_t)time(NULL),
        .logprobs = read_include(call),
        .top = use_count(call, "top_logprobs", 0),
        .instructions = json_string_value(body_member(call->body, "instructions")),
        .metadata_json = read_metadata(call),
    };
    bool stream = use_bool(call, "stream");
    bool wants_json = use_wants_json(call, read_format(call), "text.format");
    read_input(call);
    if (use_answer(call, &answer) != 0 ||
        (wants_json && use_check_json(call, &answer, "text.format") != 0))
        return request_faulty(request);
    struct buf body = {0};
    if (stream) {
        encode_response_stream(&body, &answer);
        return use_events_take(&body);
    }
    struct json_out out = {.buf = &body};
    encode_response(&out, &answer);
    return reply_json_take(200, &body);
}

struct reply
handle_responses(struct request *request)
{
    struct use_call call;
    struct reply reply = use_open(request, &call) == 0 ? respond(&call) : request_faulty(request);
    use_close(&call);
    return reply;
}
