/* What the readers of the data formats share; see reader.h. */
#include "core/data/reader.h"

#include "core/base/utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, SHOWN_NAME_BYTES = 64 };

/* The usual names. A pair needs both; a first name alone is a single text. */
static const struct {
    const char *first, *second;
} usual_texts[] = {
    {"text", "text_pair"},      {"text", "text_b"},        {"text_a", "text_b"},
    {"sentence1", "sentence2"}, {"premise", "hypothesis"}, {"question", "sentence"},
};

enum { USUAL_TEXT_COUNT = sizeof usual_texts / sizeof usual_texts[0] };

void
reader_fault(struct reader *reader, size_t line, const char *code, const char *format, ...)
{
    struct dataset *dataset = reader->dataset;
    size_t kept = dataset->fault_count < DATA_FAULTS_KEPT ? dataset->fault_count : DATA_FAULTS_KEPT;
    dataset->fault_count++;
    size_t at = kept;
    while (at > 0 && dataset->faults[at - 1].line > line)
        at--;
    if (at == DATA_FAULTS_KEPT)
        return;
    size_t moved = (kept < DATA_FAULTS_KEPT ? kept : DATA_FAULTS_KEPT - 1) - at;
    struct data_fault *fault = &dataset->faults[at];
    memmove(fault + 1, fault, moved * sizeof *fault);
    fault->line = line;
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->message, sizeof fault->message, format, args);
    va_end(args);
    /* What was cut, here or by a parser, may end within a character. */
    fault->message[utf8_valid_length(fault->message, strlen(fault->message))] = '\0';
}

static int
grow(struct reader *reader, struct err *err)
{
    struct dataset *dataset = reader->dataset;
    if (dataset->count < reader->capacity)
        return 0;
    size_t capacity = reader->capacity == 0 ? FIRST_CAPACITY : reader->capacity * 2;
    size_t bytes = 0;
    struct data_row *rows = NULL;
    if (mem_multiply(capacity, sizeof *rows, &bytes))
        rows = realloc(dataset->rows, bytes);
    if (rows == NULL)
        return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", capacity);
    dataset->rows = rows;
    reader->capacity = capacity;
    return 0;
}

/* May this label be kept? Notes the fault when not. */
static bool
check_label(struct reader *reader, const struct raw_row *row)
{
    if (row->label == NULL)
        return true;
    if (row->label_length > DATA_MAX_LABEL_BYTES)
        reader_fault(reader, row->line, "label_too_long",
                     "the label has %zu bytes, more than the %d that are possible: is this the "
                     "right column?",
                     row->label_length, DATA_MAX_LABEL_BYTES);
    else if (memchr(row->label, '\0', row->label_length) != NULL)
        reader_fault(reader, row->line, "invalid_label",
                     "the label holds the character U+0000; remove it");
    else
        return true;
    return false;
}

int
reader_add(struct reader *reader, const struct raw_row *row, struct err *err)
{
    struct dataset *dataset = reader->dataset;
    struct arena *arena = dataset->arena;
    if (!check_label(reader, row))
        return 0;
    if (grow(reader, err) != 0)
        return err->code;
    struct data_row *kept = &dataset->rows[dataset->count++];
    *kept = (struct data_row){
        .line = row->line,
        .text = arena_copy_bytes(arena, row->text, row->text_length),
        .text_length = row->text_length,
        .pair_length = row->pair_length,
    };
    if (row->pair != NULL)
        kept->pair = arena_copy_bytes(arena, row->pair, row->pair_length);
    if (row->label != NULL && row->label_length > 0) {
        kept->label = arena_copy_bytes(arena, row->label, row->label_length);
        reader->seen[row->spelling] = true;
    }
    return 0;
}

bool
reader_is_full(struct reader *reader, size_t line)
{
    if (reader->dataset->count < DATA_MAX_ROWS)
        return false;
    reader_fault(reader, line, "too_many_rows", "the file has more than %d rows; split it",
                 DATA_MAX_ROWS);
    return true;
}

