/*
 * What a labelled file holds, for a person who is about to train on it: rows and faults, labels and
 * lengths, and what is odd about them, each in a sentence with its number and a remedy.
 *
 * The file is read once, as a job would read it, and its rows are walked once: time and memory grow
 * with the file's length, not faster, whatever stands in it.
 */
#ifndef CORE_DATA_REPORT_H
#define CORE_DATA_REPORT_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/task.h"
#include "core/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

enum { REPORT_MAX_WARNINGS = 24 };

struct report_request {
    const char *path;                   /* where the bytes lie */
    const char *name;                   /* as the user knows it; gives the format */
    const struct data_columns *columns; /* NULL: the usual names */
    const struct tokenizer *tokenizer;  /* NULL: nothing is said of tokens */
    size_t max_length;                  /* tokens with specials that a row may have; 0: no limit */
    /* NULL, or asked now and then; true ends with ERR_STOPPED */
    bool (*should_stop)(void *context);
    void *context;
};

struct report_label {
    const char *name;
    size_t count; /* rows */
};

/* Of the rows: exact, and 0 throughout when there are none. Percentiles are values that occur
 * (nearest rank). */
struct report_lengths {
    size_t min, median, p95, max;
};

struct report_warning {
    const char *code;    /* static; see the table in report_warnings.c */
    const char *message; /* one or two sentences: the number, and what to do */
};

struct data_report {
    size_t rows; /* without fault */
    struct data_fault faults[DATA_FAULTS_KEPT];
    size_t fault_count; /* all, also those not kept */

    enum data_format format;     /* data_format_name: "jsonl", "json", "csv", "tsv", "conll" */
    bool compressed;             /* with gzip */
    enum row_form form;          /* row_form_name: "plain", "prompt_completion", "chat" */
    struct data_columns columns; /* the names found in the first row; NULL: there is none */
    const char *target;          /* the key of Mistral's "labels": {"intent": …}, or NULL */
    enum task task;              /* inferred from the labels; TASK_AUTO when no row has one */

    /* Classes in the order of their ids; label_count may be more than are listed
     * (REPORT_MAX_LABELS). None for other tasks. */
    const struct report_label *labels;
    size_t labels_listed;
    size_t label_count;

    struct report_lengths text_length; /* in characters (code points); of a pair both together */
    size_t duplicates;                 /* rows whose texts an earlier row has too */
    size_t conflicting_duplicates;     /* those of them with another label than the first such */
    size_t empty;                      /* rows without a character that is no blank */

    bool has_tokens;                    /* a tokenizer was given: what follows is filled */
    struct report_lengths token_length; /* specials included, nothing cut */
    size_t over_length;                 /* rows with more than max_length tokens */
    size_t unknown_tokens;              /* pieces of text that the vocabulary lacks */
    size_t tokens;                      /* all, without specials: unknown_tokens are among them */

    struct report_warning warnings[REPORT_MAX_WARNINGS];
    size_t warning_count;
};

enum { REPORT_MAX_LABELS = 10000 };

/*
 * Make the report of a file; strings live in arena. 0 also when rows are faulty, or when there is
 * none. ERR_IO, ERR_MEMORY, ERR_STOPPED.
 */
int data_report_make(const struct report_request *request, struct arena *arena,
                     struct data_report *out, struct err *err);

#endif
