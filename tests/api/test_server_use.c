/* Using models over HTTP: chat completions, responses, embeddings, classifications of each kind. */
#include "tests/api/server_fixture.h"

#define CHAT        "/v1/chat/completions"
#define RESPONSES   "/v1/responses"
#define EMBEDDINGS  "/v1/embeddings"
#define CONVERSE    "/v1/chat/classifications"
#define MODERATIONS "/v1/moderations"
#define WORDS       "/v1/token_classifications"

#define MODEL "{\"model\":\"" FAKE_MODEL "\","
#define ASKED                                                                                      \
    "\"messages\":[{\"role\":\"system\",\"content\":\"sort\"},{\"role\":\"user\",\"content\":"     \
    "\"hello\"}]"

/* ---- reading answers ------------------------------------------------------------------------- */

static const json_t *
first(const json_t *object, const char *key)
{
    return json_array_get(json_object_get(object, key), 0);
}

/* The events of a stream, each with its data parsed. */
struct events {
    struct http_reply reply;
    json_t *data[16];
    char names[16][64]; /* "" without one */
    size_t count;
    bool done; /* it ended with [DONE] */
};

static void
take_event(struct events *events, const char *text, size_t length)
{
    struct err err;
    const char *name = events->names[events->count];
    if (strncmp(text, "event: ", 7) == 0) {
        size_t end = strcspn(text, "\n");
        memcpy(events->names[events->count], text + 7, end - 7);
        text += end + 1;
        length -= end + 1;
    }
    assert_int_equal(strncmp(text, "data: ", 6), 0);
    events->done = length == 12 && strncmp(text, "data: [DONE]", 12) == 0;
    if (events->done)
        return;
    json_t *data = json_parse(text + 6, length - 6, false, &err);
    if (data == NULL)
        fail_msg("%s: %.*s", err.message, (int)length, text);
    if (name[0] != '\0')
        assert_string_equal(json_text_at(data, "type"), name);
    events->data[events->count++] = data;
}

static void
open_stream(void **state, const char *path, const char *body, struct events *events)
{
    const struct server_fixture *fixture = *state;
    *events = (struct events){0};
    http_call(fixture->port, "POST", path, body, &events->reply);
    assert_int_equal(events->reply.status, 200);
    assert_string_equal(http_header(&events->reply, "Content-Type"),
                        "text/event-stream; charset=utf-8");
    const char *text = buf_string(&events->reply.body);
    for (const char *end; (end = strstr(text, "\n\n")) != NULL; text = end + 2) {
        assert_true(events->count < 16);
        take_event(events, text, (size_t)(end - text));
    }
    assert_string_equal(text, "");
}

static void
close_stream(struct events *events)
{
    for (size_t i = 0; i < events->count; i++)
        json_decref(events->data[i]);
    http_reply_fini(&events->reply);
}

/* ---- chat completions ------------------------------------------------------------------------ */

static void
chat_completion_says_the_label_as_openai_does(void **state)
{
    json_t *root = call_json(state, "POST", CHAT,
                             MODEL "\"temperature\":0,\"max_tokens\":1,\"seed\":null," ASKED "}");
    const json_t *choice = first(root, "choices");
    const json_t *message = json_object_get(choice, "message");
    const json_t *usage = json_object_get(root, "usage");
    assert_string_equal(json_text_at(root, "object"), "chat.completion");
    assert_int_equal(strncmp(json_text_at(root, "id"), "chatcmpl-", 9), 0);
    assert_string_equal(json_text_at(root, "model"), FAKE_MODEL);
    assert_true(json_integer_at(root, "created") > 1600000000);
    assert_int_equal(json_array_size(json_object_get(root, "choices")), 1);
    assert_int_equal(json_integer_at(choice, "index"), 0);
    assert_string_equal(json_text_at(message, "role"), "assistant");
    assert_string_equal(json_text_at(message, "content"), "good");
    assert_true(json_is_null(json_object_get(message, "refusal")));
    assert_true(json_is_null(json_object_get(choice, "logprobs")));
    assert_string_equal(json_text_at(choice, "finish_reason"), "stop");
    assert_int_equal(json_integer_at(usage, "prompt_tokens"),
                     5); /* the system message is not read */
    assert_int_equal(json_integer_at(usage, "completion_tokens"), 1);
    assert_int_equal(json_integer_at(usage, "total_tokens"), 6);
    json_decref(root);
}

