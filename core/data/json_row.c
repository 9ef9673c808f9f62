/*
 * One row of a JSON file; see json_row.h.
 *
 * A row is an object whose columns reader.h picks, one with messages, or one with a list of words
 * ("tokens"). Words beside a list of labels win over a text that stands there too: a row of another
 * meaning is then told for its counts, where the reverse would train quietly on something else.
 */
#include "core/data/json_row.h"

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/data/jsonl_flat.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row while it is looked at. */
struct row {
    struct reader *reader;
    size_t line;
    struct picked picked;
    const json_t *object;
    char number[SPELLING_NUMBER_BYTES]; /* a label that is a number, as text */
};

static bool
has_value(const void *context, const char *name)
{
    const json_t *value = json_object_get(context, name);
    return value != NULL && !json_is_null(value);
}

static const char *
kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "a value";
}

/* A row without a text: a fault that lists the columns. */
/* The members that have a value. */
static void
list_members(const json_t *object, char found[READER_FOUND_BYTES])
{
    const char *key = NULL;
    json_t *value = NULL;
    found[0] = '\0';
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        if (!json_is_null(value))
            reader_list(found, key, strlen(key));
    }
}

static void
note_missing_text(const struct row *row)
{
    const json_t *tokens = json_object_get(row->object, "tokens");
    if (has_value(row->object, "tokens") && row->reader->columns->text == NULL) {
        reader_fault(row->reader, row->line, "invalid_tokens",
                     "\"tokens\" is %s; it must be a list of strings", kind_of(tokens));
        return;
    }
    char found[READER_FOUND_BYTES];
    const char *wanted = reader_expected_text(row->reader);
    if (json_is_null(json_object_get(row->object, wanted))) {
        reader_fault(row->reader, row->line, "missing_text",
                     "\"%.*s\" is null; give the row a text, or remove it", reader_shown(wanted),
                     wanted);
        return;
    }
    list_members(row->object, found);
    reader_fault(row->reader, row->line, "missing_text",
                 "no text in \"%.*s\"; found: %s. Rename a column, or name it in \"columns\"",
                 reader_shown(wanted), wanted, found[0] != '\0' ? found : "nothing");
}

static void
set_label(struct raw_row *raw, const char *label, size_t length, enum spelling spelling)
{
    raw->label = label;
    raw->label_length = length;
    raw->spelling = spelling;
}

/* Spell a label that is one value; false when it is none, or null. */
static bool
spell(struct row *row, const json_t *value, struct raw_row *raw)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        set_label(raw, json_string_value(value), json_string_length(value), SPELLING_TEXT);
        return true;
    case JSON_INTEGER:
        snprintf(row->number, sizeof row->number, "%lld", (long long)json_integer_value(value));
        set_label(raw, row->number, strlen(row->number), SPELLING_INTEGER);
        return true;
    case JSON_REAL:
        spelling_of_real(json_real_value(value), row->number);
        set_label(raw, row->number, strlen(row->number), SPELLING_FRACTION);
        return true;
    case JSON_TRUE:
        set_label(raw, "true", strlen("true"), SPELLING_TEXT);
        return true;
    case JSON_FALSE:
        set_label(raw, "false", strlen("false"), SPELLING_TEXT);
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
    case JSON_NULL:
        break;
    }
    return false;
}

/* ---- lists of labels ------------------------------------------------------------------------- */

/* A negative number marks words that other tools leave out; as a tag it would be learnt. */
static bool
is_tag(const struct raw_row *label)
{
    return label->spelling == SPELLING_TEXT ||
           (label->spelling == SPELLING_INTEGER && label->label[0] != '-');
}

/*
 * Take one label of a list; false when the row is at fault, which is noted, or when memory is out:
 * err's code, which is 0 before, says which.
 */
