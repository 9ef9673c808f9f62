/* Rounds, and sleep between them; see keeper.h. */
#include "daemon/work/keeper.h"

#include "core/base/mem.h"
#include "daemon/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct keeper {
    struct keeper_options options; /* rules: under the lock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* stopping, or one round more */
    uint64_t rounds;        /* under the lock */
    atomic_bool stopping;
};

static bool
is_stopping(void *context)
{
    struct keeper *keeper = context;
    return atomic_load(&keeper->stopping);
}

static void
forget_model(void *context, const char *folder)
{
    const struct keeper_options *options = &((struct keeper *)context)->options;
    if (options->forget_model != NULL)
        options->forget_model(options->context, folder);
}

static void
log_removed(const struct retention_report *report)
{
    size_t all = report->events + report->points + report->resume_states + report->checkpoints +
                 report->jobs + report->files + report->models + report->evaluations;
    if (all > 0)
        log_info("retain removed jobs=%zu models=%zu files=%zu checkpoints=%zu resume_states=%zu "
                 "events=%zu points=%zu evaluations=%zu",
                 report->jobs, report->models, report->files, report->checkpoints,
                 report->resume_states, report->events, report->points, report->evaluations);
}

static void
make_round(struct keeper *keeper)
{
    struct err err;
    struct retention_report report;
    const struct keeper_options *options = &keeper->options;
    struct db *db = db_pool_acquire(options->store->pool, &err);
    if (db == NULL) {
        log_warn("retain error=\"%s\"", err.message);
        return;
    }
    pthread_mutex_lock(&keeper->lock);
    const struct retention_rules rules = options->rules;
    pthread_mutex_unlock(&keeper->lock);
    const struct retention retention = {
        .dir = options->store->dir,
        .db = db,
        .rules = rules,
        .now = options->now != NULL ? options->now() : (int64_t)time(NULL),
        .is_stopping = is_stopping,
        .forget_model = forget_model,
        .context = keeper,
    };
    if (sweep_expired(options->store->dir, db, &err) != 0)
        log_warn("sweep error=\"%s\"", err.message);
    if (retention_run(&retention, &report, &err) != 0)
        log_warn("retain error=\"%s\"", err.message);
    log_removed(&report);
    db_pool_release(options->store->pool, db);
}

/* Until it is time for the next round, or to stop. */
static void
sleep_between(struct keeper *keeper)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)(keeper->options.interval_ms / 1000);
    end.tv_nsec += (long)(keeper->options.interval_ms % 1000) * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&keeper->lock);
    keeper->rounds++;
    pthread_cond_broadcast(&keeper->changed);
    int status = 0;
    while (!is_stopping(keeper) && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&keeper->changed, &keeper->lock, &end);
    pthread_mutex_unlock(&keeper->lock);
}

static void *
keep(void *context)
{
    struct keeper *keeper = context;
    while (!is_stopping(keeper)) {
        make_round(keeper);
        sleep_between(keeper);
    }
    return NULL;
}

int
keeper_start(const struct keeper_options *options, struct keeper **out, struct err *err)
{
    struct keeper *keeper = mem_small(sizeof *keeper);
    *keeper = (struct keeper){.options = *options};
    atomic_init(&keeper->stopping, false);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&keeper->lock, NULL);
    int status = pthread_create(&keeper->thread, NULL, keep, keeper);
    if (status != 0) {
        pthread_mutex_destroy(&keeper->lock);
        pthread_cond_destroy(&keeper->changed);
        free(keeper);
        *out = NULL;
        return err_set(err, ERR_IO, "start the keeper's thread: %s", strerror(status));
    }
    *out = keeper;
    return 0;
}

void
keeper_wait_rounds(struct keeper *keeper, uint64_t rounds)
{
    pthread_mutex_lock(&keeper->lock);
    while (keeper->rounds < rounds)
        pthread_cond_wait(&keeper->changed, &keeper->lock);
    pthread_mutex_unlock(&keeper->lock);
}

void
keeper_set_rules(struct keeper *keeper, const struct retention_rules *rules)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->options.rules = *rules;
    pthread_mutex_unlock(&keeper->lock);
}

void
keeper_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    atomic_store(&keeper->stopping, true);
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
}

void
keeper_free(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    keeper_stop(keeper);
    pthread_join(keeper->thread, NULL);
    pthread_mutex_destroy(&keeper->lock);
    pthread_cond_destroy(&keeper->changed);
    free(keeper);
}