static void
text_is_the_last_user_message_in_parts_or_whole(void **state)
{
    static const struct {
        const char *messages;
        int64_t bytes;
    } examples[] = {
        {"[{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"assistant\",\"content\":\"x\"},"
         "{\"role\":\"user\",\"content\":\"seven77\"}]",
         7},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"text\","
         "\"text\":\"cd\"}]}]",
         5}, /* joined by a line end */
        {"[{\"role\":\"user\",\"content\":\"\"}]", 0},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body, MODEL "\"messages\":%s}", examples[i].messages);
        json_t *root = call_json(state, "POST", CHAT, body);
        assert_int_equal(json_integer_at(json_object_get(root, "usage"), "prompt_tokens"),
                         examples[i].bytes);
        json_decref(root);
    }
}

static void
logprobs_are_the_labels_logarithms_in_descending_order(void **state)
{
    json_t *root =
        call_json(state, "POST", CHAT, MODEL "\"logprobs\":true,\"top_logprobs\":20," ASKED "}");
    const json_t *logprobs = json_object_get(first(root, "choices"), "logprobs");
    const json_t *token = first(logprobs, "content");
    const json_t *top = json_object_get(token, "top_logprobs");
    double before = 1;
    assert_true(json_is_null(json_object_get(logprobs, "refusal")));
    assert_int_equal(json_array_size(json_object_get(logprobs, "content")), 1);
    assert_string_equal(json_text_at(token, "token"), "good");
    assert_true(fabs(json_real_value(json_object_get(token, "logprob")) - log(0.65)) < 1e-6);
    assert_int_equal(json_array_size(json_object_get(token, "bytes")), 4);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(token, "bytes"), 0)), 'g');
    assert_int_equal(json_array_size(top), 3); /* there are no more labels */
    for (size_t i = 0; i < 3; i++) {
        double logprob = json_real_value(json_object_get(json_array_get(top, i), "logprob"));
        assert_true(logprob < before);
        before = logprob;
    }
    json_decref(root);
    root = call_json(state, "POST", CHAT, MODEL "\"logprobs\":true," ASKED "}");
    token = first(json_object_get(first(root, "choices"), "logprobs"), "content");
    assert_int_equal(json_array_size(json_object_get(token, "top_logprobs")), 0);
    json_decref(root);
}

static void
choices_are_equal(void **state)
{
    json_t *root = call_json(state, "POST", CHAT, MODEL "\"n\":128," ASKED "}");
    const json_t *choices = json_object_get(root, "choices");
    assert_int_equal(json_array_size(choices), 128);
    assert_int_equal(json_integer_at(json_array_get(choices, 127), "index"), 127);
    assert_int_equal(json_integer_at(json_object_get(root, "usage"), "completion_tokens"), 128);
    json_decref(root);
}

static void
stream_is_a_chunk_and_an_end_and_done(void **state)
{
    struct events events;
    open_stream(state, CHAT, MODEL "\"stream\":true,\"logprobs\":true," ASKED "}", &events);
    assert_int_equal(events.count, 2);
    assert_true(events.done);
    const json_t *said = first(events.data[0], "choices");
    const json_t *end = first(events.data[1], "choices");
    assert_string_equal(json_text_at(events.data[0], "object"), "chat.completion.chunk");
    assert_string_equal(json_text_at(json_object_get(said, "delta"), "role"), "assistant");
    assert_string_equal(json_text_at(json_object_get(said, "delta"), "content"), "good");
    assert_true(json_is_null(json_object_get(said, "finish_reason")));
    assert_string_equal(json_text_at(first(json_object_get(said, "logprobs"), "content"), "token"),
                        "good");
    assert_int_equal(json_object_size(json_object_get(end, "delta")), 0);
    assert_string_equal(json_text_at(end, "finish_reason"), "stop");
    assert_null(json_object_get(events.data[1], "usage"));
    assert_string_equal(json_text_at(events.data[0], "id"), json_text_at(events.data[1], "id"));
    close_stream(&events);
}

static void
stream_ends_with_usage_when_asked(void **state)
{
    struct events events;
    open_stream(state, CHAT,
                MODEL "\"stream\":true,\"n\":2,\"stream_options\":{\"include_usage\":true}," ASKED
                      "}",
                &events);
    assert_int_equal(events.count, 5);
    assert_true(events.done);
    assert_int_equal(json_integer_at(first(events.data[2], "choices"), "index"), 1);
    assert_true(json_is_null(json_object_get(events.data[3], "usage")));
    assert_int_equal(json_array_size(json_object_get(events.data[4], "choices")), 0);
    assert_int_equal(json_integer_at(json_object_get(events.data[4], "usage"), "total_tokens"), 7);
    close_stream(&events);
}

