/*
 * CSV and TSV; see csv.h.
 *
 * A field that begins with a quotation mark ends at the next single one; within it a doubled mark
 * stands for one, and delimiters and line ends are text. A mark within an unquoted field is text.
 * Rows end with LF or CR LF. The first row that is not blank names the columns. A row's line is
 * where it starts. Fields are ranges of the file until one is wanted; nothing is copied before.
 */
#include "core/data/csv.h"

#include "core/base/buf.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 1024 };

struct field {
    const char *bytes; /* without the quotation marks around it */
    size_t length;
    bool doubled; /* holds "" for " */
};

enum row_state {
    ROW_WHOLE,
    ROW_BLANK,
    ROW_BAD_QUOTE,    /* text behind a closing quotation mark */
    ROW_UNTERMINATED, /* the file ends within quotation marks */
    ROW_NONE          /* the file is over */
};

/* Where a column stands in a row. */
struct place {
    size_t index;
    bool present;
    struct buf unquoted;
};

struct csv {
    struct reader *reader;
    const char *at, *end;
    char delimiter;
    size_t next_line;
    /* the row that was read last */
    size_t line;
    const char *start;
    size_t length;
    size_t field_count; /* also of those beyond MAX_COLUMNS, which are not kept */
    struct field fields[MAX_COLUMNS];
    /* the header */
    size_t columns;
    struct place text, pair, label;
};

static void
keep_field(struct csv *csv, struct field field)
{
    if (csv->field_count < MAX_COLUMNS)
        csv->fields[csv->field_count] = field;
    csv->field_count++;
}

static size_t
count_newlines(const char *bytes, size_t length)
{
    size_t n = 0;
    for (const char *at = bytes; (at = memchr(at, '\n', length - (size_t)(at - bytes))) != NULL;
         at++)
        n++;
    return n;
}

/* Is the row over at `at`? Then step over its end. */
static bool
at_row_end(struct csv *csv)
{
    if (csv->at == csv->end)
        return true;
    const char *at = csv->at;
    if (*at == '\r' && (at + 1 == csv->end || at[1] == '\n'))
        at++;
    if (at < csv->end && *at == '\n')
        at++;
    else if (at < csv->end)
        return false;
    csv->at = at;
    csv->next_line++;
    return true;
}

static enum row_state
read_quoted(struct csv *csv)
{
    struct field field = {.bytes = csv->at + 1};
    const char *mark = csv->at;
    for (;;) {
        mark = memchr(mark + 1, '"', (size_t)(csv->end - mark - 1));
        if (mark == NULL) {
            csv->at = csv->end;
            return ROW_UNTERMINATED;
        }
        if (mark + 1 == csv->end || mark[1] != '"')
            break;
        field.doubled = true;
        mark++;
    }
    field.length = (size_t)(mark - field.bytes);
    csv->next_line += count_newlines(field.bytes, field.length);
    csv->at = mark + 1;
    keep_field(csv, field);
    return ROW_WHOLE;
}

/* Step to the next delimiter or line end. */
static void
skip_plain(struct csv *csv)
{
    while (csv->at < csv->end && *csv->at != csv->delimiter && *csv->at != '\n')
        csv->at++;
    if (csv->at > csv->start && csv->at[-1] == '\r' && (csv->at == csv->end || *csv->at == '\n'))
        csv->at--;
}

static void
read_plain(struct csv *csv)
{
    const char *start = csv->at;
    skip_plain(csv);
    keep_field(csv, (struct field){.bytes = start, .length = (size_t)(csv->at - start)});
}

/* Read the fields of one row; everything that is wrong with it comes out as a state. */
static enum row_state
read_row(struct csv *csv)
{
    enum row_state state = ROW_WHOLE;
    csv->line = csv->next_line;
    csv->start = csv->at;
    csv->field_count = 0;
    if (csv->at == csv->end)
        return ROW_NONE;
    if (at_row_end(csv))
        return ROW_BLANK;
    for (;;) {
        if (csv->at < csv->end && *csv->at == '"') {
            if (read_quoted(csv) == ROW_UNTERMINATED)
                return ROW_UNTERMINATED;
        } else
            read_plain(csv);
        csv->length = (size_t)(csv->at - csv->start);
        if (at_row_end(csv))
            return state;
        if (*csv->at != csv->delimiter) {
            state = ROW_BAD_QUOTE;
            skip_plain(csv);
            csv->length = (size_t)(csv->at - csv->start);
            if (at_row_end(csv))
                return state;
        }
        csv->at++; /* the delimiter */
    }
}

