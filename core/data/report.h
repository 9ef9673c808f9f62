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
#include "core/data/tags.h"
#include "core/data/task.h"
#include "core/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

enum { REPORT_MAX_WARNINGS = 40, REPORT_MAX_LABELS = 10000 };

struct report_request {
    const char *path;                   /* where the bytes lie */
    const char *name;                   /* as the user knows it; gives the format */
    const struct data_columns *columns; /* NULL: the usual names */
    enum task task;                    /* what it is read for; TASK_AUTO: what its labels are for */
    const struct tokenizer *tokenizer; /* NULL: nothing is said of tokens */
    size_t max_length;                 /* tokens with specials that a row may have; 0: no limit */
    /* Rows that are tokenized at most, evenly spread over the file; 0: all. */
    size_t token_rows;
    /* NULL, or asked now and then; true ends with ERR_STOPPED */
    bool (*should_stop)(void *context);
    void *context;
};

struct report_label {
    const char *name;
    size_t count; /* rows; of a tag words, of a type of entities these */
};

/* The numbers of one target, in double; the deviation is that of the rows as a whole (1/n). */
struct report_numbers {
    double min, max, mean, deviation;
};

/* Tags of words. Entities are counted leniently, as tags.h says. */
struct report_tags {
    enum tag_scheme scheme;
    size_t words;
    const struct report_label
        *types; /* of entities, in byte order, as many as of labels are listed */
    size_t types_listed, type_count;
    size_t entities;
    size_t odd_names;   /* tags that are not O and of no span, in a file that has spans */
    size_t misplaced;   /* words whose tag may not stand behind the one before, or not at the end */
    size_t broken_rows; /* rows with such a word, */
    size_t first_broken_line; /* and where the first of them begins */
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
    enum task task;              /* the request's, or inferred from the labels; TASK_AUTO when no
                                    row has one */

    /* Classes, labels or tags in the order of their ids; label_count may be more than are listed
     * (REPORT_MAX_LABELS). None for regression. */
    const struct report_label *labels;
    size_t labels_listed;
    size_t label_count;
    size_t unlabelled;    /* rows whose list of labels is empty */
    bool looks_multi_hot; /* lists of 0 and 1, or booleans: a column for each label */
    bool may_be_classes;  /* numbers to learn are few and whole, though written with a fraction */
    const struct report_numbers *numbers; /* of each target, for regression */
    size_t number_count;
    struct report_tags tags; /* for token classification */

    struct report_lengths text_length; /* in characters (code points); of a pair both together */
    size_t duplicates;                 /* rows whose texts an earlier row has too */
    size_t conflicting_duplicates;     /* those of them with another label than the first such */
    size_t empty;                      /* rows without a character that is no blank */

    bool has_tokens;                    /* a tokenizer was given: what follows is filled */
    size_t tokenized;                   /* rows that it is of: see token_rows */
    struct report_lengths token_length; /* specials included, nothing cut */
    size_t over_length;                 /* rows with more than max_length tokens */
    size_t unknown_tokens;              /* pieces of text that the vocabulary lacks */
    size_t tokens;                      /* all, without specials: unknown_tokens are among them */
    size_t words_cut;                   /* of rows of words: those behind max_length, */
    size_t tags_cut;                    /* among them with a tag other than O */
    size_t words_without_tokens;        /* nothing of them is left by the tokenizer */

    struct report_warning warnings[REPORT_MAX_WARNINGS];
    size_t warning_count;
};

/*
 * Make the report of a file; strings live in arena. 0 also when rows are faulty, or when there is
 * none. ERR_IO, ERR_MEMORY, ERR_STOPPED.
 */
int data_report_make(const struct report_request *request, struct arena *arena,
                     struct data_report *out, struct err *err);

/* The same of a file that was read; the request's path and columns are not used. */
int data_report_of(const struct dataset *dataset, const struct report_request *request,
                   struct arena *arena, struct data_report *out, struct err *err);

/* Is this row among the `wanted` that are evenly spread over `count`? All are when wanted is 0. */
bool data_report_takes(size_t row, size_t count, size_t wanted);

#endif
