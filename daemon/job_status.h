/*
 * The states of a job: the one vocabulary of the seam, the state table and the wire.
 */
#ifndef DAEMON_JOB_STATUS_H
#define DAEMON_JOB_STATUS_H

enum job_status { JOB_QUEUED, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED };

/* "queued", "running", "succeeded", "failed", "cancelled" */
const char *job_status_name(enum job_status status);

#endif
