/* Chat messages as text and label; see chat.h. */
#include "core/data/chat.h"

#include "core/base/utf8.h"

#include <stdint.h>
#include <string.h>

enum { SHOWN_BYTES = 40 };

enum role { ROLE_INSTRUCTION, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL, ROLE_UNKNOWN };

static const struct {
    const char *name;
    enum role role;
} roles[] = {
    {"system", ROLE_INSTRUCTION}, {"developer", ROLE_INSTRUCTION},
    {"user", ROLE_USER},          {"assistant", ROLE_ASSISTANT},
    {"tool", ROLE_TOOL},          {"function", ROLE_TOOL},
};

/* Kinds of parts that hold text: of chat completions, and of responses. */
static const char *const text_parts[] = {"text", "input_text", "output_text"};

/* Where in the list the messages stand that count, and how many of the others there are. */
struct places {
    size_t user, answer; /* NOWHERE without */
    size_t instructions, tool_messages, earlier_turns;
};

#define NOWHERE SIZE_MAX

static enum role
role_of(const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(name, roles[i].name) == 0)
            return roles[i].role;
    return ROLE_UNKNOWN;
}

/* Count one message and note where it stands. */
static int
place_message(const json_t *message, size_t index, struct places *places, struct err *err)
{
    const char *name = json_string_value(json_object_get(message, "role"));
    if (!json_is_object(message))
        return err_set(err, ERR_INVALID,
                       "messages[%zu] is no object; write {\"role\": …, \"content\": …}", index);
    if (name == NULL)
        return err_set(err, ERR_INVALID,
                       "messages[%zu].role is missing or no string; say \"system\", \"user\" or "
                       "\"assistant\"",
                       index);
    switch (role_of(name)) {
    case ROLE_INSTRUCTION:
        places->instructions++;
        return 0;
    case ROLE_TOOL:
        places->tool_messages++;
        return 0;
    case ROLE_USER:
        places->earlier_turns += places->user != NOWHERE;
        places->earlier_turns += places->answer != NOWHERE;
        places->user = index;
        places->answer = NOWHERE;
        return 0;
    case ROLE_ASSISTANT:
        if (places->user == NOWHERE || places->answer != NOWHERE)
            places->earlier_turns++;
        if (places->user != NOWHERE)
            places->answer = index;
        return 0;
    case ROLE_UNKNOWN:
        break;
    }
    return err_set(err, ERR_INVALID,
                   "messages[%zu].role is \"%.*s\"; it can be \"system\", \"developer\", \"user\", "
                   "\"assistant\", \"tool\" or \"function\"",
                   index, (int)utf8_clip(name, strlen(name), SHOWN_BYTES), name);
}

static int
find_places(const json_t *messages, struct places *places, struct err *err)
{
    *places = (struct places){.user = NOWHERE, .answer = NOWHERE};
    size_t count = json_array_size(messages);
    if (count == 0)
        return err_set(err, ERR_INVALID,
                       "messages must be a list of at least one message, each {\"role\": …, "
                       "\"content\": …}");
    if (count > CHAT_MAX_MESSAGES)
        return err_set(err, ERR_INVALID,
                       "messages has %zu items, more than the %d that are possible", count,
                       CHAT_MAX_MESSAGES);
    for (size_t i = 0; i < count; i++)
        if (place_message(json_array_get(messages, i), i, places, err) != 0)
            return err->code;
    return 0;
}

static bool
is_text_part(const char *type)
{
    for (size_t i = 0; i < sizeof text_parts / sizeof text_parts[0]; i++)
        if (strcmp(type, text_parts[i]) == 0)
            return true;
    return false;
}

static int
append_part(const json_t *part, size_t index, size_t number, struct buf *out, struct err *err)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *text = json_object_get(part, "text");
    if (type == NULL || (is_text_part(type) && !json_is_string(text)))
        return err_set(err, ERR_INVALID,
                       "messages[%zu].content[%zu] must be {\"type\": \"text\", \"text\": \"…\"}",
                       index, number);
    if (!is_text_part(type))
        return err_set(err, ERR_INVALID,
                       "messages[%zu].content[%zu] is of type \"%.*s\"; a text classifier reads "
                       "text only: leave it out",
                       index, number, (int)utf8_clip(type, strlen(type), SHOWN_BYTES), type);
    if (number > 0)
        buf_append_string(out, "\n");
    buf_append(out, json_string_value(text), json_string_length(text));
    return 0;
}

/* Append a message's content, a string or parts of text. */
static int
append_content(const json_t *messages, size_t index, struct buf *out, struct err *err)
{
    const json_t *message = json_array_get(messages, index);
    const json_t *content = json_object_get(message, "content");
    if (json_is_string(content)) {
        buf_append(out, json_string_value(content), json_string_length(content));
        return 0;
    }
    if (json_array_size(content) > 0) {
        for (size_t i = 0; i < json_array_size(content); i++)
            if (append_part(json_array_get(content, i), index, i, out, err) != 0)
                return err->code;
        return 0;
    }
    bool calls = json_object_get(message, "tool_calls") != NULL ||
                 json_object_get(message, "function_call") != NULL;
    return err_set(err, ERR_INVALID,
                   "messages[%zu].content must be a string or a list of text "
                   "parts%s",
                   index, calls ? "; a message that calls a tool is no label" : "");
}

/* An answer may say that it is not to be learnt from. */
static int
read_weight(const json_t *messages, size_t index, bool *left_out, struct err *err)
{
    const json_t *weight = json_object_get(json_array_get(messages, index), "weight");
    double value = json_number_value(weight);
    *left_out = false;
    if (weight == NULL || json_is_null(weight))
        return 0;
    if (!json_is_number(weight) || !(value >= 0 && value <= 1) || (value > 0 && value < 1))
        return err_set(err, ERR_INVALID, "messages[%zu].weight must be 0 or 1", index);
    *left_out = value < 1;
    return 0;
}

int
chat_read(const json_t *messages, struct chat *out, struct err *err)
{
    struct places places;
    buf_clear(&out->text);
    buf_clear(&out->answer);
    out->has_text = out->has_answer = out->answer_left_out = false;
    if (find_places(messages, &places, err) != 0)
        return err->code;
    out->instructions = places.instructions;
    out->tool_messages = places.tool_messages;
    out->earlier_turns = places.earlier_turns;
    out->has_text = places.user != NOWHERE;
    out->has_answer = places.answer != NOWHERE;
    if (out->has_text && append_content(messages, places.user, &out->text, err) != 0)
        return err->code;
    if (!out->has_answer)
        return 0;
    if (read_weight(messages, places.answer, &out->answer_left_out, err) != 0)
        return err->code;
    return append_content(messages, places.answer, &out->answer, err);
}

void
chat_fini(struct chat *chat)
{
    buf_fini(&chat->text);
    buf_fini(&chat->answer);
    *chat = (struct chat){0};
}

int
chat_text(const json_t *messages, struct buf *out, struct err *err)
{
    struct places places;
    if (find_places(messages, &places, err) != 0)
        return err->code;
    if (places.user == NOWHERE)
        return err_set(err, ERR_INVALID,
                       "messages has none with the role \"user\"; the last of these is the text "
                       "that is classified");
    return append_content(messages, places.user, out, err);
}
