/*
 * The worker: a thread that takes jobs from the queue and runs them, one at a time.
 *
 * The thread has nice 10, and the compute threads of a job inherit it, so that whoever polls is
 * served first. It owns a connection to the database. Thread-safe.
 */
#ifndef DAEMON_WORK_WORKER_H
#define DAEMON_WORK_WORKER_H

#include "core/base/err.h"
#include "daemon/work/budget.h"
#include "daemon/work/crash_marker.h"
#include "daemon/work/trainer.h"

#include <stdbool.h>
#include <stddef.h>

enum { WORKER_NICE = 10 };

struct worker;

/* Borrowed parts, which must outlive the worker. */
struct worker_options {
    struct trainer trainer;
    const struct budget *budget; /* NULL: every job fits */
    struct crash_marker *marker; /* NULL: none */
    size_t slot;                 /* of the marker: which worker this is */
    /* NULL, or: does another worker still end a former attempt of this job? It must not be taken
     * before: both would write the same folders. */
    bool (*is_taken)(void *context, size_t slot, const char *job_id);
    void *context;
};

/* Start the thread. */
int worker_start(const struct worker_options *options, struct worker **out, struct err *err);

/* The row of the job was cancelled in this attempt: end its run soon. Nothing when another job or
 * attempt runs. */
void worker_cancel(struct worker *worker, struct job_lease lease);

/* The row became `pausing` in this attempt: save the job's state and end its run soon. Nothing when
 * another job or attempt runs. */
void worker_pause(struct worker *worker, struct job_lease lease);

/* Is it this job that runs here? */
bool worker_has(struct worker *worker, const char *job_id);

/* Does a job run at this moment? */
bool worker_is_busy(struct worker *worker);

/* Does the thread live and take jobs? */
bool worker_is_alive(struct worker *worker);

/* Begin worker_stop without waiting for the thread. */
void worker_ask_to_stop(struct worker *worker);

/*
 * End the run (its job goes back to the queue) and the thread; scheduler_stop must have been
 * called, or the thread may sleep on. Returns when the thread is joined. Again: nothing. One caller
 * at a time.
 */
void worker_stop(struct worker *worker);

/* worker_stop and release; NULL is fine. */
void worker_free(struct worker *worker);

#endif
