/*
 * The loop of a worker thread: claim, run, sleep.
 *
 * Cancelling and pausing race with claiming, and are safe in this order: the client's side changes
 * the row first and then sets the flag of the job that is noted here; the worker notes the job
 * first and then looks at the row (for `pausing`) and writes under its lease (which a cancelled row
 * refuses). Whoever comes second sees the other. A flag is for one attempt: when it comes late, and
 * the job runs again by then, it ends nothing.
 */
#include "daemon/work/worker.h"

#include "core/base/signal_stack.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "daemon/log.h"

enum {
    CLAIM_RETRY_MS = 2000,
    ROOM_RETRY_MS = 5000 /* between looks while a job waits for memory or disk */
};

struct worker {
    struct worker_options options;
    struct db *db;       /* of the thread, as is the next */
    bool has_complained; /* of a queue that cannot be read, since it last could */
    pthread_t thread;
    bool joined; /* of whoever stops */
    atomic_bool alive;
    atomic_int stop; /* enum trainer_stop of the running job */
    pthread_mutex_t lock;
    char job_id[IDS_SIZE]; /* under lock, as are the next: the running job, "" when none */
    struct job_lease lease;
    bool stopping;
};

/* Note which job runs, so that it can be stopped; its flag starts clear unless all is stopping. */
static void
note_job(struct worker *worker, const char *id, struct job_lease lease)
{
    pthread_mutex_lock(&worker->lock);
    snprintf(worker->job_id, sizeof worker->job_id, "%s", id);
    worker->lease = lease;
    atomic_store(&worker->stop, worker->stopping ? TRAINER_SHUTDOWN : TRAINER_GO_ON);
    pthread_mutex_unlock(&worker->lock);
    crash_marker_note(worker->options.marker, worker->options.slot, id);
}

/* What the next look at the queue may give away. */
struct offer {
    struct worker *worker;
    struct budget_look look;
};

static enum claim_verdict
judge(void *context, const struct claim_load *load, const struct claim_candidate *candidate,
      struct arena *arena, struct claim_wait *wait)
{
    struct offer *offer = context;
    const struct worker_options *options = &offer->worker->options;
    if (options->is_taken != NULL &&
        options->is_taken(options->context, options->slot, candidate->id))
        return CLAIM_PASS; /* its end will wake us */
    if (options->budget == NULL)
        return CLAIM_TAKE;
    return budget_judge(&offer->look, load, candidate, arena, wait);
}

static int
prepare_claim(struct worker *worker, struct offer *offer, struct job_claim *claim, struct err *err)
{
    const struct budget *budget = worker->options.budget;
    *claim = (struct job_claim){.judge = judge, .context = offer};
    *offer = (struct offer){.worker = worker, .look = {.budget = budget}};
    return budget == NULL ? 0 : budget_measure(budget, &offer->look.room, err);
}

/* Whoever began to pause the job before it was noted found nobody to tell. */
static void
look_for_pause(struct worker *worker, const char *id, struct arena *arena)
{
    struct err noted;
    struct job_row row;
    if (jobs_get(worker->db, id, arena, &row, &noted) == 0 && row.state == JOB_STATE_PAUSING)
        worker_pause(worker, (struct job_lease){row.seq, row.attempt});
}

/* One look at the queue. */
static int
run_next(struct worker *worker, struct job_claim *claim, struct err *err)
{
    const struct trainer *trainer = &worker->options.trainer;
    struct offer offer;
    struct arena *arena = arena_new();
    int code = prepare_claim(worker, &offer, claim, err);
    if (code == 0)
        code = jobs_claim_next(worker->db, arena, claim, err);
    if (code == 0 && claim->claimed) {
        note_job(worker, claim->job.id, (struct job_lease){claim->job.seq, claim->job.attempt});
        look_for_pause(worker, claim->job.id, arena);
        trainer_run_job(trainer, worker->db, &claim->job, &worker->stop);
        note_job(worker, "", (struct job_lease){0});
        scheduler_wake(trainer->scheduler); /* its memory may be what others wait for */
    }
    arena_free(arena);
    return code;
}

