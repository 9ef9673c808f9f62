/*
 * Retention: what is old enough is removed, each kind by its own rule.
 *
 * Nothing goes that a job or evaluation which has not ended needs, and nothing that hangs on such a
 * job. Ages of
 * what hangs on a job count from the job's end. Rows go in short transactions, a batch each (a
 * whole job, with what is left of it, in one); then their files. A crash between the two leaves
 * orphans, which sweep.h removes.
 */
#ifndef DAEMON_STORE_RETENTION_H
#define DAEMON_STORE_RETENTION_H

#include "core/base/err.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RETENTION_BATCH = 1000 /* rows of one transaction */ };

/* 0 keeps for ever. */
struct retention_rules {
    int64_t events_days;      /* of ended jobs */
    int64_t metrics_days;     /* points of ended jobs; the latest of each measure stays */
    int64_t resume_days;      /* resume states of jobs that failed or were cancelled */
    int64_t jobs_days;        /* ended jobs with all that hangs on them; their models stay */
    int64_t files_days;       /* since they were uploaded */
    int64_t models_days;      /* fine-tuned ones, since they were made */
    int64_t checkpoints;      /* how many of an ended job: the newest, and beside them the best */
    int64_t evaluations_days; /* since their end, those that clients asked for */
};

struct retention_report {
    size_t events, points, resume_states, checkpoints, jobs, files, models, evaluations; /* gone */
};

/* What the removal works with. */
struct retention {
    const struct data_dir *dir;
    struct db *db;
    struct retention_rules rules;
    int64_t now; /* unix seconds */
    /* Asked between batches; true: leave the rest for the next time. May be NULL. */
    bool (*is_stopping)(void *context);
    /* The folder of a model or checkpoint, or one with checkpoints in it, is about to go. May be
     * NULL. */
    void (*forget_model)(void *context, const char *folder);
    void *context;
};

/* Apply the rules once. *out counts what went, also after an error. */
int retention_run(const struct retention *retention, struct retention_report *out, struct err *err);

#endif