/* ---- responses ------------------------------------------------------------------------------- */

static void
assert_is_response(const json_t *response, const char *label)
{
    const json_t *message = first(response, "output");
    const json_t *part = first(message, "content");
    assert_string_equal(json_text_at(response, "object"), "response");
    assert_int_equal(strncmp(json_text_at(response, "id"), "resp_", 5), 0);
    assert_string_equal(json_text_at(response, "status"), "completed");
    assert_string_equal(json_text_at(response, "model"), FAKE_MODEL);
    assert_string_equal(json_text_at(message, "type"), "message");
    assert_string_equal(json_text_at(message, "role"), "assistant");
    assert_string_equal(json_text_at(message, "status"), "completed");
    assert_string_equal(json_text_at(part, "type"), "output_text");
    assert_string_equal(json_text_at(part, "text"), label);
    assert_int_equal(json_integer_at(json_object_get(response, "usage"), "output_tokens"), 1);
}

static void
response_says_the_label_as_openai_does(void **state)
{
    static const char *const inputs[] = {
        "\"hello\"",
        "[{\"role\":\"user\",\"content\":\"hello\"}]",
        "[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"be brief\"},"
        "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
        "\"hello\"}]}]",
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 MODEL "\"instructions\":\"sort\",\"metadata\":{\"a\":\"b\"},\"store\":true,"
                       "\"text\":{\"format\":{\"type\":\"text\"}},\"input\":%s}",
                 inputs[i]);
        json_t *root = call_json(state, "POST", RESPONSES, body);
        assert_is_response(root, "good");
        assert_string_equal(json_text_at(root, "instructions"), "sort");
        assert_string_equal(json_text_at(json_object_get(root, "metadata"), "a"), "b");
        assert_true(json_is_false(json_object_get(root, "store")));
        assert_int_equal(json_integer_at(json_object_get(root, "usage"), "input_tokens"), 5);
        json_decref(root);
    }
}

static void
response_stream_tells_the_answer_step_by_step(void **state)
{
    static const char *const names[] = {
        "response.created",           "response.in_progress",
        "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.output_item.done",
        "response.completed",
    };
    enum { NAMES = sizeof names / sizeof names[0] };
    struct events events;
    open_stream(state, RESPONSES, MODEL "\"stream\":true,\"input\":\"hello\"}", &events);
    assert_int_equal(events.count, NAMES);
    assert_false(events.done);
    for (size_t i = 0; i < NAMES; i++) {
        assert_string_equal(json_text_at(events.data[i], "type"), names[i]);
        assert_int_equal(json_integer_at(events.data[i], "sequence_number"), i);
    }
    const json_t *created = json_object_get(events.data[0], "response");
    assert_string_equal(json_text_at(created, "status"), "in_progress");
    assert_int_equal(json_array_size(json_object_get(created, "output")), 0);
    assert_true(json_is_null(json_object_get(created, "usage")));
    assert_string_equal(json_text_at(events.data[4], "delta"), "good");
    assert_string_equal(json_text_at(events.data[5], "text"), "good");
    assert_is_response(json_object_get(events.data[8], "response"), "good");
    assert_string_equal(json_text_at(events.data[4], "item_id"),
                        json_text_at(json_object_get(events.data[7], "item"), "id"));
    close_stream(&events);
}

static void
response_includes_logprobs_when_asked(void **state)
{
    json_t *root = call_json(state, "POST", RESPONSES,
                             MODEL "\"include\":[\"message.output_text.logprobs\"],"
                                   "\"top_logprobs\":2,\"input\":\"hello\"}");
    const json_t *part = first(first(root, "output"), "content");
    const json_t *token = first(part, "logprobs");
    assert_string_equal(json_text_at(token, "token"), "good");
    assert_int_equal(json_array_size(json_object_get(token, "top_logprobs")), 2);
    json_decref(root);
}

/* ---- embeddings ------------------------------------------------------------------------------ */

