/*
 * The worker: a thread that takes jobs from the queue and runs them, one at a time.
 *
 * The thread has nice 10, and the compute threads of a job inherit it, so that whoever polls is
 * served first. It owns a connection to the database. Thread-safe.
 */
#ifndef DAEMON_WORK_WORKER_H
#define DAEMON_WORK_WORKER_H

#include "core/base/err.h"
#include "daemon/work/trainer.h"

#include <stdbool.h>

enum { WORKER_NICE = 10 };

struct worker;

/* Start the thread; the trainer's parts must outlive it. */
int worker_start(const struct trainer *trainer, struct worker **out, struct err *err);

/* The row of this job has been cancelled: end its run soon. Nothing when another job runs. */
void worker_cancel(struct worker *worker, const char *job_id);

/* Does a job run at this moment? */
bool worker_is_busy(struct worker *worker);

/* Does the thread live and take jobs? */
bool worker_is_alive(struct worker *worker);

/*
 * End the run (its job goes back to the queue) and the thread; scheduler_stop must have been
 * called, or the thread may sleep on. Returns when the thread is joined. Again: nothing. One caller
 * at a time.
 */
void worker_stop(struct worker *worker);

/* worker_stop and release; NULL is fine. */
void worker_free(struct worker *worker);

#endif
