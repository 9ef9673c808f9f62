/*
 * The evaluation thread: carries out the evaluations that wait in the store, one at a time, the
 * oldest first.
 *
 * The row is the truth: one that a crash ended is run again from its beginning, one that a stop
 * ended goes back to wait, one that is deleted while it runs is dropped. The thread and its pool
 * run at the nice value of jobs, on one processor while a job computes.
 */
#ifndef DAEMON_WORK_EVALUATION_THREAD_H
#define DAEMON_WORK_EVALUATION_THREAD_H

#include "core/base/err.h"
#include "core/gemm/gemm.h"
#include "daemon/store/store.h"
#include "daemon/work/catalog.h"

#include <stdbool.h>
#include <stddef.h>

struct evaluation_thread;

/* Borrowed parts. */
struct evaluation_thread_options {
    const struct store *store;
    const struct catalog *catalog;
    const struct gemm_engine *engine;
    size_t threads; /* most that compute, at least 1 */
    /* NULL, or asked before each model: does a job compute now? */
    bool (*is_shared)(void *context);
    void *context;
};

/* ERR_IO when the thread cannot be started. */
int evaluation_thread_start(const struct evaluation_thread_options *options,
                            struct evaluation_thread **out, struct err *err);

/* There may be one more. Does not wait. */
void evaluation_thread_wake(struct evaluation_thread *thread);

/* The evaluation was deleted: compute no more of it. Does not wait. */
void evaluation_thread_drop(struct evaluation_thread *thread, const char *id);

/* End soon; what runs goes back to wait. Does not wait. */
void evaluation_thread_stop(struct evaluation_thread *thread);

/* Stop and wait for the thread; the others may still call. Again: nothing. One caller at a time. */
void evaluation_thread_end(struct evaluation_thread *thread);

/* The same and release: nobody may call any more. NULL is fine. */
void evaluation_thread_free(struct evaluation_thread *thread);

#endif