static enum label_form
label_form(const struct reader *reader)
{
    if (reader->unsupported != LABELS_NONE)
        return reader->unsupported;
    if (reader->seen[SPELLING_TEXT])
        return LABELS_TEXT;
    if (reader->seen[SPELLING_FRACTION])
        return LABELS_FRACTION;
    return reader->seen[SPELLING_INTEGER] ? LABELS_INTEGER : LABELS_NONE;
}

/* Is a row like the others? Notes the fault when not. */
static bool
check_row(struct reader *reader, const struct data_row *row, const struct data_row *first)
{
    bool labelled = reader->dataset->label_form != LABELS_NONE;
    const char *label = reader->columns->label != NULL ? reader->columns->label : "label";
    if (labelled && row->label == NULL)
        reader_fault(reader, row->line, "missing_label",
                     "no label in \"%.*s\", which other rows have: give the row one or remove it",
                     reader_shown(label), label);
    else if ((row->pair != NULL) != (first->pair != NULL))
        reader_fault(reader, row->line, "mixed_pairs",
                     "%s, unlike line %zu: give every row a second text or none",
                     row->pair != NULL ? "the row has a second text" : "the row has one text only",
                     first->line);
    else
        return true;
    return false;
}

void
reader_finish(struct reader *reader)
{
    struct dataset *dataset = reader->dataset;
    dataset->label_form = label_form(reader);
    struct data_row first = dataset->count > 0 ? dataset->rows[0] : (struct data_row){0};
    size_t kept = 0;
    for (size_t i = 0; i < dataset->count; i++) {
        struct data_row row = dataset->rows[i];
        if (check_row(reader, &row, &first))
            dataset->rows[kept++] = row;
    }
    dataset->count = kept;
    dataset->has_pairs = kept > 0 && first.pair != NULL;
    if (kept == 0 && dataset->fault_count == 0)
        reader_fault(reader, 0, "no_rows", "the file has no rows; it needs at least one");
}

/* The usual names of text and pair: both of a row of the table, else the first name of one. */
static void
pick_usual(reader_has *has, const void *context, struct data_columns *picked)
{
    for (size_t i = 0; i < USUAL_TEXT_COUNT; i++) {
        bool first = has(context, usual_texts[i].first);
        if (first && has(context, usual_texts[i].second)) {
            picked->text = usual_texts[i].first;
            picked->text_pair = usual_texts[i].second;
            return;
        }
        if (first && picked->text == NULL)
            picked->text = usual_texts[i].first;
    }
}

static const char *
name_if(reader_has *has, const void *context, const char *name)
{
    return has(context, name) ? name : NULL;
}

void
reader_pick(const struct reader *reader, reader_has *has, const void *context,
            struct data_columns *picked)
{
    const struct data_columns *wanted = reader->columns;
    *picked = (struct data_columns){0};
    if (wanted->text == NULL)
        pick_usual(has, context, picked);
    else {
        picked->text = name_if(has, context, wanted->text);
        picked->text_pair = name_if(has, context, usual_texts[0].second);
    }
    if (wanted->text_pair != NULL)
        picked->text_pair = name_if(has, context, wanted->text_pair);
    picked->label = name_if(has, context, wanted->label != NULL ? wanted->label : "label");
}

const char *
reader_expected_text(const struct reader *reader)
{
    return reader->columns->text != NULL ? reader->columns->text : usual_texts[0].first;
}

int
reader_shown(const char *name)
{
    return (int)utf8_clip(name, strlen(name), SHOWN_NAME_BYTES);
}

void
reader_list(char found[READER_FOUND_BYTES], const char *name, size_t length)
{
    static const char more[] = ", …";
    size_t used = strlen(found);
    if (strstr(found, "…") != NULL)
        return;
    /* There is always room for the ellipsis: whatever is appended leaves it. */
    if (length + sizeof ", \"\"" + sizeof more > READER_FOUND_BYTES - used)
        snprintf(found + used, READER_FOUND_BYTES - used, "%s", used > 0 ? more : "…");
    else
        snprintf(found + used, READER_FOUND_BYTES - used, "%s\"%.*s\"", used > 0 ? ", " : "",
                 (int)length, name);
}