static bool
take_item(struct row *row, const json_t *value, size_t index, bool are_tags, struct err *err)
{
    struct reader *reader = row->reader;
    struct raw_row label = {.line = row->line};
    if (!spell(row, value, &label)) {
        reader_fault(reader, row->line, "invalid_label",
                     "label %zu of the list is %s; it must be a string or a number", index + 1,
                     kind_of(value));
        return false;
    }
    if (label.label_length == 0 || (are_tags && !is_tag(&label))) {
        reader_fault(reader, row->line, "invalid_label",
                     label.label_length == 0
                         ? "label %zu of the list is empty; name it or remove it"
                         : "label %zu of the list is no tag; give each token a name, such as "
                           "\"O\", or a number that is not negative",
                     index + 1);
        return false;
    }
    if (!reader_check_label(reader, row->line, label.label, label.label_length))
        return false;
    const struct list_name name = {label.label, label.label_length};
    return row_lists_add_label(&reader->lists, &name, label.spelling, reader->dataset->arena,
                               err) == 0;
}

/* Take a list of labels. false: as take_item. */
static bool
take_list(struct row *row, const json_t *list, struct raw_row *raw, struct err *err)
{
    raw->has_list = true;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!take_item(row, json_array_get(list, i), i, raw->has_words, err))
            return false;
    return true;
}

/* ---- one label ------------------------------------------------------------------------------- */

/* Is this the name that the labels of the whole file go by? Notes the fault when not. */
static bool
check_target(const struct row *row, const char *name)
{
    struct dataset *dataset = row->reader->dataset;
    if (*name == '\0' || strlen(name) > DATA_MAX_LABEL_BYTES) {
        reader_fault(row->reader, row->line, "invalid_label",
                     "the name of a target must have 1 to %d bytes", DATA_MAX_LABEL_BYTES);
        return false;
    }
    if (dataset->target == NULL)
        dataset->target = arena_copy_string(dataset->arena, name);
    if (strcmp(dataset->target, name) == 0)
        return true;
    reader_fault(
        row->reader, row->line, "not_supported_yet",
        "the row labels \"%.*s\", earlier ones \"%.*s\": more than one target in a file is "
        "not built yet; make a file of each",
        reader_shown(name), name, reader_shown(dataset->target), dataset->target);
    return false;
}

/* An object of labels, {"intent": "x"}: one target, named by its key. */
static bool
take_target(struct row *row, const json_t *value, struct raw_row *raw, struct err *err)
{
    void *only = json_object_iter((json_t *)(uintptr_t)value);
    size_t targets = json_object_size(value);
    if (targets > 1) {
        reader_fault(row->reader, row->line, "not_supported_yet",
                     "the row has labels for %zu targets; more than one is not built yet: make a "
                     "file of each",
                     targets);
        return false;
    }
    if (targets == 0)
        return true;
    const json_t *label = json_object_iter_value(only);
    if (!check_target(row, json_object_iter_key(only)))
        return false;
    if (json_is_array(label))
        return take_list(row, label, raw, err);
    if (json_is_object(label)) {
        reader_fault(row->reader, row->line, "invalid_label",
                     "the label of a target is an object; it must be a string, a number or a list");
        return false;
    }
    spell(row, label, raw);
    return true;
}

/* Take the label's value. false: as take_item. */
static bool
take_label(struct row *row, const json_t *value, struct raw_row *raw, struct err *err)
{
    if (json_is_object(value))
        return take_target(row, value, raw, err);
    if (json_is_array(value))
        return take_list(row, value, raw, err);
    spell(row, value, raw);
    return true;
}

/* Find the label, in its column or in "labels". false: as take_item. */
static bool
find_label(struct row *row, struct raw_row *raw, struct err *err)
{
    const char *wanted = row->reader->columns->label;
    const json_t *labels = json_object_get(row->object, "labels");
    if (row->picked.label != NULL)
        return take_label(row, json_object_get(row->object, row->picked.label), raw, err);
    if (wanted != NULL) {
        reader_fault(row->reader, row->line, "missing_label", "no label in \"%.*s\"",
                     reader_shown(wanted), wanted);
        return false;
    }
    if (json_is_array(labels) || json_is_object(labels)) {
        row->picked.label = "labels";
        return take_label(row, labels, raw, err);
    }
    if (labels != NULL && !json_is_null(labels)) {
        reader_fault(row->reader, row->line, "invalid_label",
                     "\"labels\" is %s; call a single label \"label\"", kind_of(labels));
        return false;
    }
    return true;
}

