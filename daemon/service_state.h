/*
 * What the service_*.c files share: the object behind the seam, and how they reach the store.
 *
 * Everything in struct service is set before service_open returns (threads: service_start) and not
 * changed until service_close, except `stopping`. Nobody outside daemon/service_*.c includes this.
 */
#ifndef DAEMON_SERVICE_STATE_H
#define DAEMON_SERVICE_STATE_H

#include "daemon/service.h"
#include "daemon/service_run.h"
#include "daemon/store/jobs.h"
#include "daemon/store/store.h"
#include "daemon/work/catalog.h"
#include "daemon/work/hash_memory.h"
#include "daemon/work/predictor_thread.h"
#include "daemon/work/scheduler.h"
#include "daemon/work/worker.h"

#include <stdatomic.h>

/* How many jobs may wait; a queue beyond it is a client gone wild. */
enum { SERVICE_QUEUE_MAX = 10000 };

struct service {
    struct arena *arena; /* owns the copies of the options */
    struct service_options options;
    struct store store;
    struct base_models *bases;
    struct catalog catalog;
    struct hash_memory *hashes; /* of base models' files */
    size_t process_bytes;       /* of this process before any job, for estimates */
    struct scheduler *scheduler;
    struct worker *worker;              /* NULL before service_start and after service_stop */
    struct predictor_thread *predictor; /* the same */
    atomic_bool stopping;
};

/* A connection for this call, or NULL with a fault. Give it back with service_release. */
struct db *service_acquire(struct service *service, struct fault_list *faults);
void service_release(struct service *service, struct db *db);

/* The store's query of a page; the limit is brought into the store's range. */
struct list_query service_list_query(const struct page *page);

/* ERR_NOT_FOUND of a paged read: the cursor names nothing. Others: service_fault. Returns -1. */
int service_fault_page(struct fault_list *faults, const struct page *page, const struct err *err);

/* Add a fault with the data file's line (0: none); returns -1. */
int service_fault_at(struct fault_list *faults, enum fault_code code, const char *param,
                     size_t line, const char *message);

/* Measures of the store as the seam's named values; they share their strings. */
const struct named_value *service_named_values(const struct measure *measures, size_t count,
                                               struct arena *arena);

/* Read the row of a job; JOB_NOT_FOUND. */
int service_read_job(struct service *service, struct db *db, const char *id, struct arena *arena,
                     struct job_row *out, struct fault_list *faults);

/* The row as the seam shows it. */
void service_job_info(const struct job_row *row, struct arena *arena, struct job_info *out);

#endif
