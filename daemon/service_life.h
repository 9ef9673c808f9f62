/*
 * The seam's use-cases for jobs that exist, for the queue, and for the machine. Part of service.h.
 */
#ifndef DAEMON_SERVICE_LIFE_H
#define DAEMON_SERVICE_LIFE_H

#include "core/base/mem.h"
#include "daemon/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service;
struct job_info;

/* What clients may ask of a job that exists. */
enum job_wish_kind {
    /* The row is cancelled at once; CONFLICT when the job has ended. */
    JOB_WISH_CANCEL,
    /*
     * A queued job is paused at once; a running one is `pausing` until its state is saved, then
     * `paused`. Resuming puts it back into the queue. Again: nothing, and no fault. CONFLICT for a
     * job in another state.
     */
    JOB_WISH_PAUSE,
    JOB_WISH_RESUME,
    /* A failed or cancelled job waits again and goes on from its newest saved state. CONFLICT. */
    JOB_WISH_RETRY,
    /* By the JSON text of a PATCH: metadata (null: none any more) and priority. */
    JOB_WISH_UPDATE,
    /* SLOW. Of a job that has ended; its fine-tuned model stays. CONFLICT, IN_USE. */
    JOB_WISH_DELETE
};

/* Is the job what the client takes it for? Asked in the transaction that changes it, so that nobody
 * comes between. */
struct job_condition {
    bool (*holds)(void *context, const struct job_info *job);
    void *context;
};

struct job_wish {
    enum job_wish_kind kind;
    const char *id;
    const char *body; /* of JOB_WISH_UPDATE */
    size_t length;
    const struct job_condition *condition; /* NULL: none; PRECONDITION_FAILED when it fails */
};

/* *out: the job as it is then; untouched by JOB_WISH_DELETE, NULL is fine there. */
int service_job_change(struct service *service, const struct job_wish *wish, struct arena *arena,
                       struct job_info *out, struct fault_list *faults);

/* The same without a condition. */
static inline int
service_job_cancel(struct service *service, const char *id, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    const struct job_wish wish = {.kind = JOB_WISH_CANCEL, .id = id};
    return service_job_change(service, &wish, arena, out, faults);
}

static inline int
service_job_pause(struct service *service, const char *id, struct arena *arena,
                  struct job_info *out, struct fault_list *faults)
{
    const struct job_wish wish = {.kind = JOB_WISH_PAUSE, .id = id};
    return service_job_change(service, &wish, arena, out, faults);
}

static inline int
service_job_resume(struct service *service, const char *id, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    const struct job_wish wish = {.kind = JOB_WISH_RESUME, .id = id};
    return service_job_change(service, &wish, arena, out, faults);
}

static inline int
service_job_retry(struct service *service, const char *id, struct arena *arena,
                  struct job_info *out, struct fault_list *faults)
{
    const struct job_wish wish = {.kind = JOB_WISH_RETRY, .id = id};
    return service_job_change(service, &wish, arena, out, faults);
}

static inline int
service_job_update(struct service *service, const char *id, const char *body, size_t length,
                   struct arena *arena, struct job_info *out, struct fault_list *faults)
{
    const struct job_wish wish = {
        .kind = JOB_WISH_UPDATE, .id = id, .body = body, .length = length};
    return service_job_change(service, &wish, arena, out, faults);
}

static inline int
service_job_delete(struct service *service, const char *id, struct fault_list *faults)
{
    const struct job_wish wish = {.kind = JOB_WISH_DELETE, .id = id};
    return service_job_change(service, &wish, faults->arena, NULL, faults);
}

struct estimate_warning {
    const char *code;
    const char *message;
};

/* What a create request would come to. */
struct job_estimate {
    const char *parameters_json;
    const char *task;
    const char *const *labels; /* in the order of their ids */
    size_t label_count;
    int64_t rows, validation_rows, test_rows;
    int64_t epoch_rows; /* that an epoch visits: with repeats and windows */
    int64_t tokens;     /* trained on, of all epochs */
    int64_t total_steps;
    double seconds; /* of training and evaluation on an idle machine */
    int64_t peak_memory_bytes, disk_bytes;
    struct estimate_warning *warnings;
    size_t warning_count;
};

/* SLOW. Judge a create request as service_job_create does, and store nothing. */
int service_job_estimate(struct service *service, const char *body, size_t length,
                         struct arena *arena, struct job_estimate *out, struct fault_list *faults);

struct queue_info {
    bool paused;
    int64_t paused_at; /* 0 when it is not */
    int64_t queued, running, pausing, paused_jobs;
    int64_t workers;
};

int service_queue_get(struct service *service, struct queue_info *out, struct fault_list *faults);
/* While the queue is paused nothing is taken from it; what runs goes on. Holds over restarts.
 * Again: nothing. */
int service_queue_set_paused(struct service *service, bool paused, struct queue_info *out,
                             struct fault_list *faults);

struct system_info {
    const char *cpu; /* its name */
    int64_t processors, threads_per_job;
    int64_t memory_total, memory_free, memory_used; /* used: resident, of this process */
    int64_t disk_total, disk_free, disk_min_free;
    struct queue_info queue;
    const char *engine;
    double engine_rate; /* GFLOP/s of one thread */
    int64_t uptime;     /* seconds */
};

int service_system(struct service *service, struct arena *arena, struct system_info *out,
                   struct fault_list *faults);

#endif
