/* Bodies and answers of the handlers that use a model; see use.h. */
#include "api/handlers/use.h"

#include "api/input.h"

#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

int
use_open(struct request *request, struct use_call *out)
{
    *out = (struct use_call){.request = request, .body = input_read_body(request)};
    out->model = json_string_value(json_object_get(out->body, "model"));
    return out->body == NULL ? -1 : 0;
}

void
use_close(struct use_call *call)
{
    json_decref(call->body);
}

bool
use_bool(const struct use_call *call, const char *key)
{
    return json_is_true(body_member(call->body, key));
}

size_t
use_count(const struct use_call *call, const char *key, size_t absent)
{
    const json_t *value = body_member(call->body, key);
    return value == NULL ? absent : (size_t)json_integer_value(value);
}

bool
use_is(const struct use_call *call, const char *key, const char *word)
{
    const char *text = json_string_value(body_member(call->body, key));
    return text != NULL && strcmp(text, word) == 0;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static int
wrong_input(struct fault_list *faults, const char *param)
{
    return fault_add(faults, FAULT_INVALID_PARAMETER, param,
                     "'%s' must be a text, or {\"text\", \"text_pair\"} for a pair; 'input' is one "
                     "of these or a list of them. Token ids are not taken.",
                     param);
}

static int
read_pair(const json_t *item, const char *param, struct classify_input *out,
          struct fault_list *faults)
{
    const char *key = NULL;
    json_t *value = NULL;
    const json_t *text = json_object_get(item, "text");
    const json_t *pair = json_object_get(item, "text_pair");
    json_object_foreach ((json_t *)item, key, value) {
        if (strcmp(key, "text") != 0 && strcmp(key, "text_pair") != 0)
            return wrong_input(faults, param);
    }
    if (!json_is_string(text) || (pair != NULL && !json_is_string(pair) && !json_is_null(pair)))
        return wrong_input(faults, param);
    out->first = json_string_value(text);
    out->first_length = json_string_length(text);
    out->second = json_string_value(pair);
    out->second_length = json_string_length(pair);
    return 0;
}

static int
read_text(const json_t *item, const char *param, struct request *request,
          struct classify_input *out)
{
    if (json_is_object(item))
        return read_pair(item, param, out, &request->faults);
    if (!json_is_string(item))
        return wrong_input(&request->faults, param);
    *out = (struct classify_input){.first = json_string_value(item),
                                   .first_length = json_string_length(item)};
    return 0;
}

static int
read_conversation(const json_t *item, const char *param, struct request *request,
                  struct classify_input *out)
{
    const json_t *messages = json_object_get(item, "messages");
    if (messages == NULL || json_object_size(item) != 1)
        return fault_add(&request->faults, FAULT_INVALID_PARAMETER, param,
                         "'%s' must be {\"messages\": [...]}; 'input' is one of these or a list of "
                         "them.",
                         param);
    return service_chat_text(messages, param, request->arena, out, &request->faults);
}

/* The words of a text: its bytes are the words with a blank between. */
static int
read_words(const json_t *item, const char *param, struct request *request,
           struct classify_input *out)
{
    const json_t *tokens = json_object_get(item, "tokens");
    struct buf text = {0};
    size_t count = json_array_size(tokens);
    bool fits = count > 0 && json_object_size(item) == 1;
    if (json_is_string(item))
        return read_text(item, param, request, out);
    struct data_word *words = arena_array(request->arena, count, sizeof *words);
    for (size_t i = 0; i < count && fits; i++) {
        const json_t *word = json_array_get(tokens, i);
        fits = json_string_length(word) > 0;
        buf_append_string(&text, i > 0 ? " " : "");
        words[i] = (struct data_word){text.length, json_string_length(word)};
        if (fits)
            buf_append(&text, json_string_value(word), json_string_length(word));
    }
    *out = (struct classify_input){
        .first = arena_copy_bytes(request->arena, buf_string(&text), text.length),
        .first_length = text.length,
        .words = words,
        .word_count = count};
    buf_fini(&text);
    if (fits)
        return 0;
    return fault_add(&request->faults, FAULT_INVALID_PARAMETER, param,
                     "'%s' must be a text, or {\"tokens\": [...]} with the words of one, none of "
                     "them empty; 'input' is one of these or a list of them.",
                     param);
}

/* OpenAI's part of a message, or what a classification takes. */
static int
read_part(const json_t *item, const char *param, struct request *request,
          struct classify_input *out)
{
    const char *type = json_string_value(json_object_get(item, "type"));
    const json_t *text = json_object_get(item, "text");
    if (type == NULL)
        return read_text(item, param, request, out);
    if (strcmp(type, "text") != 0 || !json_is_string(text))
        return fault_add(&request->faults, FAULT_INVALID_PARAMETER, param,
                         "'%s' must be a text, or {\"type\": \"text\", \"text\": ...}; 'input' is "
                         "one of these or a list of them. Images are not taken.",
                         param);
    return read_text(text, param, request, out);
}

typedef int input_reader(const json_t *item, const char *param, struct request *request,
                         struct classify_input *out);

/* One input, or a list of them. */
static void
read_all(struct use_call *call, input_reader *read)
{
    struct request *request = call->request;
    const json_t *input = body_member(call->body, "input");
    bool many = json_is_array(input);
    call->count = many ? json_array_size(input) : 1;
    if (call->count == 0 || call->count > CLASSIFY_MAX_INPUTS) {
        fault_add(&request->faults, FAULT_INVALID_PARAMETER, "input",
                  "'input' must hold 1 to %d texts; this one holds %zu.", CLASSIFY_MAX_INPUTS,
                  call->count);
        return;
    }
    call->inputs = arena_array(request->arena, call->count, sizeof *call->inputs);
    for (size_t i = 0; i < call->count; i++) {
        const char *param = many ? arena_printf(request->arena, "input[%zu]", i) : "input";
        if (read(many ? json_array_get(input, i) : input, param, request, &call->inputs[i]) != 0)
            return; /* the others are most likely of the same kind */
    }
}

void
use_inputs(struct use_call *call)
{
    read_all(call, read_text);
}

void
use_word_inputs(struct use_call *call)
{
    read_all(call, read_words);
}

void
use_parts(struct use_call *call)
{
    read_all(call, read_part);
}

void
use_conversations(struct use_call *call)
{
    read_all(call, read_conversation);
}

void
use_messages(struct use_call *call, const json_t *messages, const char *param)
{
    struct request *request = call->request;
    call->inputs = arena_array(request->arena, 1, sizeof *call->inputs);
    call->count = 1;
    service_chat_text(messages, param, request->arena, call->inputs, &request->faults);
}

/* ---- answers --------------------------------------------------------------------------------- */

int
use_classify(const struct use_call *call, struct classify_result *out)
{
    struct request *request = call->request;
    if (request->faults.count > 0)
        return -1;
    return service_classify(request->api->service, call->model, call->inputs, call->count,
                            request->arena, out, &request->faults);
}

int
use_answer(const struct use_call *call, struct answer *answer)
{
    struct request *request = call->request;
    struct model_answer said;
    answer->arena = request->arena;
    if (request->faults.count > 0 ||
        service_answer(request->api->service, call->model, call->inputs, call->count,
                       request->arena, &said, &request->faults) != 0)
        return -1;
    answer->result = said.scores;
    answer->words = said.words;
    return 0;
}

bool
use_wants_json(const struct use_call *call, const json_t *format, const char *param)
{
    const char *type = json_string_value(json_object_get(format, "type"));
    if (format == NULL || json_is_null(format))
        return false;
    if (type == NULL)
        fault_add(&call->request->faults, FAULT_INVALID_PARAMETER, param,
                  "'%s' must be an object with a \"type\", such as {\"type\": \"text\"}.", param);
    return type != NULL && strcmp(type, "text") != 0;
}

int
use_check_json(const struct use_call *call, const struct answer *answer, const char *param)
{
    struct err err;
    const struct classify_result *result = answer->result;
    if (result == NULL || result->task != TASK_CLASSIFICATION)
        return 0;
    for (size_t i = 0; i < result->label_count; i++) {
        const char *label = result->labels[i];
        json_t *value = json_parse(label, strlen(label), false, &err);
        if (value == NULL)
            return fault_add(&call->request->faults, FAULT_INVALID_PARAMETER, param,
                             "'%s' asks for JSON, but the labels of this model are plain texts, "
                             "such as '%.100s': leave it out.",
                             param, label);
        json_decref(value);
    }
    return 0;
}

const char *
use_id(const struct use_call *call, const char *prefix)
{
    return arena_printf(call->request->arena, "%s%s", prefix, call->request->id + strlen("req_"));
}

struct reply
use_events_take(struct buf *events)
{
    struct reply reply = reply_empty(200);
    reply.body = *events;
    *events = (struct buf){0};
    reply_add_header(&reply, "Content-Type", "text/event-stream; charset=utf-8");
    reply_add_header(&reply, "Cache-Control", "no-cache");
    return reply;
}
