/*
 * The seam, continued: how well models do on labelled rows. Included by service.h, which says the
 * rules.
 *
 * A document's members are JSON texts as core/eval/evaluation.h makes them: whoever shows them
 * needs to know no measure. A member that the task has not, or that a list leaves out, is NULL.
 */
#ifndef DAEMON_SERVICE_EVALUATIONS_H
#define DAEMON_SERVICE_EVALUATIONS_H

#include "core/base/mem.h"
#include "daemon/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page;
struct service;

enum evaluation_status {
    EVALUATION_QUEUED,
    EVALUATION_RUNNING,
    EVALUATION_SUCCEEDED,
    EVALUATION_FAILED
};

/* What was measured. */
struct evaluation_document {
    const char *task;
    int64_t rows;        /* < 0: nothing was measured yet */
    int64_t error_count; /* rows that were predicted wrongly; < 0: not counted */
    /* objects */
    const char *measures_json, *measures_at_half_json, *intervals_json;
    const char *confusion_json, *calibration_json;
    const char *comparison_json;
    const char *per_class_json, *errors_json; /* arrays */
};

struct evaluation_info {
    const char *id; /* NULL for one of a job */
    enum evaluation_status status;
    int64_t created_at, started_at, finished_at; /* 0: not yet */
    const char *model;
    const char *file;       /* an id; NULL: rows of the training file */
    const char *compare_to; /* or NULL */
    const char *error_code, *error_message, *error_param;
    struct evaluation_document document;
};

struct evaluation_list {
    struct evaluation_info *items;
    size_t count;
    bool has_more;
};

struct evaluation_order {
    const char *model, *file;
    const char *compare_to; /* or NULL */
};

/* Queue an evaluation. MODEL_NOT_FOUND, FILE_NOT_FOUND, MODEL_NOT_FINE_TUNED, QUEUE_FULL. */
int service_evaluation_create(struct service *service, const struct evaluation_order *order,
                              struct arena *arena, struct evaluation_info *out,
                              struct fault_list *faults);
int service_evaluations_list(struct service *service, const struct page *page, struct arena *arena,
                             struct evaluation_list *out, struct fault_list *faults);
/* EVALUATION_NOT_FOUND. */
int service_evaluation_get(struct service *service, const char *id, struct arena *arena,
                           struct evaluation_info *out, struct fault_list *faults);
/* One that runs is given up. */
int service_evaluation_delete(struct service *service, const char *id, struct fault_list *faults);

/* What a job measured of its final model. */
struct job_evaluation {
    const char *job_id;
    const char *model; /* NULL before it has one */
    bool has_validation, has_test;
    struct evaluation_info validation, test;
};

int service_job_evaluation(struct service *service, const char *id, struct arena *arena,
                           struct job_evaluation *out, struct fault_list *faults);

#endif
