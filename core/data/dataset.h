/*
 * A labelled file in memory: rows of text (or pairs) with their labels, and every fault found.
 *
 * JSON Lines, JSON arrays, CSV (RFC 4180 quoting, header required), TSV and CoNLL columns
 * (conll.h), UTF-8 with or without BOM, each also packed with gzip; see format.h for which it is.
 * Rows are plain ("text" with "label", or with "labels": a list), words ("tokens" with "labels",
 * one each), OpenAI's chat rows ("messages", see chat.h) or its older "prompt" and "completion".
 * Faults are collected with their line numbers rather than ending the read, so that a report can
 * show the first hundred. Bytes are hostile: sizes have named limits, text must be valid UTF-8,
 * U+0000 in a JSON text is legal and lengths are carried.
 */
#ifndef CORE_DATA_DATASET_H
#define CORE_DATA_DATASET_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/format.h"
#include "core/data/task.h"
#include "core/data/word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATA_MAX_LINE_BYTES = 4 * 1024 * 1024,
    DATA_MAX_LABEL_BYTES = 512,
    DATA_MAX_ROWS = 50000000,
    DATA_FAULTS_KEPT = 100,
    GENERATION_ROWS = 50
};

/* Where a row's text and label stand. */
enum row_form {
    ROWS_PLAIN,
    ROWS_PROMPT, /* "prompt" and "completion", whose leading spaces are no part of the label */
    ROWS_CHAT    /* "messages" */
};

/* "plain", "prompt_completion", "chat". */
const char *row_form_name(enum row_form form);

/* What the labels of a file look like. */
enum label_form {
    LABELS_NONE,     /* no row has one */
    LABELS_TEXT,     /* strings (or a mixture of strings and numbers) */
    LABELS_INTEGER,  /* all are integers: classes, in numeric order */
    LABELS_FRACTION, /* numbers, at least one with a fraction or exponent: regression */
    LABELS_LISTS,    /* a list beside a text, of any length: multi-label */
    LABELS_TOKENS,   /* words with one label each: token classification */
    /* lists of numbers, equally many in each row, at least one with a fraction or exponent:
     * regression with several targets */
    LABELS_NUMBER_LISTS
};

/* Column names that replace the usual ones; NULL members keep them. text also names the column of
 * words, label that of lists. */
struct data_columns {
    const char *text;
    const char *text_pair;
    const char *label;
};

/* Labels are in label (one) or in labels (a list), never in both. */
struct data_row {
    size_t line; /* 1-based, where the row starts */
    const char *text;
    size_t text_length;
    const char *pair; /* NULL without a second text */
    size_t pair_length;
    const char *label; /* as written, NUL-terminated; NULL when absent or a list */
    /*
     * LABELS_LISTS: the row's names as written, each once; LABELS_TOKENS: one for each word;
     * LABELS_NUMBER_LISTS: numbers as written. Equal texts of a data set are the same pointer. NULL
     * when absent, not NULL for a list that is empty.
     */
    const char *const *labels;
    size_t label_count;
    /* LABELS_TOKENS: the words, which the text has joined by one blank each; at least one, and none
     * is empty. NULL in other rows. */
    const struct data_word *words;
    size_t word_count;
};

struct data_fault {
    size_t line; /* 0: the file as a whole */
    /*
     * Static, one of: invalid_json, not_an_object, invalid_utf8, line_too_long, missing_text,
     * invalid_text, missing_label, invalid_label, label_too_long, mixed_pairs, ragged_row,
     * invalid_quote, unterminated_quote, duplicate_column, too_many_columns, too_many_rows,
     * no_rows, invalid_messages, invalid_tokens, mixed_labels, invalid_gzip, too_large,
     * not_supported_yet.
     */
    const char *code;
    char message[256]; /* one sentence that says what to do, without the line number */
};

/* What of a file's rows is not used, and so is told; counted in rows. */
struct data_left_out {
    size_t instructions;  /* with a system or developer message */
    size_t tool_messages; /* with a message of a tool or a function */
    size_t earlier_turns; /* with user or assistant messages before the last user message */
    size_t weightless;    /* left out whole: their answer has "weight": 0 */
};

struct dataset {
    struct arena *arena; /* owns all strings */
    enum data_format format;
    bool compressed;
    enum row_form form;        /* chat when a row is, else prompts when a row is */
    struct data_columns found; /* of the first row; members NULL where it has none */
    /* Of a first row, or a header, without a label: its columns, quoted, for messages; else NULL.
     */
    const char *unlabelled_columns;
    const char *target; /* the key of "labels": {"intent": "x"}; NULL without */
    struct data_left_out left_out;
    /*
     * More than half of the answers (of more than GENERATION_ROWS that came from assistant messages
     * or completions) are distinct: this is for generating text, no classification. Answers too
     * long for a label are no faults then; their rows are left out.
     */
    bool is_generation;
    size_t answers, distinct_answers; /* what is_generation was judged by */
    size_t long_answers;              /* among them, longer than a label may be */
    struct data_row *rows;
    size_t count;
    bool has_pairs; /* every row has a second text; a mixture is a fault */
    enum label_form label_form;
    struct data_fault faults[DATA_FAULTS_KEPT];
    size_t fault_count; /* all of them, also those not kept */
};

struct data_source {
    const char *path;                   /* where the bytes lie */
    const char *name;                   /* gives the format and stands in messages */
    const struct data_columns *columns; /* NULL: the usual names */
    /* NULL, or asked now and then; true ends with ERR_STOPPED */
    bool (*should_stop)(void *context);
    void *context;
    /*
     * What the labels are meant for, where that is known, or TASK_AUTO (0). It decides what lists
     * of numbers are: for TASK_REGRESSION LABELS_NUMBER_LISTS even when all are integers, for
     * TASK_MULTI_LABEL LABELS_LISTS even when some are fractions.
     */
    enum task task;
};

/*
 * Read a file. Returns 0 also when rows are faulty: ask fault_count. Rows with a fault are left
 * out. No row at all is a fault ("no_rows"). ERR_IO when the file cannot be read, ERR_MEMORY,
 * ERR_STOPPED.
 */
int dataset_read_source(const struct data_source *source, struct dataset **out, struct err *err);

/* The same, without a question whether to stop. */
int dataset_read(const char *path, const char *name, const struct data_columns *columns,
                 struct dataset **out, struct err *err);
void dataset_free(struct dataset *dataset);

/* What the labels are for when nobody says: by label_form; TASK_AUTO when there are none. */
enum task dataset_task(const struct dataset *dataset);

#endif
