/*
 * Threads for what an HTTP thread must not do: a queue of tasks, first come, first served.
 *
 * A place is reserved before the connection is suspended, so that after offload_drain no task can
 * appear and none is left: the library must not be stopped while a connection is suspended.
 */
#ifndef API_OFFLOAD_H
#define API_OFFLOAD_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct offload;

/* Embedded in what the task is about; run may free it. */
struct offload_task {
    struct offload_task *next;
    void (*run)(struct offload_task *task);
};

/* NULL with ERR_IO when the threads cannot be started. */
struct offload *offload_new(size_t threads, struct err *err);

/* false once draining has begun; otherwise exactly one offload_submit must follow. */
bool offload_reserve(struct offload *offload);
void offload_submit(struct offload *offload, struct offload_task *task);

/* Refuse new tasks and return when all that were reserved have run. */
void offload_drain(struct offload *offload);

/* After offload_drain; NULL is fine. */
void offload_free(struct offload *offload);

#endif
