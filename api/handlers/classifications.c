/* POST /v1/classifications, in Mistral's shape: {model, input}, input one text or many. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "core/base/json.h"

#include <string.h>

/* The body, parsed; the texts of the inputs point into `root`. */
struct call {
    json_t *root;
    const char *model;
    struct classify_input *inputs;
    size_t count;
};

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
        if (value != text && value != pair)
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
read_input(const json_t *item, const char *param, struct classify_input *out,
           struct fault_list *faults)
{
    if (json_is_object(item))
        return read_pair(item, param, out, faults);
    if (!json_is_string(item))
        return wrong_input(faults, param);
    *out = (struct classify_input){.first = json_string_value(item),
                                   .first_length = json_string_length(item)};
    return 0;
}

static int
read_inputs(struct request *request, const json_t *input, struct call *call)
{
    struct fault_list *faults = &request->faults;
    if (input == NULL)
        return fault_add(faults, FAULT_MISSING_PARAMETER, "input",
                         "'input' is missing: the text to classify, or a list of texts.");
    bool many = json_is_array(input);
    call->count = many ? json_array_size(input) : 1;
    if (call->count == 0 || call->count > CLASSIFY_MAX_INPUTS)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "input",
                         "'input' must hold 1 to %d texts; this one holds %zu.",
                         CLASSIFY_MAX_INPUTS, call->count);
    call->inputs = arena_array(request->arena, call->count, sizeof *call->inputs);
    if (!many)
        return read_input(input, "input", &call->inputs[0], faults);
    for (size_t i = 0; i < call->count; i++) {
        const char *param = arena_printf(request->arena, "input[%zu]", i);
        if (read_input(json_array_get(input, i), param, &call->inputs[i], faults) != 0)
            return -1;
    }
    return 0;
}

static int
check_keys(struct request *request, const json_t *root)
{
    const char *key = NULL;
    json_t *value = NULL;
    int result = 0;
    json_object_foreach ((json_t *)root, key, value) {
        /* metadata is Mistral's, a note for the caller's own books */
        if (strcmp(key, "model") != 0 && strcmp(key, "input") != 0 && strcmp(key, "metadata") != 0)
            result =
                fault_add(&request->faults, FAULT_UNKNOWN_PARAMETER, key,
                          "'%s' is not known here; the parameters are 'model' and 'input'.", key);
    }
    return result;
}

static int
read_call(struct request *request, struct call *call)
{
    struct err err;
    struct fault_list *faults = &request->faults;
    call->root = json_parse(buf_string(&request->body), request->body.length, false, &err);
    if (call->root == NULL)
        return fault_add(faults, FAULT_INVALID_JSON, NULL, "The body is %s.", err.message);
    if (!json_is_object(call->root))
        return fault_add(faults, FAULT_INVALID_JSON, NULL, "The body must be a JSON object.");
    const json_t *model = json_object_get(call->root, "model");
    int result = check_keys(request, call->root);
    call->model = json_string_value(model);
    if (model == NULL)
        result = fault_add(faults, FAULT_MISSING_PARAMETER, "model",
                           "'model' is missing: the id of a fine-tuned model (GET /v1/models "
                           "lists them).");
    else if (call->model == NULL)
        result = fault_add(faults, FAULT_INVALID_PARAMETER, "model", "'model' must be a string.");
    if (read_inputs(request, json_object_get(call->root, "input"), call) != 0)
        result = -1;
    return result;
}

static struct reply
classify(struct request *request, const struct call *call)
{
    struct classify_result result;
    if (service_classify(request->api->service, call->model, call->inputs, call->count,
                         request->arena, &result, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    /* an answer is not stored: its id is the request's */
    const char *id = arena_printf(request->arena, "clf-%s", request->id + strlen("req_"));
    encode_classification(&out, id, &result);
    return reply_json_take(200, &body);
}

struct reply
handle_classifications(struct request *request)
{
    struct call call = {0};
    struct reply reply =
        read_call(request, &call) == 0 ? classify(request, &call) : request_faulty(request);
    json_decref(call.root);
    return reply;
}
