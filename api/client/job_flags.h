/*
 * The options of `submit` that come from the parameter table of jobs: a parameter n_epochs is the
 * option --n-epochs, with the table's own limits. A parameter that is added to the table is an
 * option without another line here.
 */
#ifndef API_CLIENT_JOB_FLAGS_H
#define API_CLIENT_JOB_FLAGS_H

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "daemon/options.h"
#include "daemon/parameters.h"

#include <stddef.h>

struct job_flags {
    const struct parameter *parameters;
    size_t count;
    struct option_table table; /* the command's own options, then one for each parameter */
};

/* A parameter of the same name as an own option, and files, are left out. */
void job_flags_init(struct job_flags *out, const struct option_table *own, struct arena *arena);

/* The parameter behind an option, or NULL when it is one of the command's own. */
const struct parameter *job_flags_find(const struct job_flags *flags, const char *option);

/*
 * Put the value of a parameter's option (NULL is "true") into the request. ERR_INVALID says what
 * the option must be. Pairs are NAME=VALUE and may be given several times.
 */
int job_flags_set(const struct parameter *parameter, const char *value, json_t *body,
                  struct err *err);

#endif