/* Is the row as a whole legal? Notes the fault when not. */
static bool
check_row(struct csv *csv, enum row_state state)
{
    struct reader *reader = csv->reader;
    if (state == ROW_UNTERMINATED) {
        reader_fault(reader, csv->line, "unterminated_quote",
                     "a quotation mark opens a field in the row that begins here, and none closes "
                     "it; double the marks that are text");
        return false;
    }
    if (csv->length > DATA_MAX_LINE_BYTES) {
        reader_fault(reader, csv->line, "line_too_long",
                     "the row has %zu bytes, more than the %d that are possible", csv->length,
                     DATA_MAX_LINE_BYTES);
        return false;
    }
    size_t valid = utf8_valid_length(csv->start, csv->length);
    if (valid < csv->length) {
        reader_fault(reader, csv->line + count_newlines(csv->start, valid), "invalid_utf8",
                     "byte %zu of the row is not valid UTF-8; save the file as UTF-8", valid + 1);
        return false;
    }
    if (state == ROW_BAD_QUOTE) {
        reader_fault(reader, csv->line, "invalid_quote",
                     "text follows a closing quotation mark; double the marks that are text");
        return false;
    }
    return true;
}

/* A field's text, with its doubled marks made single in scratch. */
static void
field_text(const struct field *field, struct buf *scratch, const char **text, size_t *length)
{
    *text = field->bytes;
    *length = field->length;
    if (!field->doubled)
        return;
    buf_clear(scratch);
    const char *end = field->bytes + field->length;
    for (const char *at = field->bytes; at < end;) {
        const char *mark = memchr(at, '"', (size_t)(end - at));
        const char *stop = mark == NULL ? end : mark + 1;
        buf_append(scratch, at, (size_t)(stop - at));
        at = mark == NULL ? end : mark + 2;
    }
    *text = buf_string(scratch);
    *length = scratch->length;
}

static bool
is_named(const struct field *field, const char *name)
{
    return strlen(name) == field->length && memcmp(field->bytes, name, field->length) == 0;
}

static bool
has_column(const void *context, const char *name)
{
    const struct csv *csv = context;
    for (size_t i = 0; i < csv->columns; i++)
        if (is_named(&csv->fields[i], name))
            return true;
    return false;
}

static void
set_place(const struct csv *csv, const char *name, struct place *place)
{
    for (size_t i = 0; name != NULL && i < csv->columns; i++)
        if (is_named(&csv->fields[i], name))
            *place = (struct place){.index = i, .present = true};
}

/* Names with doubled marks are rare and are needed more than once: write them out. */
static void
clean_names(struct csv *csv)
{
    struct buf scratch = {0};
    for (size_t i = 0; i < csv->columns; i++) {
        struct field *field = &csv->fields[i];
        const char *text = NULL;
        if (!field->doubled)
            continue;
        field_text(field, &scratch, &text, &field->length);
        field->bytes = arena_copy_bytes(csv->reader->dataset->arena, text, field->length);
        field->doubled = false;
    }
    buf_fini(&scratch);
}

/* Two columns of one name (nameless ones aside) leave open which is meant. */
static bool
check_names(struct csv *csv)
{
    for (size_t i = 0; i < csv->columns; i++) {
        const struct field *a = &csv->fields[i];
        for (size_t k = 0; k < i && a->length > 0; k++) {
            const struct field *b = &csv->fields[k];
            if (a->length != b->length || memcmp(a->bytes, b->bytes, a->length) != 0)
                continue;
            reader_fault(csv->reader, csv->line, "duplicate_column",
                         "two columns are named \"%.*s\"; rename one",
                         (int)utf8_clip(a->bytes, a->length, READER_FOUND_BYTES), a->bytes);
            return false;
        }
    }
    return true;
}

