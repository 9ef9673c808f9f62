/* Chat completions, whole and as a stream; see encode_answer.h. */
#include "api/encode_answer.h"

/* ---- what is written ------------------------------------------------------------------------- */

struct logprobs {
    const struct answer_token *content; /* NULL: not asked for */
    size_t count;
};

/* One of the equal answers; of a stream what a chunk says of it. */
struct choice {
    int64_t index;
    const char *content; /* NULL: nothing more is said */
    struct logprobs logprobs;
    const char *finish_reason;
};

struct usage {
    int64_t read, written, total;
};

struct completion {
    const char *id;
    int64_t created;
    const char *model;
    const struct choice *choices;
    size_t choice_count;
    struct usage usage;
};

static const struct field_row logprobs_rows[] = {
    {"content", FIELD_LIST(struct logprobs, content, count, &answer_token_fields),
     .doc = "The answer's one token."},
    {"refusal", FIELD_JSON("null"), .doc = "Always null."},
};
static const struct field_object logprobs_fields =
    FIELD_OBJECT("ChatLogprobs", struct logprobs, logprobs_rows, "How sure the model is.");

static const struct field_row said_rows[] = {
    {"role", FIELD_WORD("assistant"), .doc = "Always \"assistant\"."},
    {"content", FIELD_STRING(struct choice, content),
     .doc = "The most probable label, or JSON: labels, a number, entities."},
    {"refusal", FIELD_JSON("null"), .doc = "Always null."},
};
static const struct field_object message_fields =
    FIELD_OBJECT("ChatMessage", struct choice, said_rows, "The answer.");

#define LOGPROBS                                                                                   \
    {                                                                                              \
        "logprobs", FIELD_WITHIN(struct choice, logprobs, &logprobs_fields),                       \
            .unset = FIELD_NULL_POINTER, .doc = "Null unless asked for; numbers have none."        \
    }

static const struct field_row choice_rows[] = {
    {"index", FIELD_INTEGER(struct choice, index), .doc = "From 0."},
    {"message", FIELD_SAME(&message_fields), .doc = "What the model says."},
    LOGPROBS,
    {"finish_reason", FIELD_WORD("stop"), .doc = "Always \"stop\"."},
};
static const struct field_object choice_fields =
    FIELD_OBJECT("ChatChoice", struct choice, choice_rows, "One of the equal answers.");

static const struct field_row usage_rows[] = {
    {"prompt_tokens", FIELD_INTEGER(struct usage, read),
     .doc = "What the model read, special tokens counted."},
    {"completion_tokens", FIELD_INTEGER(struct usage, written), .doc = "One for each answer."},
    {"total_tokens", FIELD_INTEGER(struct usage, total), .doc = "Their sum."},
};
static const struct field_object usage_fields =
    FIELD_OBJECT("ChatUsage", struct usage, usage_rows, "Tokens.");

#define COMPLETION_ROWS(object)                                                                    \
    {"id", FIELD_STRING(struct completion, id), .doc = "Of this answer; it is not stored."},       \
        {"object", FIELD_WORD(object), .doc = "Always \"" object "\"."},                           \
        {"created", FIELD_TIME(struct completion, created), .doc = "When it was asked."},          \
        {"model", FIELD_STRING(struct completion, model),                                          \
         .doc = "That answered, never an alias."},                                                 \
    {                                                                                              \
        "system_fingerprint", FIELD_JSON("null"), .doc = "Always null."                            \
    }
#define USAGE                                                                                      \
    {                                                                                              \
        "usage", FIELD_WITHIN(struct completion, usage, &usage_fields), .doc = "Tokens."           \
    }

static const struct field_row completion_rows[] = {
    COMPLETION_ROWS("chat.completion"),
    {"choices", FIELD_LIST(struct completion, choices, choice_count, &choice_fields),
     .doc = "As many equal answers as were asked for."},
    USAGE,
};
const struct field_object chat_completion_fields =
    FIELD_OBJECT("ChatCompletion", struct completion, completion_rows,
                 "A fine-tuned model's label for the last user message.");

/* ---- a stream's chunks ----------------------------------------------------------------------- */

static void
write_delta(struct json_out *out, const char *key, const void *item)
{
    const struct choice *choice = item;
    if (choice->content != NULL) {
        fields_encode(out, key, &message_fields, choice);
        return;
    }
    json_out_object(out, key);
    json_out_end_object(out);
}

