/* Fields of CSV and TSV; see csv_scan.h. */
#include "core/data/csv_scan.h"

#include <string.h>

static void
keep_field(struct csv_scan *scan, struct csv_field field)
{
    if (scan->field_count < CSV_MAX_COLUMNS)
        scan->fields[scan->field_count] = field;
    scan->field_count++;
}

size_t
csv_count_newlines(const char *bytes, size_t length)
{
    size_t n = 0;
    for (const char *at = bytes; (at = memchr(at, '\n', length - (size_t)(at - bytes))) != NULL;
         at++)
        n++;
    return n;
}

/* Is the row over at `at`? Then step over its end. A program that writes "\r\n" through a stream
 * which makes "\r\n" of every "\n" leaves "\r\r\n". */
static bool
at_row_end(struct csv_scan *scan)
{
    if (scan->at == scan->end)
        return true;
    const char *at = scan->at;
    while (at < scan->end && *at == '\r')
        at++;
    if (at < scan->end && *at == '\n')
        at++;
    else if (at < scan->end)
        return false;
    scan->at = at;
    scan->next_line++;
    return true;
}

static enum csv_row
read_quoted(struct csv_scan *scan)
{
    struct csv_field field = {.bytes = scan->at + 1};
    const char *mark = scan->at;
    for (;;) {
        mark = memchr(mark + 1, '"', (size_t)(scan->end - mark - 1));
        if (mark == NULL) {
            scan->at = scan->end;
            return CSV_UNTERMINATED;
        }
        if (mark + 1 == scan->end || mark[1] != '"')
            break;
        field.doubled = true;
        mark++;
    }
    field.length = (size_t)(mark - field.bytes);
    scan->next_line += csv_count_newlines(field.bytes, field.length);
    scan->at = mark + 1;
    keep_field(scan, field);
    return CSV_ROW;
}

/* Step to the next delimiter or line end. */
static void
skip_plain(struct csv_scan *scan)
{
    while (scan->at < scan->end && *scan->at != scan->delimiter && *scan->at != '\n')
        scan->at++;
    if (scan->at < scan->end && *scan->at != '\n')
        return;
    while (scan->at > scan->start && scan->at[-1] == '\r')
        scan->at--;
}

static void
read_plain(struct csv_scan *scan)
{
    const char *start = scan->at;
    skip_plain(scan);
    keep_field(scan, (struct csv_field){.bytes = start, .length = (size_t)(scan->at - start)});
}

enum csv_row
csv_scan_next(struct csv_scan *scan)
{
    enum csv_row state = CSV_ROW;
    scan->line = scan->next_line;
    scan->start = scan->at;
    scan->field_count = 0;
    if (scan->at == scan->end)
        return CSV_END;
    if (at_row_end(scan))
        return CSV_BLANK;
    for (;;) {
        if (scan->at < scan->end && *scan->at == '"') {
            if (read_quoted(scan) == CSV_UNTERMINATED)
                return CSV_UNTERMINATED;
        } else
            read_plain(scan);
        scan->length = (size_t)(scan->at - scan->start);
        if (at_row_end(scan))
            return state;
        if (*scan->at != scan->delimiter) {
            state = CSV_BAD_QUOTE;
            skip_plain(scan);
            scan->length = (size_t)(scan->at - scan->start);
            if (at_row_end(scan))
                return state;
        }
        scan->at++; /* the delimiter */
    }
}

void
csv_field_text(const struct csv_field *field, struct buf *scratch, const char **text,
               size_t *length)
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
