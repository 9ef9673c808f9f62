/*
 * Responses, whole and as a stream; see encode_answer.h.
 *
 * A stream is the whole answer in the steps in which a generated one would come. Events are
 * numbered from 0, as the SDKs' parsers want it.
 */
#include "api/encode_answer.h"

/* ---- what is written ------------------------------------------------------------------------- */

struct part {
    const char *text;
    const struct answer_token *logprobs;
    size_t logprob_count;
};

struct message {
    const char *id;
    const char *status;
    const struct part *parts;
    size_t part_count;
};

struct usage {
    const char *set; /* NULL while the answer is on its way */
    int64_t read, written, total;
};

struct response {
    const char *id;
    int64_t created;
    const char *status;
    const char *model;
    const struct message *messages;
    size_t message_count;
    const char *instructions;
    const char *metadata_json;
    size_t top;
    struct usage usage;
};

static const char *const statuses[] = {"in_progress", "completed", NULL};

static const struct field_row part_rows[] = {
    {"type", FIELD_WORD("output_text"), .doc = "Always \"output_text\"."},
    {"text", FIELD_STRING(struct part, text),
     .doc = "The most probable label, or JSON: labels, a number, entities."},
    {"annotations", FIELD_JSON("[]"), .doc = "Always empty."},
    {"logprobs", FIELD_LIST(struct part, logprobs, logprob_count, &answer_token_fields),
     .doc = "The answer's one token, when asked for."},
};
static const struct field_object part_fields =
    FIELD_OBJECT("ResponseText", struct part, part_rows, "A text of a message.");

static const struct field_row message_rows[] = {
    {"type", FIELD_WORD("message"), .doc = "Always \"message\"."},
    {"id", FIELD_STRING(struct message, id), .doc = "Of this message; it is not stored."},
    {"role", FIELD_WORD("assistant"), .doc = "Always \"assistant\"."},
    {"status", FIELD_STRING(struct message, status), .choices = statuses,
     .doc = "\"completed\" but for a stream's first events."},
    {"content", FIELD_LIST(struct message, parts, part_count, &part_fields), .doc = "Its text."},
};
static const struct field_object message_fields =
    FIELD_OBJECT("ResponseMessage", struct message, message_rows, "The model's answer.");

static const struct field_row usage_rows[] = {
    {"input_tokens", FIELD_INTEGER(struct usage, read),
     .doc = "What the model read, special tokens counted."},
    {"input_tokens_details", FIELD_JSON("{\"cached_tokens\":0}"), .doc = "Nothing is cached."},
    {"output_tokens", FIELD_INTEGER(struct usage, written), .doc = "One: a label is one token."},
    {"output_tokens_details", FIELD_JSON("{\"reasoning_tokens\":0}"),
     .doc = "Nothing is reasoned."},
    {"total_tokens", FIELD_INTEGER(struct usage, total), .doc = "Their sum."},
};
static const struct field_object usage_fields =
    FIELD_OBJECT("ResponseUsage", struct usage, usage_rows, "Tokens.");

static const struct field_row response_rows[] = {
    {"id", FIELD_STRING(struct response, id), .doc = "Of this answer; it is not stored."},
    {"object", FIELD_WORD("response"), .doc = "Always \"response\"."},
    {"created_at", FIELD_TIME(struct response, created), .doc = "When it was asked."},
    {"status", FIELD_STRING(struct response, status), .choices = statuses,
     .doc = "\"completed\" but for a stream's first events."},
    {"model", FIELD_STRING(struct response, model), .doc = "That answered, never an alias."},
    {"output", FIELD_LIST(struct response, messages, message_count, &message_fields),
     .doc = "The answer, one message."},
    {"error", FIELD_JSON("null"), .doc = "Always null."},
    {"incomplete_details", FIELD_JSON("null"), .doc = "Always null."},
    {"instructions", FIELD_STRING(struct response, instructions), .unset = FIELD_NULL_POINTER,
     .doc = "As they came; a classifier leaves them out."},
    {"metadata", FIELD_RAW(struct response, metadata_json), .doc = "As it came."},
    /* What a text generator would be told; nothing of it is in force here. */
    {"background", FIELD_JSON("false"), .doc = "Always false."},
    {"store", FIELD_JSON("false"), .doc = "Always false."},
    {"parallel_tool_calls", FIELD_JSON("false"), .doc = "Always false."},
    {"tool_choice", FIELD_WORD("none"), .doc = "Always \"none\"."},
    {"tools", FIELD_JSON("[]"), .doc = "Always empty."},
    {"text", FIELD_JSON("{\"format\":{\"type\":\"text\"}}"), .doc = "Answers are texts."},
    {"top_logprobs", FIELD_COUNT(struct response, top), .doc = "As it came."},
    {"truncation", FIELD_WORD("disabled"), .doc = "Always \"disabled\"."},
    {"previous_response_id", FIELD_JSON("null"), .doc = "Always null."},
    {"temperature", FIELD_JSON("null"), .doc = "Always null."},
    {"top_p", FIELD_JSON("null"), .doc = "Always null."},
    {"max_output_tokens", FIELD_JSON("null"), .doc = "Always null."},
    {"usage", FIELD_WITHIN(struct response, usage, &usage_fields), .unset = FIELD_NULL_POINTER,
     .doc = "Tokens; null in a stream's first events."},
};
const struct field_object response_fields =
    FIELD_OBJECT("Response", struct response, response_rows,
                 "A fine-tuned model's label for the input, or for its last user message.");

