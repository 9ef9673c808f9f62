/*
 * The loop of a worker thread: claim, run, sleep.
 *
 * Cancelling races with claiming, and is safe in this order: the canceller changes the row first
 * and then sets the flag of the job that is noted here; the worker notes the job first and then
 * writes under its lease, which a changed row refuses. Whoever comes second sees the other.
 */
#include "daemon/work/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "daemon/log.h"

enum { CLAIM_RETRY_MS = 2000 };

struct worker {
    struct trainer trainer;
    struct db *db; /* of the thread */
    pthread_t thread;
    bool joined; /* of whoever stops */
    atomic_bool alive;
    atomic_int stop; /* enum trainer_stop of the running job */
    pthread_mutex_t lock;
    char job_id[IDS_SIZE]; /* under lock: the running job, "" when none */
    bool stopping;         /* under lock */
};

/* Note which job runs, so that it can be stopped; its flag starts clear unless all is stopping. */
static void
note_job(struct worker *worker, const char *id)
{
    pthread_mutex_lock(&worker->lock);
    snprintf(worker->job_id, sizeof worker->job_id, "%s", id);
    atomic_store(&worker->stop, worker->stopping ? TRAINER_SHUTDOWN : TRAINER_GO_ON);
    pthread_mutex_unlock(&worker->lock);
}

/* One look at the queue; *found is false when there was nothing to do. */
static int
run_next(struct worker *worker, bool *found, struct err *err)
{
    struct arena *arena = arena_new();
    struct job_row job;
    int code = jobs_claim(worker->db, arena, &job, found, err);
    if (code == 0 && *found) {
        note_job(worker, job.id);
        trainer_run_job(&worker->trainer, worker->db, &job, &worker->stop);
        note_job(worker, "");
    }
    arena_free(arena);
    return code;
}

static void *
work(void *context)
{
    struct worker *worker = context;
    struct scheduler *scheduler = worker->trainer.scheduler;
    struct err err;
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), WORKER_NICE) != 0)
        log_warn("set nice=%d reason=\"the system refused\"", WORKER_NICE);
    while (!scheduler_is_stopped(scheduler)) {
        bool found = false;
        uint64_t generation = scheduler_generation(scheduler);
        if (run_next(worker, &found, &err) != 0) {
            log_error("claim error=\"%s\"", err.message);
            scheduler_pause(scheduler, CLAIM_RETRY_MS);
        } else if (!found) {
            scheduler_wait(scheduler, generation);
        }
    }
    atomic_store(&worker->alive, false);
    return NULL;
}

int
worker_start(const struct trainer *trainer, struct worker **out, struct err *err)
{
    struct worker *worker = mem_small(sizeof *worker);
    *worker = (struct worker){.trainer = *trainer};
    atomic_init(&worker->alive, true);
    atomic_init(&worker->stop, TRAINER_GO_ON);
    worker->db = db_pool_acquire(trainer->store->pool, err);
    if (worker->db == NULL) {
        free(worker);
        return err->code;
    }
    bool has_lock = pthread_mutex_init(&worker->lock, NULL) == 0;
    if (!has_lock || pthread_create(&worker->thread, NULL, work, worker) != 0) {
        if (has_lock)
            pthread_mutex_destroy(&worker->lock);
        db_pool_release(trainer->store->pool, worker->db);
        free(worker);
        return err_set(err, ERR_MEMORY, "the worker thread could not be started");
    }
    *out = worker;
    return 0;
}

void
worker_cancel(struct worker *worker, const char *job_id)
{
    pthread_mutex_lock(&worker->lock);
    if (!worker->stopping && strcmp(worker->job_id, job_id) == 0)
        atomic_store(&worker->stop, TRAINER_CANCELLED);
    pthread_mutex_unlock(&worker->lock);
}

bool
worker_is_busy(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool busy = worker->job_id[0] != '\0';
    pthread_mutex_unlock(&worker->lock);
    return busy;
}

bool
worker_is_alive(struct worker *worker)
{
    return atomic_load(&worker->alive);
}

void
worker_stop(struct worker *worker)
{
    if (worker->joined)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    atomic_store(&worker->stop, TRAINER_SHUTDOWN);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    worker->joined = true;
}

void
worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    worker_stop(worker);
    pthread_mutex_destroy(&worker->lock);
    db_pool_release(worker->trainer.store->pool, worker->db);
    free(worker);
}
