/*
 * The workers together: as many as the configuration says, one of which may run a given job.
 *
 * Whoever cancels or pauses a job need not know which worker has it. Thread-safe but for stopping.
 */
#ifndef DAEMON_WORK_WORKERS_H
#define DAEMON_WORK_WORKERS_H

#include "daemon/work/worker.h"

struct workers;

/* Start `count` workers (1 to CRASH_MARKER_SLOTS); options->slot is each one's own. All or none. */
int workers_start(const struct worker_options *options, size_t count, struct workers **out,
                  struct err *err);

void workers_cancel(struct workers *workers, struct job_lease lease);
void workers_pause(struct workers *workers, struct job_lease lease);

/* Does one of them still have this job, whose row may have ended? Its letting go wakes the
 * scheduler.
 */
bool workers_have(struct workers *workers, const char *job_id);

/* How many run a job at this moment, and how many threads live. */
size_t workers_busy(struct workers *workers);
size_t workers_alive(struct workers *workers);
size_t workers_count(const struct workers *workers);

/* worker_stop for all of them at once: each saves its job while the others do. */
void workers_stop(struct workers *workers);

/* workers_stop and release; NULL is fine. */
void workers_free(struct workers *workers);

#endif
