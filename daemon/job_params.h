/*
 * THE parameter table: everything that a job can say, one row per parameter.
 *
 * A row holds name, type, range, default, where it may stand, and a sentence of documentation; it
 * drives parsing, validation (all faults of a request in one answer), the stored `parameters`
 * object and `finetuned --help-parameters`. A new parameter is a row here and a member of struct
 * job_request or struct train_params, nothing else. What is planned but not built yet is a
 * row too (PARAM_NOT_BUILT): refused by name, never ignored.
 *
 * Both the daemon (POST /v1/fine_tuning/jobs) and `finetuned run` parse with job_params_parse; in
 * the latter the names of model and files are paths and `output_dir` is legal.
 */
#ifndef DAEMON_JOB_PARAMS_H
#define DAEMON_JOB_PARAMS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/task.h"
#include "core/train/params.h"
#include "daemon/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A create-job request, checked field by field but not yet against files and models. */
struct job_request {
    const char *model;         /* never NULL after a successful parse */
    const char *training_file; /* never NULL after a successful parse */
    const char *validation_file, *test_file;
    const char *suffix;
    const char *metadata_json; /* a compact JSON object, or NULL */
    const char *output_dir;    /* of `finetuned run` only */
    int64_t priority;          /* of the daemon's queue */
    struct data_columns columns;
    enum task task;
    const char *class_weights;  /* "balanced" or a compact JSON object, or NULL */
    struct train_params params; /* absent values are "auto", the seed too */
};

enum { JOB_PRIORITY_MIN = -100, JOB_PRIORITY_MAX = 100 };

enum param_type {
    PARAM_TEXT,     /* const char *; min and max are its length in characters */
    PARAM_INTEGER,  /* int64_t */
    PARAM_REAL,     /* double */
    PARAM_BOOLEAN,  /* int64_t: 0 or 1 */
    PARAM_CHOICE,   /* an enumeration, by name */
    PARAM_BETAS,    /* two doubles, an array of two numbers */
    PARAM_STOPPING, /* struct early_stopping, an object */
    PARAM_WEIGHTS,  /* const char *, "balanced" or an object from label to number */
    PARAM_COLUMNS,  /* struct data_columns, an object of names */
    PARAM_METADATA, /* const char *, an object of strings */
    PARAM_METHOD,   /* OpenAI's method object, which holds hyperparameters */
    PARAM_GROUP,    /* OpenAI's older hyperparameters object */
    PARAM_NOT_BUILT /* known, refused with not_supported_yet */
};

/* Where a parameter may stand; a set of bits. */
enum param_place {
    PLACE_TOP = 1,             /* at the top level of the request */
    PLACE_HYPERPARAMETERS = 2, /* in hyperparameters and method.supervised.hyperparameters */
    PLACE_RUN = 4              /* at the top level of a job file of `finetuned run` only */
};

struct param_choice {
    const char *name;
    unsigned value;
    bool built; /* false: legal one day, not_supported_yet today */
};

struct param_row {
    const char *name;
    enum param_type type;
    unsigned places; /* enum param_place */
    bool required;
    bool optional;                      /* an integer without a default: stored as null */
    bool word;                          /* text of letters, digits, '-' and '_' only */
    double min, max;                    /* of the value, or of the length of a text */
    bool min_open, max_open;            /* the bound itself is not allowed */
    const struct param_choice *choices; /* PARAM_CHOICE: ends with a NULL name */
    size_t offset;                      /* in struct job_request */
    const char *default_text; /* what an absent value means, for people; NULL when nothing */
    const char *doc;          /* one sentence */
};

/* The rows in the order in which they are documented and printed. */
const struct param_row *job_params_table(size_t *count);

/* Does the row's value live in job_request.params, and so in the stored parameters? */
bool job_params_is_stored(const struct param_row *row);

/* "integer from 1 to 50 or \"auto\"", "one of constant, linear": what a row accepts, in words. */
const char *job_params_describe(const struct param_row *row, struct arena *arena);

/* The whole table as a text of 80 columns. */
void job_params_print_help(FILE *file);

enum job_params_use {
    JOB_PARAMS_API, /* the body of POST /v1/fine_tuning/jobs */
    JOB_PARAMS_RUN  /* a job file of `finetuned run` */
};

/*
 * Parse and check a request. 0, or -1 with every fault found in `faults`: INVALID_JSON,
 * UNKNOWN_PARAMETER (with the nearest legal spelling), INVALID_PARAMETER, MISSING_PARAMETER,
 * NOT_SUPPORTED_YET. null means absent, "auto" is legal for every number and choice. Strings live
 * in arena. No file or model is touched.
 */
int job_params_parse(const char *body, size_t length, enum job_params_use use, struct arena *arena,
                     struct job_request *out, struct fault_list *faults);

/* What may still be changed of a job: the body of a PATCH. */
struct job_update {
    bool has_metadata;
    const char *metadata_json; /* NULL: none any more */
    bool has_priority;
    int64_t priority;
};

/* Parse and check it; faults as job_params_parse has them. */
int job_params_parse_update(const char *body, size_t length, struct arena *arena,
                            struct job_update *out, struct fault_list *faults);

/*
 * The stored parameters: a compact JSON object with every row that lives in train_params, in table
 * order; a value that is still to be chosen stands as "auto". Doubles are written with as many
 * digits as bring the same double back. OpenAI's `hyperparameters` are three of its members:
 * batch_size, learning_rate_multiplier, n_epochs.
 */
const char *job_params_print(const struct train_params *params, struct arena *arena);

/*
 * Read what job_params_print wrote (also an older program's: rows it did not know are "auto") back
 * into the same numbers. ERR_INVALID names the member that does not fit.
 */
int job_params_restore(const char *json, struct train_params *out, struct err *err);

/* One sentence for the job's event: every value that was chosen for the user, with its reason. */
const char *job_params_explain(const struct train_choices *choices, struct arena *arena);

#endif
