/*
 * One value of a create-job request: checked against its row and stored. Private to job_params.
 */
#ifndef DAEMON_JOB_PARAMS_VALUE_H
#define DAEMON_JOB_PARAMS_VALUE_H

#include "daemon/job_params.h"

#include <jansson.h>

/* Metadata limits; OpenAI's. */
enum { METADATA_MAX_PAIRS = 16, METADATA_MAX_KEY = 64, METADATA_MAX_VALUE = 512 };

struct param_value {
    const struct param_row *row;
    const char *where; /* the API's name of the field: "hyperparameters.n_epochs" */
    const json_t *json;
    bool trusted; /* our own stored value: ranges are not checked */
};

/* Is it "auto", where that means the same as absent? */
bool job_params_value_is_auto(const struct param_value *value);

/* At most 64 bytes of a text, cut between characters; for names in messages. */
const char *job_params_value_cut(const char *text, struct arena *arena);

/* The value as a person wrote it, cut to a few words; for messages. */
const char *job_params_value_quote(const json_t *json, struct arena *arena);

/* Put the value into *out; 0, or -1 with a fault. Never called for METHOD, GROUP, NOT_BUILT. */
int job_params_value_set(const struct param_value *value, struct arena *arena,
                         struct job_request *out, struct fault_list *faults);

#endif
