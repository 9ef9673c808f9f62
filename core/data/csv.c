/*
 * CSV and TSV; see csv.h.
 *
 * The first row that is not blank names the columns. A row's line is where it starts.
 */
#include "core/data/csv.h"

#include "core/base/buf.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Where a column stands in a row. */
struct place {
    size_t index;
    bool present;
    struct buf unquoted;
};

struct csv {
    struct reader *reader;
    struct csv_scan scan;
    size_t columns; /* of the header */
    struct picked picked;
    struct place text, pair, label;
};

bool
csv_check_row(struct reader *reader, const struct csv_scan *scan, enum csv_row state)
{
    if (state == CSV_UNTERMINATED) {
        reader_fault(reader, scan->line, "unterminated_quote",
                     "a quotation mark opens a field in the row that begins here, and none closes "
                     "it; double the marks that are text");
        return false;
    }
    if (scan->length > DATA_MAX_LINE_BYTES) {
        reader_fault(reader, scan->line, "line_too_long",
                     "the row has %zu bytes, more than the %d that are possible", scan->length,
                     DATA_MAX_LINE_BYTES);
        return false;
    }
    size_t valid = utf8_valid_length(scan->start, scan->length);
    if (valid < scan->length) {
        reader_fault(reader, scan->line + csv_count_newlines(scan->start, valid), "invalid_utf8",
                     "byte %zu of the row is not valid UTF-8; save the file as UTF-8", valid + 1);
        return false;
    }
    if (state == CSV_BAD_QUOTE) {
        reader_fault(reader, scan->line, "invalid_quote",
                     "text follows a closing quotation mark; double the marks that are text");
        return false;
    }
    return true;
}

/* Names with doubled marks are rare and are needed more than once: write them out. */
static void
clean_names(struct reader *reader, struct csv_scan *scan)
{
    struct buf scratch = {0};
    for (size_t i = 0; i < scan->field_count; i++) {
        struct csv_field *field = &scan->fields[i];
        const char *text = NULL;
        if (!field->doubled)
            continue;
        csv_field_text(field, &scratch, &text, &field->length);
        field->bytes = arena_copy_bytes(reader->dataset->arena, text, field->length);
        field->doubled = false;
    }
    buf_fini(&scratch);
}

bool
csv_check_names(struct reader *reader, struct csv_scan *scan)
{
    if (scan->field_count > CSV_MAX_COLUMNS) {
        reader_fault(reader, scan->line, "too_many_columns",
                     "the header has %zu columns, more than the %d that are possible",
                     scan->field_count, CSV_MAX_COLUMNS);
        return false;
    }
    clean_names(reader, scan);
    for (size_t i = 0; i < scan->field_count; i++) {
        const struct csv_field *a = &scan->fields[i];
        for (size_t k = 0; k < i && a->length > 0; k++) {
            const struct csv_field *b = &scan->fields[k];
            if (a->length != b->length || memcmp(a->bytes, b->bytes, a->length) != 0)
                continue;
            reader_fault(reader, scan->line, "duplicate_column",
                         "two columns are named \"%.*s\"; rename one",
                         (int)utf8_clip(a->bytes, a->length, READER_FOUND_BYTES), a->bytes);
            return false;
        }
    }
    return true;
}

bool
csv_check_count(struct reader *reader, const struct csv_scan *scan, size_t columns)
{
    if (scan->field_count == columns)
        return true;
    reader_fault(reader, scan->line, "ragged_row",
                 "the row has %zu fields, the header %zu; put fields that hold a delimiter in "
                 "quotation marks",
                 scan->field_count, columns);
    return false;
}

static bool
is_named(const struct csv_field *field, const char *name)
{
    return strlen(name) == field->length && memcmp(field->bytes, name, field->length) == 0;
}

static bool
has_column(const void *context, const char *name)
{
    const struct csv *csv = context;
    for (size_t i = 0; i < csv->columns; i++)
        if (is_named(&csv->scan.fields[i], name))
            return true;
    return false;
}

static void
set_place(const struct csv *csv, const char *name, struct place *place)
{
    for (size_t i = 0; name != NULL && i < csv->columns; i++)
        if (is_named(&csv->scan.fields[i], name))
            *place = (struct place){.index = i, .present = true};
}