static const struct field_row delta_rows[] = {
    {"index", FIELD_INTEGER(struct choice, index), .doc = "From 0."},
    {"delta", FIELD_WRITTEN(write_delta, "{\"type\":\"object\"}"),
     .doc = "What the model says; empty at the end."},
    LOGPROBS,
    {"finish_reason", FIELD_STRING(struct choice, finish_reason), .unset = FIELD_NULL_POINTER,
     .doc = "\"stop\" at the end."},
};
static const struct field_object delta_fields =
    FIELD_OBJECT("ChatChunkChoice", struct choice, delta_rows, "A part of one of the answers.");

static const struct field_row chunk_rows[] = {
    COMPLETION_ROWS("chat.completion.chunk"),
    {"choices", FIELD_LIST(struct completion, choices, choice_count, &delta_fields),
     .doc = "What is new of one of the answers."},
};
static const struct field_object chunk_fields =
    FIELD_OBJECT("ChatCompletionChunk", struct completion, chunk_rows, "A part of a stream.");

/* The same where the client wants usage: null but for the last chunk. */
static const struct field_row counted_rows[] = {
    COMPLETION_ROWS("chat.completion.chunk"),
    {"choices", FIELD_LIST(struct completion, choices, choice_count, &delta_fields),
     .doc = "What is new of one of the answers."},
    {"usage", FIELD_JSON("null"), .doc = "Null before the end."},
};
static const struct field_object counted_fields =
    FIELD_OBJECT("ChatCompletionChunk", struct completion, counted_rows, "A part of a stream.");

static const struct field_row last_rows[] = {
    COMPLETION_ROWS("chat.completion.chunk"),
    {"choices", FIELD_JSON("[]"), .doc = "None: all has been said."},
    USAGE,
};
static const struct field_object last_fields =
    FIELD_OBJECT("ChatCompletionChunk", struct completion, last_rows, "The end of a stream.");

/* ---- writing --------------------------------------------------------------------------------- */

static struct completion
completion_of(const struct answer *answer)
{
    int64_t read = (int64_t)answer_tokens(answer);
    int64_t written = (int64_t)answer->choices;
    return (struct completion){.id = answer->id,
                               .created = answer->created,
                               .model = answer_model(answer),
                               .usage = {read, written, read + written}};
}

static struct choice
choice_of(const struct answer *answer, const struct answer_words *words, size_t index)
{
    struct choice choice = {.index = (int64_t)index, .content = words->said.token};
    if (answer_has_logprobs(answer))
        choice.logprobs = (struct logprobs){&words->said, 1};
    return choice;
}

void
encode_chat_completion(struct json_out *out, const struct answer *answer)
{
    struct answer_words words;
    struct choice choices[ANSWER_MAX_CHOICES];
    struct completion completion = completion_of(answer);
    answer_find_words(answer, &words);
    for (size_t i = 0; i < answer->choices; i++)
        choices[i] = choice_of(answer, &words, i);
    completion.choices = choices;
    completion.choice_count = answer->choices;
    fields_encode(out, NULL, &chat_completion_fields, &completion);
}

static void
append_event(struct buf *events, const struct field_object *object,
             const struct completion *completion)
{
    struct json_out out = {.buf = events};
    buf_append_string(events, "data: ");
    fields_encode(&out, NULL, object, completion);
    buf_append_string(events, "\n\n");
}

void
encode_chat_stream(struct buf *events, const struct answer *answer)
{
    struct answer_words words;
    struct completion chunk = completion_of(answer);
    const struct field_object *object = answer->stream_usage ? &counted_fields : &chunk_fields;
    answer_find_words(answer, &words);
    for (size_t i = 0; i < answer->choices; i++) {
        struct choice choice = choice_of(answer, &words, i);
        chunk.choices = &choice;
        chunk.choice_count = 1;
        append_event(events, object, &chunk);
        choice = (struct choice){.index = (int64_t)i, .finish_reason = "stop"};
        append_event(events, object, &chunk);
    }
    if (answer->stream_usage)
        append_event(events, &last_fields, &chunk);
    buf_append_string(events, "data: [DONE]\n\n");
}
