/*
 * Where the fields of a CSV or TSV file lie, by RFC 4180. Private to core/data.
 *
 * A field that begins with a quotation mark ends at the next single one; within it a doubled mark
 * stands for one, and delimiters and line ends are text. A mark within an unquoted field is text.
 * Rows end with LF or CR LF. Fields are ranges of the file until one is wanted.
 */
#ifndef CORE_DATA_CSV_SCAN_H
#define CORE_DATA_CSV_SCAN_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { CSV_MAX_COLUMNS = 1024 };

struct csv_field {
    const char *bytes; /* without the quotation marks around it */
    size_t length;
    bool doubled; /* holds "" for " */
};

enum csv_row {
    CSV_ROW,
    CSV_BLANK,
    CSV_BAD_QUOTE,    /* text behind a closing quotation mark */
    CSV_UNTERMINATED, /* the file ends within quotation marks */
    CSV_END
};

struct csv_scan {
    const char *at, *end;
    char delimiter;
    size_t next_line; /* begins as 1 */
    /* the row that was read last */
    size_t line; /* where it starts */
    const char *start;
    size_t length;
    size_t field_count; /* also of those beyond CSV_MAX_COLUMNS, which are not kept */
    struct csv_field fields[CSV_MAX_COLUMNS];
};

/* Read the fields of one row; everything that is wrong with it comes out as a state. */
enum csv_row csv_scan_next(struct csv_scan *scan);

/* A field's text, with its doubled marks made single in scratch. */
void csv_field_text(const struct csv_field *field, struct buf *scratch, const char **text,
                    size_t *length);

/* Line ends among the bytes. */
size_t csv_count_newlines(const char *bytes, size_t length);

#endif