static void
note_missing_column(struct csv *csv, const char *code, const char *what, const char *wanted)
{
    char found[READER_FOUND_BYTES] = "";
    for (size_t i = 0; i < csv->columns; i++)
        reader_list(found, csv->fields[i].bytes, csv->fields[i].length);
    reader_fault(csv->reader, csv->line, code,
                 "the header has no column \"%.*s\" for the %s; found: %s. Rename a column, or "
                 "name it in \"columns\"",
                 reader_shown(wanted), wanted, what, found);
}

/* Take the row that was read as the header; false when it cannot be one, which is then noted. */
static bool
take_header(struct csv *csv)
{
    const struct data_columns *wanted = csv->reader->columns;
    struct data_columns picked;
    if (csv->field_count > MAX_COLUMNS) {
        reader_fault(csv->reader, csv->line, "too_many_columns",
                     "the header has %zu columns, more than the %d that are possible",
                     csv->field_count, MAX_COLUMNS);
        return false;
    }
    csv->columns = csv->field_count;
    clean_names(csv);
    if (!check_names(csv))
        return false;
    reader_pick(csv->reader, has_column, csv, &picked);
    if (picked.text == NULL)
        note_missing_column(csv, "missing_text", "text", reader_expected_text(csv->reader));
    else if (wanted->text_pair != NULL && picked.text_pair == NULL)
        note_missing_column(csv, "missing_text", "second text", wanted->text_pair);
    else if (wanted->label != NULL && picked.label == NULL)
        note_missing_column(csv, "missing_label", "label", wanted->label);
    else {
        set_place(csv, picked.text, &csv->text);
        set_place(csv, picked.text_pair, &csv->pair);
        set_place(csv, picked.label, &csv->label);
        return true;
    }
    return false;
}

static int
take_row(struct csv *csv, struct err *err)
{
    struct raw_row raw = {.line = csv->line};
    if (csv->field_count != csv->columns) {
        reader_fault(csv->reader, csv->line, "ragged_row",
                     "the row has %zu fields, the header %zu; put fields that hold a delimiter in "
                     "quotation marks",
                     csv->field_count, csv->columns);
        return 0;
    }
    field_text(&csv->fields[csv->text.index], &csv->text.unquoted, &raw.text, &raw.text_length);
    if (csv->pair.present)
        field_text(&csv->fields[csv->pair.index], &csv->pair.unquoted, &raw.pair, &raw.pair_length);
    if (csv->label.present) {
        field_text(&csv->fields[csv->label.index], &csv->label.unquoted, &raw.label,
                   &raw.label_length);
        raw.spelling = spelling_of(raw.label, raw.label_length);
    }
    return reader_add(csv->reader, &raw, err);
}

/* Read rows until the file is over or cannot be read on. */
static int
read_rows(struct csv *csv, struct err *err)
{
    bool has_header = false;
    for (;;) {
        enum row_state state = read_row(csv);
        if (state == ROW_NONE)
            return 0;
        if (state == ROW_BLANK)
            continue;
        bool legal = check_row(csv, state);
        if (!has_header) {
            if (!legal || !take_header(csv))
                return 0;
            has_header = true;
        } else if (reader_is_full(csv->reader, csv->line)) {
            return 0;
        } else if (legal && take_row(csv, err) != 0) {
            return err->code;
        }
    }
}

int
csv_read(struct reader *reader, const char *bytes, size_t length, char delimiter, struct err *err)
{
    struct csv *csv = mem_small(sizeof *csv);
    *csv = (struct csv){
        .reader = reader,
        .at = bytes,
        .end = bytes + length,
        .delimiter = delimiter,
        .next_line = 1,
    };
    int rc = read_rows(csv, err);
    buf_fini(&csv->text.unquoted);
    buf_fini(&csv->pair.unquoted);
    buf_fini(&csv->label.unquoted);
    free(csv);
    return rc;
}