static void
embeddings_are_numbers_or_packed_floats(void **state)
{
    json_t *root = call_json(state, "POST", EMBEDDINGS,
                             "{\"model\":\"tiny\",\"input\":[\"a\",\"bcd\"],\"user\":\"me\"}");
    const json_t *item = json_array_get(json_object_get(root, "data"), 1);
    const json_t *vector = json_object_get(item, "embedding");
    assert_string_equal(json_text_at(root, "object"), "list");
    assert_string_equal(json_text_at(root, "model"), "tiny");
    assert_string_equal(json_text_at(item, "object"), "embedding");
    assert_int_equal(json_integer_at(item, "index"), 1);
    assert_int_equal(json_array_size(vector), FAKE_DIMENSIONS);
    assert_true(json_number_value(json_array_get(vector, 0)) > 0.99);
    assert_int_equal(json_integer_at(json_object_get(root, "usage"), "prompt_tokens"), 4);
    json_decref(root);
    root = call_json(state, "POST", EMBEDDINGS,
                     MODEL "\"input\":\"a\",\"encoding_format\":\"base64\",\"pooling\":\"cls\"}");
    /* 0, 0, 0, 1 as floats */
    assert_string_equal(json_text_at(first(root, "data"), "embedding"), "AAAAAAAAAAAAAAAAAACAPw==");
    json_decref(root);
}

static void
embeddings_are_as_short_as_asked(void **state)
{
    static const char *const keys[] = {"dimensions", "output_dimension"};
    for (size_t i = 0; i < 2; i++) {
        char body[256];
        snprintf(body, sizeof body, MODEL "\"input\":\"a\",\"%s\":3}", keys[i]);
        json_t *root = call_json(state, "POST", EMBEDDINGS, body);
        assert_int_equal(json_array_size(json_object_get(first(root, "data"), "embedding")), 3);
        json_decref(root);
    }
}

/* ---- chat classifications -------------------------------------------------------------------- */

static void
conversations_are_classified_one_or_many(void **state)
{
    json_t *root = call_json(state, "POST", CONVERSE, MODEL "\"input\":{" ASKED "}}");
    assert_int_equal(json_array_size(json_object_get(root, "results")), 1);
    json_decref(root);
    root = call_json(state, "POST", CONVERSE, MODEL "\"input\":[{" ASKED "},{" ASKED "}]}");
    const json_t *scores =
        json_object_get(json_object_get(first(root, "results"), "label"), "scores");
    assert_int_equal(json_array_size(json_object_get(root, "results")), 2);
    assert_true(json_number_value(json_object_get(scores, "good")) > 0.6);
    assert_int_equal(json_integer_at(json_object_get(root, "usage"), "prompt_tokens"), 10);
    json_decref(root);
}

/* ---- other tasks ----------------------------------------------------------------------------- */

/* The content of a chat completion by a model of a task; released with free(). */
static char *
content_of_task(void **state, enum task task, const char *more, json_t **answer)
{
    const struct server_fixture *fixture = *state;
    char body[512];
    struct err err;
    struct http_reply reply;
    fake_service_set_task(fixture->service, task);
    snprintf(body, sizeof body, MODEL ASKED "%s}", more);
    http_call(fixture->port, "POST", CHAT, body, &reply);
    assert_int_equal(reply.status, 200);
    *answer = json_parse(buf_string(&reply.body), reply.body.length, false, &err);
    assert_non_null(*answer);
    http_reply_fini(&reply);
    const json_t *message = json_object_get(first(*answer, "choices"), "message");
    return strdup(json_text_at(message, "content"));
}

