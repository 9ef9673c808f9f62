/*
 * The service's life, for daemon/main.c: open the data directory, start the threads, stop.
 */
#ifndef DAEMON_SERVICE_RUN_H
#define DAEMON_SERVICE_RUN_H

#include "core/gemm/gemm.h"
#include "daemon/service.h"
#include "daemon/store/retention.h"

/* A name that scripts carry for a model: gpt-4o-mini-2024-07-18 = all-minilm-l6-v2. */
struct model_alias {
    const char *name;
    const char *model;
};

struct service_options {
    const char *data_dir;
    const char *const *models_dirs;
    size_t models_dir_count;
    const char *const *import_dirs; /* from whose inside models may be imported */
    size_t import_dir_count;
    const struct model_alias *aliases;
    size_t alias_count;
    size_t threads;         /* compute threads of a job; 0: as many as the machine gives */
    int64_t max_file_bytes; /* of an upload */
    size_t workers;         /* jobs that run at once; 0: one */
    double resume_interval; /* seconds between resume states of a job */
    int64_t min_free_bytes; /* of the disk, below which nothing is started or accepted */
    struct retention_rules keep;
    const struct gemm_engine *engine;
};

/*
 * Lock and open the data directory (created when absent), migrate the database, sweep tmp/, list
 * the base models, put jobs that a crash left running back into the queue. ERR_CONFLICT when
 * another process holds the lock, ERR_UNSUPPORTED for a newer FORMAT or database, ERR_INVALID for
 * two base models of one name.
 */
int service_open(const struct service_options *options, struct service **out, struct err *err);

/* What the handler of fatal signals writes into: crash_marker_write's context. */
struct crash_marker *service_crash_marker(struct service *service);

/* Start worker and predictor threads. */
int service_start(struct service *service, struct err *err);

/* No longer ready, no new claims; the running job is stopped and goes back to the queue. Returns
 * when threads are joined. Calls are still answered: those that would compute are told that the
 * daemon stops. */
void service_stop(struct service *service);

/* Close everything; NULL is fine. */
void service_close(struct service *service);

#endif
