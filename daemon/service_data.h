/*
 * The seam of data sets looked into: what a file holds, and some of its rows. Included by
 * service.h, whose rules hold here too.
 */
#ifndef DAEMON_SERVICE_DATA_H
#define DAEMON_SERVICE_DATA_H

#include "daemon/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row that cannot be used, or the file as a whole. */
struct data_fault_info {
    const char *code;
    int64_t line; /* 0: of the file as a whole */
    const char *message;
};

struct data_label_info {
    const char *label;
    int64_t rows; /* of a tag: words */
};

/* Of the numbers of one target. */
struct data_numbers_info {
    double min, max, mean, deviation;
};

struct data_entities_info {
    const char *type;
    int64_t count;
};

/* Tags of words. */
struct data_tags_info {
    const char *scheme; /* "plain", "BIO", "IOBES", "BILOU" */
    int64_t words, entities;
    const struct data_entities_info *types;
    size_t type_count;
    int64_t misplaced, broken_rows; /* tags that cannot stand where they do, and rows with them */
};

struct data_lengths_info {
    int64_t min, median, p95, max;
};

struct data_warning_info {
    const char *code;
    const char *message;
};

/* What of the rows is told in tokens; only when a model was named. */
struct data_tokens_info {
    const char *model;
    int64_t max_seq_length; /* 0: the model has no limit and none was asked for */
    struct data_lengths_info lengths;
    int64_t rows_over_length;
    int64_t tokens, unknown_tokens;
    int64_t words_cut, tags_cut, words_without_tokens; /* of rows of words */
};

struct file_report {
    const char *file;
    const char *format; /* "jsonl", "json", "csv", "tsv", "conll" */
    bool compressed;
    const char *form;                     /* "plain", "prompt_completion", "chat" */
    const char *text, *text_pair, *label; /* names of the columns found, or NULL */
    const char *target;                   /* or NULL */
    const char *task;                     /* that the labels suggest, or NULL */
    int64_t rows;                         /* without fault */
    int64_t fault_count;                  /* all, */
    const struct data_fault_info *faults; /* of which the first are told */
    size_t faults_listed;
    int64_t label_count;                  /* all, */
    const struct data_label_info *labels; /* of which the first are told */
    size_t labels_listed;
    int64_t unlabelled;                      /* rows whose list of labels is empty */
    const struct data_numbers_info *numbers; /* of each target of a regression */
    size_t number_count;
    bool has_tags;
    struct data_tags_info tags;
    struct data_lengths_info text_length; /* in characters */
    int64_t duplicates, conflicting_duplicates, empty;
    bool has_tokens;
    struct data_tokens_info tokens;
    const struct data_warning_info *warnings;
    size_t warning_count;
};

struct report_query {
    const char *model;      /* NULL: nothing is said of tokens */
    int64_t max_seq_length; /* 0: the model's own */
};

/* SLOW. FILE_NOT_FOUND; MODEL_NOT_FOUND with param "model"; a file of another purpose is looked at
 * too. Faulty rows are no fault of the request. */
int service_file_report(struct service *service, const char *id, const struct report_query *query,
                        struct arena *arena, struct file_report *out, struct fault_list *faults);

struct file_row_info {
    int64_t line;
    const char *row_json;         /* the row as the file has it; NULL: it is faulty */
    struct data_fault_info fault; /* when it is */
};

struct file_rows_info {
    const char *file;
    int64_t offset;
    int64_t total; /* rows of the file, faulty ones too */
    struct file_row_info *items;
    size_t count;
    bool has_more;
    bool has_fault;               /* of the file as a whole: rows behind it cannot be read */
    struct data_fault_info fault; /* which */
};

enum { FILE_ROWS_MAX = 1000 };

/* SLOW. Up to limit (1..FILE_ROWS_MAX) rows from offset on. */
int service_file_rows(struct service *service, const char *id, int64_t offset, int64_t limit,
                      struct arena *arena, struct file_rows_info *out, struct fault_list *faults);

#endif
