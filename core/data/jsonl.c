/*
 * JSON Lines; see jsonl.h.
 *
 * A line is a row: an object whose columns reader.h picks. Rows of the forms that are not built yet
 * (chat, token classification, several labels) are recognised, so that they are refused for what
 * they are and not for a missing label.
 */
#include "core/data/jsonl.h"

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/data/jsonl_flat.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 40 };

/* One row while it is looked at. */
struct row {
    struct reader *reader;
    size_t line;
    const json_t *object;
    char number[NUMBER_BYTES]; /* a label that is a number, as text */
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

/* Forms of rows that are not built yet: the columns that give them away. */
static const struct {
    const char *column, *second; /* second NULL: one is enough */
    enum label_form form;
    const char *what;
} unsupported_rows[] = {
    {"tokens", NULL, LABELS_TOKENS, "token classification (\"tokens\")"},
    {"messages", NULL, LABELS_NONE, "chat rows (\"messages\")"},
    {"prompt", "completion", LABELS_NONE, "\"prompt\" and \"completion\""},
};

static void
note_unsupported(const struct row *row, enum label_form form, const char *what)
{
    if (form != LABELS_NONE)
        row->reader->unsupported = form;
    reader_fault(row->reader, row->line, "not_supported_yet",
                 "%s: this form of data is not built yet; write rows with \"text\" and one "
                 "\"label\"",
                 what);
}

/* A row without a text: one of another form, or a fault that lists the columns. */
static void
note_missing_text(const struct row *row)
{
    for (size_t i = 0; i < sizeof unsupported_rows / sizeof unsupported_rows[0]; i++) {
        const char *second = unsupported_rows[i].second;
        if (!has_value(row->object, unsupported_rows[i].column) ||
            (second != NULL && !has_value(row->object, second)))
            continue;
        note_unsupported(row, unsupported_rows[i].form, unsupported_rows[i].what);
        return;
    }
    char found[READER_FOUND_BYTES] = "";
    const char *wanted = reader_expected_text(row->reader);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)(uintptr_t)row->object, key, value) {
        reader_list(found, key, strlen(key));
    }
    reader_fault(row->reader, row->line, "missing_text",
                 "no text in \"%.*s\"; found: %s. Rename a column, or name it in \"columns\"",
                 reader_shown(wanted), wanted, found[0] != '\0' ? found : "nothing");
}

/* A number in the shortest spelling that is read back the same; always with a point or exponent. */
static void
print_real(double value, char text[NUMBER_BYTES])
{
    snprintf(text, NUMBER_BYTES, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, NUMBER_BYTES, "%.17g", value);
    if (strpbrk(text, ".e") == NULL)
        snprintf(text + strlen(text), NUMBER_BYTES - strlen(text), ".0");
}

static void
set_label(struct raw_row *raw, const char *label, size_t length, enum spelling spelling)
{
    raw->label = label;
    raw->label_length = length;
    raw->spelling = spelling;
}

/* Take the label's value; false when the row is at fault, which is then noted. */
static bool
take_label(struct row *row, const json_t *value, struct raw_row *raw)
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
        print_real(json_real_value(value), row->number);
        set_label(raw, row->number, strlen(row->number), SPELLING_FRACTION);
        return true;
    case JSON_TRUE:
        set_label(raw, "true", strlen("true"), SPELLING_TEXT);
        return true;
    case JSON_FALSE:
        set_label(raw, "false", strlen("false"), SPELLING_TEXT);
        return true;
    case JSON_ARRAY:
        note_unsupported(row, LABELS_LISTS, "a list of labels");
        return false;
    case JSON_OBJECT:
        note_unsupported(row, LABELS_NONE, "an object of labels");
        return false;
    case JSON_NULL:
        return true;
    }
    return true;
}

