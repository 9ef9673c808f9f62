/*
 * A labelled file in memory: rows of text (or pairs) with their labels, and every fault found.
 *
 * JSON Lines, CSV (RFC 4180 quoting, header required) and TSV, UTF-8 with or without BOM; the
 * format follows the file's name. Faults are collected with their line numbers rather than ending
 * the read, so that a report can show the first hundred. Bytes are hostile: sizes have named
 * limits, text must be valid UTF-8, U+0000 in a JSON text is legal and lengths are carried.
 */
#ifndef CORE_DATA_DATASET_H
#define CORE_DATA_DATASET_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATA_MAX_LINE_BYTES = 4 * 1024 * 1024,
    DATA_MAX_LABEL_BYTES = 512,
    DATA_MAX_ROWS = 50000000,
    DATA_FAULTS_KEPT = 100
};

enum data_format { DATA_JSONL, DATA_CSV, DATA_TSV };

/* By extension: .csv, .tsv, otherwise JSON Lines. */
enum data_format data_format_from_name(const char *name);

/* What the labels of a file look like. */
enum label_form {
    LABELS_NONE,     /* no row has one */
    LABELS_TEXT,     /* strings (or a mixture of strings and numbers) */
    LABELS_INTEGER,  /* all are integers: classes, in numeric order */
    LABELS_FRACTION, /* numbers, at least one with a fraction or exponent: regression */
    LABELS_LISTS,    /* "labels": [..] beside a text: multi-label */
    LABELS_TOKENS    /* "tokens" with one label each: token classification */
};

/* Column names that replace the usual ones; NULL members keep them. */
struct data_columns {
    const char *text;
    const char *text_pair;
    const char *label;
};

struct data_row {
    size_t line; /* 1-based, where the row starts */
    const char *text;
    size_t text_length;
    const char *pair; /* NULL without a second text */
    size_t pair_length;
    const char *label; /* as written, NUL-terminated; NULL when absent */
};

struct data_fault {
    size_t line; /* 0: the file as a whole */
    /*
     * Static, one of: invalid_json, not_an_object, invalid_utf8, line_too_long, missing_text,
     * invalid_text, missing_label, invalid_label, label_too_long, mixed_pairs, ragged_row,
     * invalid_quote, unterminated_quote, duplicate_column, too_many_columns, too_many_rows,
     * no_rows, not_supported_yet.
     */
    const char *code;
    char message[256]; /* one sentence that says what to do, without the line number */
};

struct dataset {
    struct arena *arena; /* owns all strings */
    struct data_row *rows;
    size_t count;
    bool has_pairs; /* every row has a second text; a mixture is a fault */
    enum label_form label_form;
    struct data_fault faults[DATA_FAULTS_KEPT];
    size_t fault_count; /* all of them, also those not kept */
};

/*
 * Read a file. name gives the format and stands in messages, path is where the bytes lie. Returns 0
 * also when rows are faulty: ask fault_count. Rows with a fault are left out. No row at all is a
 * fault ("no_rows"), as are JSON arrays, gzip and chat rows ("not_supported_yet": not built yet).
 * ERR_IO when the file cannot be read.
 */
int dataset_read(const char *path, const char *name, const struct data_columns *columns,
                 struct dataset **out, struct err *err);
void dataset_free(struct dataset *dataset);

#endif
