/*
 * What `finetuned run` prints: JSON lines in the shapes of the API's objects.
 *
 * Events and metric points as they happen, the job object last. api/ writes the same shapes from
 * the seam's structs; here they come straight from the core, since a run has no service. Warnings
 * are lines on standard error, too, for those who keep standard output for a program.
 */
#ifndef DAEMON_RUN_LINES_H
#define DAEMON_RUN_LINES_H

#include "core/base/err.h"
#include "core/train/trainer.h"
#include "daemon/job_params.h"

#include <stdint.h>
#include <stdio.h>

/* A run as far as it came; strings are borrowed. */
struct run_state {
    const struct job_request *request;
    const struct train_plan *plan;
    const char *parameters_json;
    const char *engine;
    size_t threads;
    size_t estimated_memory_bytes;
    int64_t created_at, finished_at; /* unix seconds */
    const char *status;              /* "succeeded", "failed", "cancelled" */
    const char *error_code;          /* NULL unless failed */
    const char *error_message;
    struct train_progress progress; /* of the last completed step */
    double latest[METRIC_COUNT];    /* NaN where a metric has no value yet */
    const char *validation_json;    /* evaluations of the final model; NULL: none */
    const char *test_json;
    const char *baseline_json; /* NULL: none */
    int64_t events; /* printed so far */
};

struct run_event {
    enum train_level level;
    const char *message;
    const char *code; /* what kind of warning it is, a word; NULL: none */
};

/* {"object":"fine_tuning.job.event", …}; 0, or ERR_IO when standard output is gone. */
int run_lines_event(struct run_state *state, const struct run_event *event, struct err *err);

/* {"object":"fine_tuning.job.metric", …}; remembers progress and latest values. */
int run_lines_point(struct run_state *state, const struct train_point *point, struct err *err);

/* {"object":"fine_tuning.job", …} */
int run_lines_job(const struct run_state *state, struct err *err);

#endif
