/*
 * What people do to jobs that exist, and what a start makes of those that a crash left behind.
 *
 * See jobs.h for the rules that hold for every change.
 */
#ifndef DAEMON_STORE_JOBS_LIFE_H
#define DAEMON_STORE_JOBS_LIFE_H

#include "daemon/store/jobs.h"

/* What JOB_PATCH changes; a member that is not given stays. */
struct job_patch {
    bool has_metadata;
    const char *metadata_json; /* NULL: none from now on */
    bool has_priority;
    int64_t priority;
};

/* Change metadata and priority; a priority that is another one is told in an event. ERR_NOT_FOUND.
 */
int jobs_patch(struct db *db, const char *id, const struct job_patch *patch, struct err *err);

/*
 * FAILED or CANCELLED -> QUEUED with an event; what was counted about crashes starts anew. `from`
 * comes from the state table. ERR_CONFLICT when the job is in another state; ERR_NOT_FOUND for no
 * such job; ERR_INVALID when one of its files or its fine-tuned base model is gone (the message
 * says which).
 */
int jobs_retry(struct db *db, const char *id, job_state_set from, struct err *err);

/*
 * Remove the row with everything that hangs on it: events, points, checkpoints, resume states. Its
 * fine-tuned model stays. The folder of the job is the caller's to remove afterwards.
 * ERR_NOT_FOUND; ERR_CONFLICT when it has not ended, or, with *in_use, when an unfinished job
 * starts from one of its checkpoints.
 */
int jobs_delete(struct db *db, const char *id, bool *in_use, struct err *err);

/* How many ends by a fatal signal, or other ends in a row without a new resume state, a job may
 * have before it is taken for poisoned. */
enum { JOBS_CRASHES_MAX = 3, JOBS_IDLE_ENDS_MAX = 10 };

struct job_recovery {
    const char *const *crashed; /* ids of jobs in whose work a fatal signal came */
    size_t crashed_count;
    /* the answer */
    size_t recovered, failed;
};

/*
 * At boot, before any worker, in one transaction: every RUNNING row goes back to QUEUED and every
 * PAUSING one to PAUSED, each with an event; one that has crashed too often, or ended too often
 * without getting any further, FAILED with the code "crashed".
 */
int jobs_recover(struct db *db, struct job_recovery *recovery, struct err *err);

#endif
