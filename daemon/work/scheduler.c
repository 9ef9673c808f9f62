/*
 * One condition variable and a counter.
 */
#include "daemon/work/scheduler.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/mem.h"

struct scheduler {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t generation; /* under lock, as is the next */
    bool stopped;
};

/* The condition waits by the monotonic clock, so that a pause is not stretched by a change of date.
 */
static int
init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return -1;
    int code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (code == 0)
        code = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return code;
}

int
scheduler_new(struct scheduler **out, struct err *err)
{
    struct scheduler *scheduler = mem_small(sizeof *scheduler);
    *scheduler = (struct scheduler){0};
    if (pthread_mutex_init(&scheduler->lock, NULL) != 0) {
        free(scheduler);
        return err_set(err, ERR_MEMORY, "the scheduler's lock could not be created");
    }
    if (init_condition(&scheduler->changed) != 0) {
        pthread_mutex_destroy(&scheduler->lock);
        free(scheduler);
        return err_set(err, ERR_MEMORY, "the scheduler's condition could not be created");
    }
    *out = scheduler;
    return 0;
}

void
scheduler_free(struct scheduler *scheduler)
{
    if (scheduler == NULL)
        return;
    pthread_cond_destroy(&scheduler->changed);
    pthread_mutex_destroy(&scheduler->lock);
    free(scheduler);
}

uint64_t
scheduler_generation(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    uint64_t generation = scheduler->generation;
    pthread_mutex_unlock(&scheduler->lock);
    return generation;
}

void
scheduler_wake(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->generation++;
    pthread_cond_broadcast(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->lock);
}

bool
scheduler_wait(struct scheduler *scheduler, uint64_t generation)
{
    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->stopped && scheduler->generation == generation)
        pthread_cond_wait(&scheduler->changed, &scheduler->lock);
    bool go_on = !scheduler->stopped;
    pthread_mutex_unlock(&scheduler->lock);
    return go_on;
}

/* The moment so many milliseconds from now, by the monotonic clock. */
static struct timespec
moment_in(int64_t milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + milliseconds % 1000 * 1000000;
    until.tv_sec += (time_t)(milliseconds / 1000 + nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    return until;
}

bool
scheduler_wait_for(struct scheduler *scheduler, uint64_t generation, int64_t milliseconds)
{
    struct timespec until = moment_in(milliseconds);
    pthread_mutex_lock(&scheduler->lock);
    int code = 0;
    while (!scheduler->stopped && scheduler->generation == generation && code == 0)
        code = pthread_cond_timedwait(&scheduler->changed, &scheduler->lock, &until);
    bool go_on = !scheduler->stopped;
    pthread_mutex_unlock(&scheduler->lock);
    return go_on;
}

bool
scheduler_pause(struct scheduler *scheduler, int64_t milliseconds)
{
    struct timespec until = moment_in(milliseconds);
    pthread_mutex_lock(&scheduler->lock);
    int code = 0;
    while (!scheduler->stopped && code == 0)
        code = pthread_cond_timedwait(&scheduler->changed, &scheduler->lock, &until);
    bool go_on = !scheduler->stopped;
    pthread_mutex_unlock(&scheduler->lock);
    return go_on;
}

void
scheduler_stop(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->stopped = true;
    pthread_cond_broadcast(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->lock);
}

bool
scheduler_is_stopped(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    bool stopped = scheduler->stopped;
    pthread_mutex_unlock(&scheduler->lock);
    return stopped;
}
