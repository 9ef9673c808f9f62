/*
 * What a fine-tuning job can say, for those who describe it to people and programs: the parameter
 * table (daemon/job_params.h) without the words of training.
 *
 * A leaf, so that the HTTP interface (its document) and the command-line client (its flags) can
 * both use it.
 */
#ifndef DAEMON_PARAMETERS_H
#define DAEMON_PARAMETERS_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

enum parameter_kind {
    PARAMETER_TEXT,    /* min to max characters */
    PARAMETER_INTEGER, /* min to max; "auto" too, as all numbers, booleans and choices */
    PARAMETER_NUMBER,
    PARAMETER_BOOLEAN,
    PARAMETER_CHOICE,
    PARAMETER_TWO_NUMBERS,     /* an array of two numbers from min to max */
    PARAMETER_STOPPING,        /* {"patience", "min_delta", "metric"}; of hyperparameters */
    PARAMETER_WEIGHTS,         /* "balanced", or an object of numbers from min to max */
    PARAMETER_COLUMNS,         /* {"text", "text_pair", "label"}: texts of min to max characters */
    PARAMETER_METADATA,        /* an object of strings */
    PARAMETER_METHOD,          /* {"type", "supervised": {"hyperparameters"}} */
    PARAMETER_HYPERPARAMETERS, /* an object of the parameters that are hyperparameters */
    PARAMETER_NOT_BUILT        /* known, and refused until it is built */
};

struct parameter {
    const char *name;
    enum parameter_kind kind;
    bool required;
    bool is_hyperparameter; /* may stand in `hyperparameters`, too */
    bool word;              /* a text of letters, digits, '-' and '_' only */
    double min, max;
    bool min_open, max_open;    /* the bound itself is not allowed */
    const char *const *choices; /* those that are built; ends with NULL */
    const char *accepts;        /* what it must be, in words */
    const char *default_text;   /* what an absent value means, in words; NULL when nothing */
    const char *doc;            /* one sentence */
};

/* All parameters of a create request, in the order of the table; they live in the arena. */
const struct parameter *parameters_list(struct arena *arena, size_t *count);

#endif
