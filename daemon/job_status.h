/*
 * The states of a job: the one vocabulary of the seam, the state table and the wire.
 */
#ifndef DAEMON_JOB_STATUS_H
#define DAEMON_JOB_STATUS_H

enum job_status {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_PAUSING, /* it runs until its state is saved */
    JOB_PAUSED,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_CANCELLED
};

/* "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled" */
const char *job_status_name(enum job_status status);

#endif
