/*
 * THE state table of jobs: which action leads from which state to which, and which is refused.
 *
 * Everybody who changes a job asks here first and hands the answer to the store, whose update names
 * the expected old state: a race between two changes is lost by one of them, never by the job.
 */
#ifndef DAEMON_WORK_JOB_STATE_H
#define DAEMON_WORK_JOB_STATE_H

#include "daemon/job_status.h"

#include <stdbool.h>

enum job_action {
    JOB_ACTION_CLAIM,   /* a worker takes it */
    JOB_ACTION_SUCCEED, /* its model is saved */
    JOB_ACTION_FAIL,    /* it cannot go on */
    JOB_ACTION_CANCEL,  /* a client asked */
    JOB_ACTION_REQUEUE, /* its run ended before the job did: it was paused, or the daemon ended */
    JOB_ACTION_PAUSE,   /* a client asked */
    JOB_ACTION_RESUME,  /* a client asked */
    JOB_ACTION_RETRY    /* a client asked */
};

enum { JOB_STATUS_COUNT = JOB_CANCELLED + 1, JOB_ACTION_COUNT = JOB_ACTION_RETRY + 1 };

/* true and *to set when the action is legal in that state. */
bool job_state_next(enum job_status from, enum job_action action, enum job_status *to);

/* "claim", "succeed", "fail", "cancel", "requeue", "pause", "resume", "retry" */
const char *job_action_name(enum job_action action);

#endif