/* ---- an answer, begun and said --------------------------------------------------------------- */

/* Everything that is written of one answer, as it points into each other: it stays where it is. */
struct telling {
    struct answer_words words;
    struct part empty, part;
    struct message begun, said;
    struct response in_progress, completed;
};

static void
tell(const struct answer *answer, struct telling *telling)
{
    int64_t read = (int64_t)answer_tokens(answer);
    answer_find_words(answer, &telling->words);
    telling->empty = (struct part){.text = ""};
    telling->part = (struct part){telling->words.said.token, &telling->words.said,
                                  answer_has_logprobs(answer) ? 1 : 0};
    telling->begun = (struct message){.id = answer->message_id, .status = statuses[0]};
    telling->said = (struct message){answer->message_id, statuses[1], &telling->part, 1};
    telling->in_progress = (struct response){
        .id = answer->id,
        .created = answer->created,
        .status = statuses[0],
        .model = answer_model(answer),
        .instructions = answer->instructions,
        .metadata_json = answer->metadata_json == NULL ? "{}" : answer->metadata_json,
        .top = answer->top,
    };
    telling->completed = telling->in_progress;
    telling->completed.status = statuses[1];
    telling->completed.messages = &telling->said;
    telling->completed.message_count = 1;
    telling->completed.usage = (struct usage){statuses[1], read, 1, read + 1};
}

void
encode_response(struct json_out *out, const struct answer *answer)
{
    struct telling telling;
    tell(answer, &telling);
    fields_encode(out, NULL, &response_fields, &telling.completed);
}

/* ---- the stream ------------------------------------------------------------------------------ */

struct stream {
    struct buf *events;
    struct json_out out;
    int64_t number;
};

static void
begin_event(struct stream *stream, const char *type)
{
    buf_printf(stream->events, "event: %s\ndata: ", type);
    stream->out = (struct json_out){.buf = stream->events};
    json_out_object(&stream->out, NULL);
    json_out_string(&stream->out, "type", type);
    json_out_integer(&stream->out, "sequence_number", stream->number++);
}

static void
end_event(struct stream *stream)
{
    json_out_end_object(&stream->out);
    buf_append_string(stream->events, "\n\n");
}

static void
response_event(struct stream *stream, const char *type, const struct response *response)
{
    begin_event(stream, type);
    fields_encode(&stream->out, "response", &response_fields, response);
    end_event(stream);
}

static void
item_event(struct stream *stream, const char *type, const struct message *message)
{
    begin_event(stream, type);
    json_out_integer(&stream->out, "output_index", 0);
    fields_encode(&stream->out, "item", &message_fields, message);
    end_event(stream);
}

/* An event about the text of the one message. */
static void
begin_text_event(struct stream *stream, const char *type, const struct message *message)
{
    begin_event(stream, type);
    json_out_string(&stream->out, "item_id", message->id);
    json_out_integer(&stream->out, "output_index", 0);
    json_out_integer(&stream->out, "content_index", 0);
}

static void
part_event(struct stream *stream, const char *type, const struct message *message,
           const struct part *part)
{
    begin_text_event(stream, type, message);
    fields_encode(&stream->out, "part", &part_fields, part);
    end_event(stream);
}

static void
text_event(struct stream *stream, const char *type, const char *key, const struct message *message)
{
    const struct part *part = message->parts;
    begin_text_event(stream, type, message);
    json_out_string(&stream->out, key, part->text);
    json_out_array(&stream->out, "logprobs");
    for (size_t i = 0; i < part->logprob_count; i++)
        fields_encode(&stream->out, NULL, &answer_token_fields, &part->logprobs[i]);
    json_out_end_array(&stream->out);
    end_event(stream);
}

void
encode_response_stream(struct buf *events, const struct answer *answer)
{
    struct telling telling;
    struct stream stream = {.events = events};
    tell(answer, &telling);
    response_event(&stream, "response.created", &telling.in_progress);
    response_event(&stream, "response.in_progress", &telling.in_progress);
    item_event(&stream, "response.output_item.added", &telling.begun);
    part_event(&stream, "response.content_part.added", &telling.begun, &telling.empty);
    text_event(&stream, "response.output_text.delta", "delta", &telling.said);
    text_event(&stream, "response.output_text.done", "text", &telling.said);
    part_event(&stream, "response.content_part.done", &telling.said, &telling.part);
    item_event(&stream, "response.output_item.done", &telling.said);
    response_event(&stream, "response.completed", &telling.completed);
}