/* Is the header one column because something else divides it? */
static bool
is_undivided(const struct csv *csv)
{
    static const char delimiters[] = {',', ';', '\t', '|'};
    const struct csv_field *only = &csv->scan.fields[0];
    for (size_t i = 0; i < sizeof delimiters && csv->columns == 1; i++)
        if (memchr(only->bytes, delimiters[i], only->length) != NULL)
            return true;
    return false;
}

static void
list_columns(const struct csv *csv, char found[READER_FOUND_BYTES])
{
    found[0] = '\0';
    for (size_t i = 0; i < csv->columns; i++)
        reader_list(found, csv->scan.fields[i].bytes, csv->scan.fields[i].length);
}

static void
note_missing_column(struct csv *csv, const char *code, const char *what, const char *wanted)
{
    char found[READER_FOUND_BYTES];
    list_columns(csv, found);
    if (is_undivided(csv))
        reader_fault(csv->reader, csv->scan.line, code,
                     "the header is one column, %s: a .csv file has commas between its columns, a "
                     ".tsv file tabs; save it so",
                     found);
    else
        reader_fault(csv->reader, csv->scan.line, code,
                     "the header has no column \"%.*s\" for the %s; found: %s. Rename a column, or "
                     "name it in \"columns\"",
                     reader_shown(wanted), wanted, what, found);
}

/* Take the row that was read as the header; false when it cannot be one, which is then noted. */
static bool
take_header(struct csv *csv)
{
    const struct data_columns *wanted = csv->reader->columns;
    char found[READER_FOUND_BYTES];
    if (!csv_check_names(csv->reader, &csv->scan))
        return false;
    csv->columns = csv->scan.field_count;
    reader_pick(csv->reader, has_column, csv, &csv->picked);
    if (csv->picked.text == NULL)
        note_missing_column(csv, "missing_text", "text", reader_expected_text(csv->reader));
    else if (wanted->text_pair != NULL && csv->picked.text_pair == NULL)
        note_missing_column(csv, "missing_text", "second text", wanted->text_pair);
    else if (wanted->label != NULL && csv->picked.label == NULL)
        note_missing_column(csv, "missing_label", "label", wanted->label);
    else {
        list_columns(csv, found);
        if (reader_wants_columns(csv->reader, &csv->picked))
            reader_note_columns(csv->reader, found);
        set_place(csv, csv->picked.text, &csv->text);
        set_place(csv, csv->picked.text_pair, &csv->pair);
        set_place(csv, csv->picked.label, &csv->label);
        return true;
    }
    return false;
}

static int
take_row(struct csv *csv, struct err *err)
{
    struct raw_row raw = {.line = csv->scan.line, .picked = &csv->picked};
    if (!csv_check_count(csv->reader, &csv->scan, csv->columns))
        return 0;
    csv_field_text(&csv->scan.fields[csv->text.index], &csv->text.unquoted, &raw.text,
                   &raw.text_length);
    if (csv->pair.present)
        csv_field_text(&csv->scan.fields[csv->pair.index], &csv->pair.unquoted, &raw.pair,
                       &raw.pair_length);
    if (csv->label.present) {
        csv_field_text(&csv->scan.fields[csv->label.index], &csv->label.unquoted, &raw.label,
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
        enum csv_row state = csv_scan_next(&csv->scan);
        if (state == CSV_END)
            return 0;
        if (reader_is_stopped(csv->reader, err))
            return err->code;
        if (state == CSV_BLANK)
            continue;
        bool legal = csv_check_row(csv->reader, &csv->scan, state);
        if (!has_header) {
            if (!legal || !take_header(csv))
                return 0;
            has_header = true;
        } else if (reader_is_full(csv->reader, csv->scan.line)) {
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
        .scan = {.at = bytes, .end = bytes + length, .delimiter = delimiter, .next_line = 1},
    };
    int rc = read_rows(csv, err);
    buf_fini(&csv->text.unquoted);
    buf_fini(&csv->pair.unquoted);
    buf_fini(&csv->label.unquoted);
    free(csv);
    return rc;
}