static void
chat_completions_of_other_tasks_are_json(void **state)
{
    static const struct {
        enum task task;
        const char *content;
    } cases[] = {
        {TASK_MULTI_LABEL, "[\"good\",\"l\xc3\xa4uft\"]"},
        {TASK_REGRESSION, "{\"bad\":0.1,\"good\":0.65,\"l\xc3\xa4uft\":0.2}"},
        {TASK_TOKEN_CLASSIFICATION, "[{\"text\":\"hello\",\"start\":0,\"end\":5,\"label\":"
                                    "\"PER\",\"probability\":0.75}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *answer = NULL;
        char *content = content_of_task(state, cases[i].task,
                                        ",\"response_format\":{\"type\":\"json_object\"}", &answer);
        assert_string_equal(content, cases[i].content);
        json_decref(answer);
        free(content);
    }
}

static void
a_list_of_labels_has_one_logprob_and_numbers_have_none(void **state)
{
    json_t *answer = NULL;
    free(content_of_task(state, TASK_MULTI_LABEL, ",\"logprobs\":true", &answer));
    const json_t *logprobs = json_object_get(first(answer, "choices"), "logprobs");
    double logprob = json_number_value(json_object_get(first(logprobs, "content"), "logprob"));
    double expected = log(1 - (double)0.1f) + log((double)0.65f) + log((double)0.2f);
    assert_true(fabs(logprob - expected) < 1e-12);
    json_decref(answer);
    free(content_of_task(state, TASK_REGRESSION, ",\"logprobs\":true", &answer));
    assert_true(json_is_null(json_object_get(first(answer, "choices"), "logprobs")));
    json_decref(answer);
}

static void
moderations_are_in_openais_shape(void **state)
{
    const struct server_fixture *fixture = *state;
    fake_service_set_task(fixture->service, TASK_MULTI_LABEL);
    json_t *answer = call_json(state, "POST", MODERATIONS,
                               MODEL "\"input\":[\"a\",{\"type\":\"text\",\"text\":\"b\"}]}");
    assert_int_equal(json_array_size(json_object_get(answer, "results")), 2);
    const json_t *result = first(answer, "results");
    assert_true(json_is_true(json_object_get(result, "flagged")));
    assert_true(json_is_false(json_object_get(json_object_get(result, "categories"), "bad")));
    assert_true(json_is_true(json_object_get(json_object_get(result, "categories"), "good")));
    assert_true(
        json_is_number(json_object_get(json_object_get(result, "category_scores"), "good")));
    assert_int_equal(strncmp(json_text_at(answer, "id"), "modr-", 5), 0);
    json_decref(answer);
    fake_service_set_task(fixture->service, TASK_CLASSIFICATION);
    const char *call[] = {"POST", MODERATIONS, MODEL "\"input\":\"a\"}"};
    assert_call_fails(state, call, 400, "invalid_parameter");
}

static void
words_are_those_of_the_text_or_the_given_ones(void **state)
{
    json_t *answer =
        call_json(state, "POST", WORDS,
                  MODEL "\"input\":[\"Ada sings\",{\"tokens\":[\"Lord Byron\",\"too\"]}]}");
    const json_t *results = json_object_get(answer, "results");
    for (size_t i = 0; i < 2; i++) {
        const json_t *result = json_array_get(results, i);
        const json_t *word = first(result, "tokens"), *entity = first(result, "entities");
        assert_string_equal(json_text_at(word, "text"), i == 0 ? "Ada" : "Lord Byron");
        assert_string_equal(json_text_at(word, "label"), "B-PER");
        assert_string_equal(json_text_at(entity, "label"), "PER");
    }
    json_decref(answer);
    static const char *const refused[] = {"{\"tokens\":[]}", "{\"tokens\":[\"\"]}",
                                          "{\"tokens\":[1]}", "{\"text\":\"a\"}", "3"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char body[256];
        snprintf(body, sizeof body, MODEL "\"input\":%s}", refused[i]);
        const char *call[] = {"POST", WORDS, body};
        assert_call_fails(state, call, 400, "invalid_parameter");
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void
calls_that_cannot_be_answered_are_refused(void **state)
{
    static const char *const examples[][3] = {
        {CHAT, "[]", "invalid_json"},
        {CHAT, "{" ASKED "}", "missing_parameter"},
        {CHAT, "{\"model\":[]," ASKED "}", "invalid_parameter"},
        {CHAT, "{\"model\":\"tiny\"," ASKED "}", "model_not_fine_tuned"},
        {CHAT, "{\"model\":\"nope\"," ASKED "}", "model_not_found"},
        {CHAT, MODEL "\"messages\":null}", "missing_parameter"},
        {CHAT, MODEL "\"messages\":[]}", "invalid_parameter"},
        {CHAT, MODEL "\"messages\":\"hello\"}", "invalid_parameter"},
        {CHAT, MODEL "\"messages\":[7]}", "invalid_parameter"},
        {CHAT, MODEL "\"messages\":[{\"role\":\"user\"}]}", "invalid_parameter"},
        {CHAT, MODEL "\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}",
         "invalid_parameter"},
        {CHAT,
         MODEL "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
               "\"image_url\":{\"url\":\"x\"}}]}]}",
         "invalid_parameter"},
        {CHAT, MODEL "\"n\":0," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"n\":129," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"n\":1.5," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"stream\":1," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"stream_options\":[]," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"stream_options\":{\"include_usage\":2}," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"top_logprobs\":2," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"logprobs\":true,\"top_logprobs\":21," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"tools\":[{\"type\":\"function\"}]," ASKED "}", "not_supported_yet"},
        {CHAT, MODEL "\"response_format\":{\"type\":\"json_object\"}," ASKED "}",
         "invalid_parameter"},
        {CHAT, MODEL "\"response_format\":\"json\"," ASKED "}", "invalid_parameter"},
        {CHAT, MODEL "\"frobnicate\":1," ASKED "}", "unknown_parameter"},
        {RESPONSES, MODEL "\"input\":null}", "missing_parameter"},
        {RESPONSES, MODEL "\"input\":{\"text\":\"a\"}}", "invalid_parameter"},
        {RESPONSES, MODEL "\"input\":[{\"type\":\"function_call_output\"}]}", "not_supported_yet"},
        {RESPONSES, MODEL "\"input\":[]}", "invalid_parameter"},
        {RESPONSES, MODEL "\"input\":\"a\",\"metadata\":{\"a\":1}}", "invalid_parameter"},
        {RESPONSES, MODEL "\"input\":\"a\",\"include\":\"x\"}", "invalid_parameter"},
        {RESPONSES, MODEL "\"input\":\"a\",\"instructions\":[]}", "invalid_parameter"},
        {RESPONSES, MODEL "\"input\":\"a\",\"background\":true}", "not_supported_yet"},
        {RESPONSES, MODEL "\"input\":\"a\",\"previous_response_id\":\"resp_1\"}",
         "not_supported_yet"},
        {RESPONSES, MODEL "\"input\":\"a\",\"text\":{\"format\":{\"type\":\"json_schema\"}}}",
         "invalid_parameter"},
        {RESPONSES, "{\"model\":\"tiny\",\"input\":\"a\",\"stream\":true}", "model_not_fine_tuned"},
        {EMBEDDINGS, MODEL "\"input\":[1,2,3]}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":[[1,2,3]]}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":[]}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":\"a\",\"encoding_format\":\"hex\"}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":\"a\",\"encoding_format\":7}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":\"a\",\"pooling\":\"max\"}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":\"a\",\"output_dtype\":\"int8\"}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":\"a\",\"dimensions\":0}", "invalid_parameter"},
        {EMBEDDINGS, MODEL "\"input\":\"a\",\"dimensions\":5}", "invalid_parameter"},
        {EMBEDDINGS, "{\"model\":\"nope\",\"input\":\"a\"}", "model_not_found"},
        {CONVERSE, MODEL "\"input\":\"a\"}", "invalid_parameter"},
        {CONVERSE, MODEL "\"input\":[{" ASKED "},{\"messages\":[]}]}", "invalid_parameter"},
        {CONVERSE, MODEL "\"input\":[]}", "invalid_parameter"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_call_fails(state, (const char *[]){"POST", examples[i][0], examples[i][1]}, 400,
                          examples[i][2]);
}

static void
all_faults_are_told_at_once(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "POST", CHAT, "{\"n\":0,\"stream\":7,\"tools\":[1],\"messages\":[]}",
              &reply);
    json_t *root = http_json(&reply);
    assert_int_equal(json_array_size(json_object_get(root, "errors")), 4); /* of the table */
    json_decref(root);
    http_reply_fini(&reply);
    http_call(fixture->port, "POST", CHAT, MODEL "\"top_logprobs\":1,\"tools\":[],\"messages\":[]}",
              &reply);
    root = http_json(&reply);
    assert_int_equal(json_array_size(json_object_get(root, "errors")), 2);
    json_decref(root);
    http_reply_fini(&reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(chat_completion_says_the_label_as_openai_does),
        CASE(text_is_the_last_user_message_in_parts_or_whole),
        CASE(logprobs_are_the_labels_logarithms_in_descending_order),
        CASE(choices_are_equal),
        CASE(stream_is_a_chunk_and_an_end_and_done),
        CASE(stream_ends_with_usage_when_asked),
        CASE(response_says_the_label_as_openai_does),
        CASE(response_stream_tells_the_answer_step_by_step),
        CASE(response_includes_logprobs_when_asked),
        CASE(embeddings_are_numbers_or_packed_floats),
        CASE(embeddings_are_as_short_as_asked),
        CASE(conversations_are_classified_one_or_many),
        CASE(chat_completions_of_other_tasks_are_json),
        CASE(a_list_of_labels_has_one_logprob_and_numbers_have_none),
        CASE(moderations_are_in_openais_shape),
        CASE(words_are_those_of_the_text_or_the_given_ones),
        CASE(calls_that_cannot_be_answered_are_refused),
        CASE(all_faults_are_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