/* The queue could not be read or written: said once, then again when it had gone well meanwhile. */
static void
complain(struct worker *worker, const struct err *err)
{
    if (!worker->has_complained)
        log_error("claim error=\"%s\" retry_ms=%d", err->message, CLAIM_RETRY_MS);
    worker->has_complained = true;
}

static void *
work(void *context)
{
    struct worker *worker = context;
    struct scheduler *scheduler = worker->options.trainer.scheduler;
    struct err err;
    void *signal_stack = signal_stack_enter();
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), WORKER_NICE) != 0)
        log_warn("set nice=%d reason=\"the system refused\"", WORKER_NICE);
    crash_marker_name_thread(worker->options.slot);
    while (!scheduler_is_stopped(scheduler)) {
        struct job_claim claim;
        uint64_t generation = scheduler_generation(scheduler);
        if (run_next(worker, &claim, &err) != 0) {
            complain(worker, &err);
            scheduler_pause(scheduler, CLAIM_RETRY_MS);
            continue;
        }
        worker->has_complained = false;
        if (claim.waits && !claim.claimed)
            scheduler_wait_for(scheduler, generation, ROOM_RETRY_MS);
        else if (!claim.claimed)
            scheduler_wait(scheduler, generation);
    }
    atomic_store(&worker->alive, false);
    signal_stack_leave(signal_stack);
    return NULL;
}

int
worker_start(const struct worker_options *options, struct worker **out, struct err *err)
{
    struct worker *worker = mem_small(sizeof *worker);
    struct db_pool *pool = options->trainer.store->pool;
    *worker = (struct worker){.options = *options};
    atomic_init(&worker->alive, true);
    atomic_init(&worker->stop, TRAINER_GO_ON);
    worker->db = db_pool_acquire(pool, err);
    if (worker->db == NULL) {
        free(worker);
        return err->code;
    }
    bool has_lock = pthread_mutex_init(&worker->lock, NULL) == 0;
    if (!has_lock || pthread_create(&worker->thread, NULL, work, worker) != 0) {
        if (has_lock)
            pthread_mutex_destroy(&worker->lock);
        db_pool_release(pool, worker->db);
        free(worker);
        return err_set(err, ERR_MEMORY, "the worker thread could not be started");
    }
    *out = worker;
    return 0;
}

/* Under the lock: is it this attempt that runs, and not yet told to stop with the daemon? */
static bool
obeys(const struct worker *worker, struct job_lease lease)
{
    return !worker->stopping && worker->lease.seq == lease.seq &&
           worker->lease.attempt == lease.attempt;
}

void
worker_cancel(struct worker *worker, struct job_lease lease)
{
    pthread_mutex_lock(&worker->lock);
    if (obeys(worker, lease))
        atomic_store(&worker->stop, TRAINER_CANCELLED);
    pthread_mutex_unlock(&worker->lock);
}

void
worker_pause(struct worker *worker, struct job_lease lease)
{
    pthread_mutex_lock(&worker->lock);
    if (obeys(worker, lease) && atomic_load(&worker->stop) == TRAINER_GO_ON)
        atomic_store(&worker->stop, TRAINER_PAUSE);
    pthread_mutex_unlock(&worker->lock);
}

bool
worker_has(struct worker *worker, const char *job_id)
{
    pthread_mutex_lock(&worker->lock);
    bool has = strcmp(worker->job_id, job_id) == 0;
    pthread_mutex_unlock(&worker->lock);
    return has;
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
worker_ask_to_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    atomic_store(&worker->stop, TRAINER_SHUTDOWN);
    pthread_mutex_unlock(&worker->lock);
}

void
worker_stop(struct worker *worker)
{
    if (worker->joined)
        return;
    worker_ask_to_stop(worker);
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
    db_pool_release(worker->options.trainer.store->pool, worker->db);
    free(worker);
}