/* Find the label, in its column or in "labels". */
static bool
find_label(struct row *row, const struct data_columns *picked, struct raw_row *raw)
{
    const char *wanted = row->reader->columns->label;
    const json_t *labels = json_object_get(row->object, "labels");
    if (picked->label != NULL)
        return take_label(row, json_object_get(row->object, picked->label), raw);
    if (wanted != NULL) {
        reader_fault(row->reader, row->line, "missing_label", "no label in \"%.*s\"",
                     reader_shown(wanted), wanted);
        return false;
    }
    if (json_is_array(labels) || json_is_object(labels))
        return take_label(row, labels, raw);
    if (labels != NULL && !json_is_null(labels)) {
        reader_fault(row->reader, row->line, "invalid_label",
                     "\"labels\" is %s; call a single label \"label\"", kind_of(labels));
        return false;
    }
    return true;
}

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
read_object(struct row *row, struct err *err)
{
    struct raw_row raw = {.line = row->line};
    struct data_columns picked;
    reader_pick(row->reader, has_value, row->object, &picked);
    if (picked.text == NULL) {
        note_missing_text(row);
        return 0;
    }
    const char *second = row->reader->columns->text_pair;
    if (second != NULL && picked.text_pair == NULL) {
        reader_fault(row->reader, row->line, "missing_text", "no second text in \"%.*s\"",
                     reader_shown(second), second);
        return 0;
    }
    if (!take_text(row, picked.text, &raw.text, &raw.text_length))
        return 0;
    if (picked.text_pair != NULL && !take_text(row, picked.text_pair, &raw.pair, &raw.pair_length))
        return 0;
    if (!find_label(row, &picked, &raw))
        return 0;
    return reader_add(row->reader, &raw, err);
}

/* Where in the line the parser stumbled: its message without the line, which is always 1. */
static const char *
parser_complaint(const struct err *parsing)
{
    const char *column = strstr(parsing->message, "column ");
    return column != NULL ? column : parsing->message;
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
    struct data_columns picked;
    const struct data_columns *wanted = reader->columns;
    *kept = false;
    reader_pick(reader, has_member, object, &picked);
    if (picked.text == NULL || (wanted->text_pair != NULL && picked.text_pair == NULL) ||
        (picked.label == NULL && (wanted->label != NULL || has_member(object, "labels"))))
        return 0;
    const struct flat_member *text = jsonl_flat_find(object, picked.text);
    struct raw_row raw = {.line = line, .text = text->value, .text_length = text->value_length};
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

/* Any line, by the parser. */
static int
read_json(struct reader *reader, size_t line, const char *bytes, size_t length, struct err *err)
{
    struct row row = {.reader = reader, .line = line};
    struct err parsing;
    json_t *object = json_parse(bytes, length, true, &parsing);
    if (object == NULL) {
        reader_fault(reader, line, "invalid_json",
                     "the line is no JSON object (%s); write one whole object a line",
                     parser_complaint(&parsing));
        return 0;
    }
    int rc = 0;
    row.object = object;
    if (json_is_object(object))
        rc = read_object(&row, err);
    else
        reader_fault(reader, line, "not_an_object",
                     "the line holds %s; write one object a line, such as {\"text\": …, "
                     "\"label\": …}",
                     kind_of(object));
    json_decref(object);
    return rc;
}

static int
read_line(struct reader *reader, size_t line, const char *bytes, size_t length, struct err *err)
{
    struct flat_object flat;
    bool kept = false;
    if (length > DATA_MAX_LINE_BYTES) {
        reader_fault(reader, line, "line_too_long",
                     "the line has %zu bytes, more than the %d that are possible", length,
                     DATA_MAX_LINE_BYTES);
        return 0;
    }
    size_t valid = utf8_valid_length(bytes, length);
    if (valid < length) {
        reader_fault(reader, line, "invalid_utf8",
                     "byte %zu of the line is not valid UTF-8; save the file as UTF-8", valid + 1);
        return 0;
    }
    if (jsonl_flat_read(bytes, length, &flat) && read_flat(reader, line, &flat, &kept, err) != 0)
        return err->code;
    return kept ? 0 : read_json(reader, line, bytes, length, err);
}

static bool
is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (strchr(" \t\r", bytes[i]) == NULL || bytes[i] == '\0')
            return false;
    return true;
}

int
jsonl_read(struct reader *reader, const char *bytes, size_t length, struct err *err)
{
    size_t line = 0;
    for (size_t at = 0, next = 0; at < length; at = next) {
        const char *newline = memchr(bytes + at, '\n', length - at);
        size_t end = newline == NULL ? length : (size_t)(newline - bytes);
        next = newline == NULL ? length : end + 1;
        line++;
        if (is_blank(bytes + at, end - at))
            continue;
        if (reader_is_full(reader, line))
            break;
        if (read_line(reader, line, bytes + at, end - at, err) != 0)
            return err->code;
    }
    return 0;
}