/* ---- chat ------------------------------------------------------------------------------------ */

/* The column of messages that the row has instead of a text, or NULL. */
static const char *
messages_column(const struct row *row)
{
    const char *wanted = row->reader->columns->text;
    const char *name = wanted != NULL ? wanted : "messages";
    if (wanted == NULL && row->picked.text != NULL)
        return NULL; /* a text stands beside it */
    const json_t *value = json_object_get(row->object, name);
    bool is_list = wanted == NULL ? value != NULL && !json_is_null(value)
                                  : json_object_get(json_array_get(value, 0), "role") != NULL;
    return is_list ? name : NULL;
}

static void
count_left_out(struct data_left_out *left_out, const struct chat *chat)
{
    left_out->instructions += chat->instructions > 0;
    left_out->tool_messages += chat->tool_messages > 0;
    left_out->earlier_turns += chat->earlier_turns > 0;
}

static int
read_chat(struct row *row, const char *column, struct err *err)
{
    struct reader *reader = row->reader;
    struct chat *chat = &reader->chat;
    struct raw_row raw = {.line = row->line, .picked = &row->picked};
    struct err wrong;
    row->picked.text = column;
    row->picked.text_pair = NULL;
    row->picked.form = ROWS_CHAT;
    if (chat_read(json_object_get(row->object, column), chat, &wrong) != 0) {
        reader_fault(reader, row->line, "invalid_messages", "%s", wrong.message);
        return 0;
    }
    if (!chat->has_text) {
        reader_fault(reader, row->line, "missing_text",
                     "no message has the role \"user\"; the last of these is the text");
        return 0;
    }
    raw.text = buf_string(&chat->text);
    raw.text_length = chat->text.length;
    if (!find_label(row, &raw, err))
        return err->code;
    if (row->picked.label == NULL && chat->has_answer) {
        if (chat->answer_left_out) {
            reader->dataset->left_out.weightless++;
            return 0;
        }
        set_label(&raw, buf_string(&chat->answer), chat->answer.length, SPELLING_TEXT);
        raw.is_answer = true;
    }
    count_left_out(&reader->dataset->left_out, chat);
    return reader_add(reader, &raw, err);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Take a text column; false when it is no string, which is then noted. */
static bool
take_text(const struct row *row, const char *column, const char **text, size_t *length)
{
    const json_t *value = json_object_get(row->object, column);
    if (!json_is_string(value)) {
        reader_fault(row->reader, row->line, "invalid_text", "\"%.*s\" is %s; it must be a string",
                     reader_shown(column), column, kind_of(value));
        return false;
    }
    *text = json_string_value(value);
    *length = json_string_length(value);
    return true;
}

static int
read_plain(struct row *row, struct err *err)
{
    const struct picked *picked = &row->picked;
    struct raw_row raw = {.line = row->line, .picked = picked};
    const char *second = row->reader->columns->text_pair;
    if (picked->text == NULL) {
        note_missing_text(row);
        return 0;
    }
    if (second != NULL && picked->text_pair == NULL) {
        reader_fault(row->reader, row->line, "missing_text", "no second text in \"%.*s\"",
                     reader_shown(second), second);
        return 0;
    }
    if (!take_text(row, picked->text, &raw.text, &raw.text_length))
        return 0;
    if (picked->text_pair != NULL &&
        !take_text(row, picked->text_pair, &raw.pair, &raw.pair_length))
        return 0;
    if (!find_label(row, &raw, err))
        return err->code;
    return reader_add(row->reader, &raw, err);
}

/* ---- rows of words --------------------------------------------------------------------------- */

/* The column of the words' labels, or NULL. */
static const char *
tags_column(const struct row *row)
{
    const char *wanted = row->reader->columns->label;
    if (wanted != NULL)
        return has_value(row->object, wanted) ? wanted : NULL;
    if (has_value(row->object, "labels"))
        return "labels";
    return has_value(row->object, "label") ? "label" : NULL;
}

/* The column of words that the row has instead of a text, or NULL. */
static const char *
tokens_column(const struct row *row)
{
    const char *wanted = row->reader->columns->text;
    const char *name = wanted != NULL ? wanted : "tokens";
    const char *tags = tags_column(row);
    const json_t *tokens = json_object_get(row->object, name);
    if (!json_is_array(tokens))
        return NULL;
    if (wanted != NULL) /* messages are a list as well */
        return json_object_get(json_array_get(tokens, 0), "role") == NULL ? name : NULL;
    bool has_list = tags != NULL && json_is_array(json_object_get(row->object, tags));
    return has_list || row->picked.text == NULL ? name : NULL;
}

static bool
take_words(struct row *row, const char *column)
{
    const json_t *tokens = json_object_get(row->object, column);
    size_t count = json_array_size(tokens);
    if (count == 0)
        reader_fault(row->reader, row->line, "invalid_tokens",
                     "\"%.*s\" is an empty list; remove the row", reader_shown(column), column);
    for (size_t i = 0; i < count; i++) {
        const json_t *token = json_array_get(tokens, i);
        if (!json_is_string(token) || json_string_length(token) == 0) {
            reader_fault(row->reader, row->line, "invalid_tokens",
                         "token %zu is %s; each must be a string that is not empty", i + 1,
                         json_is_string(token) ? "empty" : kind_of(token));
            return false;
        }
        row_lists_add_word(&row->reader->lists, json_string_value(token),
                           json_string_length(token));
    }
    return count > 0;
}

static int
read_words(struct row *row, const char *column, struct err *err)
{
    struct reader *reader = row->reader;
    const char *wanted = reader->columns->label;
    const char *tags = tags_column(row);
    const json_t *labels = tags != NULL ? json_object_get(row->object, tags) : NULL;
    struct raw_row raw = {.line = row->line, .picked = &row->picked, .has_words = true};
    row->picked = (struct picked){.text = column, .label = tags};
    if (!take_words(row, column))
        return 0;
    raw.text = buf_string(&reader->lists.text);
    raw.text_length = reader->lists.text.length;
    if (labels == NULL && wanted != NULL) {
        reader_fault(reader, row->line, "missing_label", "no label in \"%.*s\"",
                     reader_shown(wanted), wanted);
        return 0;
    }
    if (labels != NULL && !json_is_array(labels)) {
        reader_fault(reader, row->line, "invalid_label",
                     "\"%.*s\" is %s; beside tokens it must be a list with one label for each",
                     reader_shown(tags), tags, kind_of(labels));
        return 0;
    }
    if (labels != NULL && !take_list(row, labels, &raw, err))
        return err->code;
    return reader_add(reader, &raw, err);
}

static int
read_object(struct row *row, struct err *err)
{
    char found[READER_FOUND_BYTES];
    reader_pick(row->reader, has_value, row->object, &row->picked);
    if (reader_wants_columns(row->reader, &row->picked)) {
        list_members(row->object, found);
        reader_note_columns(row->reader, found);
    }
    row_lists_clear(&row->reader->lists);
    const char *tokens = tokens_column(row);
    if (tokens != NULL)
        return read_words(row, tokens, err);
    const char *messages = messages_column(row);
    return messages != NULL ? read_chat(row, messages, err) : read_plain(row, err);
}

/*
 * Where in the row the parser stumbled. Its line counts from the row's own; a row of one line is
 * told the column alone.
 */
static const char *
parser_complaint(const struct err *parsing, size_t *line)
{
    const char *where = strstr(parsing->message, "at line ");
    const char *column = strstr(parsing->message, "column ");
    long inner = where != NULL ? strtol(where + strlen("at line "), NULL, 10) : 1;
    if (inner > 1)
        *line += (size_t)(inner - 1);
    return column != NULL ? column : parsing->message;
}

json_t *
json_row_parse(struct reader *reader, const struct span *span)
{
    struct err parsing;
    size_t line = span->line;
    json_t *object = json_parse(span->bytes, span->length, true, &parsing);
    if (object == NULL) {
        const char *complaint = parser_complaint(&parsing, &line);
        reader_fault(reader, line, "invalid_json",
                     "the %s is no JSON object (%s); write one whole object a%s %s", reader->unit,
                     complaint, strcmp(reader->unit, "element") == 0 ? "n" : "", reader->unit);
    } else if (!json_is_object(object)) {
        reader_fault(reader, line, "not_an_object",
                     "the %s holds %s; write objects, such as {\"text\": …, \"label\": …}",
                     reader->unit, kind_of(object));
        json_decref(object);
        object = NULL;
    }
    return object;
}

static bool
has_member(const void *context, const char *name)
{
    return jsonl_flat_find(context, name) != NULL;
}

/*
 * Read the usual kind of line, *kept = its row was taken. Whatever is not as it should be is left
 * to read_object, which knows what to say about it.
 */
static int
read_flat(struct reader *reader, size_t line, const struct flat_object *object, bool *kept,
          struct err *err)
{
    struct picked picked;
    const struct data_columns *wanted = reader->columns;
    *kept = false;
    reader_pick(reader, has_member, object, &picked);
    if (picked.text == NULL || (wanted->text_pair != NULL && picked.text_pair == NULL) ||
        (picked.label == NULL && (wanted->label != NULL || has_member(object, "labels") ||
                                  reader_wants_columns(reader, &picked))))
        return 0;
    const struct flat_member *text = jsonl_flat_find(object, picked.text);
    struct raw_row raw = {
        .line = line,
        .picked = &picked,
        .text = text->value,
        .text_length = text->value_length,
    };
    if (picked.text_pair != NULL) {
        const struct flat_member *pair = jsonl_flat_find(object, picked.text_pair);
        raw.pair = pair->value;
        raw.pair_length = pair->value_length;
    }
    if (picked.label != NULL) {
        const struct flat_member *label = jsonl_flat_find(object, picked.label);
        set_label(&raw, label->value, label->value_length, SPELLING_TEXT);
    }
    *kept = true;
    return reader_add(reader, &raw, err);
}

/* Any row, by the parser. */
static int
read_json(struct reader *reader, const struct span *span, struct err *err)
{
    struct row row = {.reader = reader, .line = span->line};
    json_t *object = json_row_parse(reader, span);
    if (object == NULL)
        return 0;
    row.object = object;
    err->code = ERR_NONE; /* tells a row that is at fault from memory that is out */
    int rc = read_object(&row, err);
    json_decref(object);
    return rc;
}

bool
json_row_check(struct reader *reader, const struct span *span)
{
    if (span->length > DATA_MAX_LINE_BYTES) {
        reader_fault(reader, span->line, "line_too_long",
                     "the %s has %zu bytes, more than the %d that are possible", reader->unit,
                     span->length, DATA_MAX_LINE_BYTES);
        return false;
    }
    size_t valid = utf8_valid_length(span->bytes, span->length);
    if (valid == span->length)
        return true;
    reader_fault(reader, span->line, "invalid_utf8",
                 "byte %zu of the %s is not valid UTF-8; save the file as UTF-8", valid + 1,
                 reader->unit);
    return false;
}

int
json_row_read(struct reader *reader, const struct span *span, struct err *err)
{
    struct flat_object flat;
    bool kept = false;
    if (!json_row_check(reader, span))
        return 0;
    if (jsonl_flat_read(span->bytes, span->length, &flat) &&
        read_flat(reader, span->line, &flat, &kept, err) != 0)
        return err->code;
    return kept ? 0 : read_json(reader, span, err);
}
