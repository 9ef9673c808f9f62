/*
 * The fork-join pool; see pool.h.
 *
 * A run is a generation number: the caller publishes function, context and item count under the
 * lock and raises the generation; helpers take items from an atomic counter. Between runs, which in
 * a training step are microseconds apart, helpers spin for a short while before they sleep.
 */
#include "core/base/pool.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SPIN_ROUNDS = 4000, POOL_MAX_THREADS = 1024 };

struct pool {
    size_t threads;
    pthread_t *helpers; /* threads - 1 of them */
    size_t started;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a new generation, or stop */
    pthread_cond_t done; /* the last helper has left the run */
    atomic_uint generation;
    atomic_size_t next;   /* next item to claim */
    atomic_size_t active; /* helpers that have not finished the present run */
    pool_function *function;
    void *context;
    size_t items;
    bool stop;
};

struct helper {
    struct pool *pool;
    size_t thread;
};

static void
claim_items(struct pool *pool, size_t thread)
{
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (item >= pool->items)
            return;
        pool->function(pool->context, item, thread);
    }
}

static void
relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Wait for another generation than `seen`: spin first, then sleep. False: stop. */
static bool
await_work(struct pool *pool, unsigned *seen)
{
    for (int round = 0; round < SPIN_ROUNDS; round++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != *seen)
            break;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop && atomic_load_explicit(&pool->generation, memory_order_relaxed) == *seen)
        pthread_cond_wait(&pool->work, &pool->lock);
    bool stop = pool->stop;
    *seen = atomic_load_explicit(&pool->generation, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
    return !stop;
}

static void
leave_run(struct pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->active, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void *
helper_main(void *argument)
{
    struct helper *helper = argument;
    struct pool *pool = helper->pool;
    size_t thread = helper->thread;
    free(helper);
    unsigned seen = 0;
    while (await_work(pool, &seen)) {
        claim_items(pool, thread);
        leave_run(pool);
    }
    return NULL;
}

struct pool *
pool_new(size_t threads, struct err *err)
{
    if (threads == 0 || threads > POOL_MAX_THREADS) {
        err_set(err, ERR_INVALID, "%zu threads: give a number from 1 to %d", threads,
                POOL_MAX_THREADS);
        return NULL;
    }
    struct pool *pool = mem_small(sizeof *pool);
    *pool = (struct pool){.threads = threads};
    pool->helpers = mem_resize(NULL, threads, sizeof *pool->helpers);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (size_t i = 1; i < threads; i++) {
        struct helper *helper = mem_small(sizeof *helper);
        *helper = (struct helper){pool, i};
        if (pthread_create(&pool->helpers[pool->started], NULL, helper_main, helper) != 0) {
            free(helper);
            pool_free(pool);
            err_set(err, ERR_IO, "the system refused thread %zu of %zu", i + 1, threads);
            return NULL;
        }
        pool->started++;
    }
    return pool;
}

void
pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->helpers[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    free(pool->helpers);
    free(pool);
}

size_t
pool_threads(const struct pool *pool)
{
    return pool->threads;
}

static void
publish(struct pool *pool, pool_function *function, void *context, size_t items)
{
    pthread_mutex_lock(&pool->lock);
    pool->function = function;
    pool->context = context;
    pool->items = items;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->active, pool->started, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void
await_helpers(struct pool *pool)
{
    for (int round = 0; round < SPIN_ROUNDS; round++) {
        if (atomic_load_explicit(&pool->active, memory_order_acquire) == 0)
            return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->active, memory_order_acquire) != 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void
pool_run(struct pool *pool, pool_function *function, void *context, size_t items)
{
    if (pool->started == 0 || items <= 1) {
        for (size_t i = 0; i < items; i++)
            function(context, i, 0);
        return;
    }
    publish(pool, function, context, items);
    claim_items(pool, 0);
    await_helpers(pool);
}
