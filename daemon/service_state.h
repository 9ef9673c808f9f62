/*
 * What the service_*.c files share: the object behind the seam, and how they reach the store.
 *
 * Everything in struct service is set before service_open returns (threads: service_start) and not
 * changed until service_close, except what is atomic: `stopping`, and what service_reload takes
 * over. Nobody outside daemon/service_*.c includes this.
 */
#ifndef DAEMON_SERVICE_STATE_H
#define DAEMON_SERVICE_STATE_H

#include "daemon/service.h"
#include "daemon/service_run.h"
#include "daemon/store/jobs.h"
#include "daemon/store/store.h"
#include "daemon/work/catalog.h"
#include "daemon/work/evaluation_thread.h"
#include "daemon/work/hash_memory.h"
#include "daemon/work/keeper.h"
#include "daemon/work/predictor_thread.h"
#include "daemon/work/scheduler.h"
#include "daemon/work/workers.h"

#include <stdatomic.h>

/* How many jobs may wait; a queue beyond it is a client gone wild. */
enum { SERVICE_QUEUE_MAX = 10000 };

struct service {
    struct arena *arena; /* owns the copies of the options */
    struct service_options options;
    struct store store;
    struct base_models *bases;
    struct catalog catalog;
    struct hash_memory *hashes;     /* of base models' files */
    size_t process_bytes;           /* of this process before any job, for estimates */
    _Atomic int64_t max_file_bytes; /* of an upload; not the one of the options */
    struct scheduler *scheduler;
    struct budget budget;
    struct crash_marker *marker;
    int64_t opened_ms;                  /* of the monotonic clock */
    struct workers *workers;            /* NULL before service_start */
    struct predictor_thread *predictor; /* the same */
    struct keeper *keeper;              /* the same */
    struct evaluation_thread *evaluations; /* the same */
    service_listener *listener;         /* of changes; set while nobody is told */
    void *listener_context;
    atomic_bool stopping;
};

/* The aliases of the options as the catalog has them, in the arena. */
const struct catalog_aliases *service_copy_aliases(const struct service_options *options,
                                                   struct arena *arena);

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

/* Remove files and end uploads whose time is over (sweep.h); failures are logged. */
void service_expire(struct service *service, struct db *db);

/* Measures of the store as the seam's named values; they share their strings. */
const struct named_value *service_named_values(const struct measure *measures, size_t count,
                                               struct arena *arena);

/* Read the row of a job; JOB_NOT_FOUND. */
int service_read_job(struct service *service, struct db *db, const char *id, struct arena *arena,
                     struct job_row *out, struct fault_list *faults);

/* Rows as the seam shows them. */
struct event_info service_event_info(const struct event_row *row);
struct metric_point service_metric_point(const struct point_row *row, struct arena *arena);
struct checkpoint_info service_checkpoint_info(const struct checkpoint_row *row,
                                               struct arena *arena);

/* JOB_NOT_FOUND, or what fault_add_err says; returns -1. */
int service_fault_job(struct fault_list *faults, const char *id, const struct err *err);

/* DISK_FULL, with the figures, while less is free than is to be kept free. */
int service_check_disk(struct service *service, struct fault_list *faults);

/* Threads of a job that does not say. */
size_t service_job_threads(const struct service *service);

/* The row as the seam shows it. */
void service_job_info(const struct job_row *row, struct arena *arena, struct job_info *out);

#endif
