/*
 * The fork-join pool; see pool.h.
 *
 * A run is a ticket: its generation in the upper half, the items that nobody has claimed in the
 * lower. The caller writes function, context and number of items down and then puts up the ticket;
 * whoever takes an item off it may read them, since a run ends only when every item that was
 * claimed is done. A helper that comes late finds nothing to take and is waited for by nobody: on a
 * busy machine the caller does alone what the others do not get to.
 *
 * Between runs, which in a training step are microseconds apart, helpers spin for a short while
 * before they sleep.
 */
#include "core/base/pool.h"

#include "core/base/mem.h"
#include "core/base/signal_stack.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { SPIN_ROUNDS = 4000, POOL_MAX_THREADS = 1024 };

struct pool {
    size_t threads;
    pthread_t *helpers; /* threads - 1 of them */
    size_t started;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a new generation, or stop */
    pthread_cond_t done; /* the last item of a run */
    _Atomic(uint64_t) ticket;
    atomic_size_t finished;  /* items of the present run */
    pool_function *function; /* these three are the caller's while no run is under way */
    void *context;
    size_t items;
    bool stop;
};

struct helper {
    struct pool *pool;
    size_t thread;
    void *signal_stack; /* made by whoever makes the pool: a helper may begin late, and a step
                           allocates nothing */
};

static uint32_t
generation_of(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32);
}

/* Take an item off the ticket; false when there is none. */
static bool
claim(struct pool *pool, size_t *item)
{
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    do
        if ((uint32_t)ticket == 0)
            return false;
    while (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - 1,
                                                  memory_order_acquire, memory_order_acquire));
    *item = pool->items - (uint32_t)ticket;
    return true;
}

/* The last item of a run wakes the caller, who may sleep. */
static void
finish_item(struct pool *pool)
{
    size_t items = pool->items; /* this item still holds the run */
    if (atomic_fetch_add_explicit(&pool->finished, 1, memory_order_acq_rel) + 1 < items)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void
run_items(struct pool *pool, size_t thread)
{
    size_t item = 0;
    while (claim(pool, &item)) {
        pool->function(pool->context, item, thread);
        finish_item(pool);
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
await_work(struct pool *pool, uint32_t *seen)
{
    for (int round = 0; round < SPIN_ROUNDS; round++) {
        uint32_t generation = generation_of(atomic_load(&pool->ticket));
        if (generation != *seen) {
            *seen = generation;
            return true;
        }
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop && generation_of(atomic_load(&pool->ticket)) == *seen)
        pthread_cond_wait(&pool->work, &pool->lock);
    bool stop = pool->stop;
    *seen = generation_of(atomic_load(&pool->ticket));
    pthread_mutex_unlock(&pool->lock);
    return !stop;
}

static void *
helper_main(void *argument)
{
    struct helper *helper = argument;
    struct pool *pool = helper->pool;
    size_t thread = helper->thread;
    void *signal_stack = helper->signal_stack;
    signal_stack_use(signal_stack);
    free(helper);
    uint32_t seen = 0;
    while (await_work(pool, &seen))
        run_items(pool, thread);
    signal_stack_leave(signal_stack);
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
        *helper = (struct helper){pool, i, signal_stack_new()};
        if (pthread_create(&pool->helpers[pool->started], NULL, helper_main, helper) != 0) {
            free(helper->signal_stack);
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
put_up(struct pool *pool, pool_function *function, void *context, size_t items)
{
    uint64_t generation = generation_of(atomic_load(&pool->ticket)) + 1;
    pthread_mutex_lock(&pool->lock);
    pool->function = function;
    pool->context = context;
    pool->items = items;
    atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->ticket, generation << 32 | items, memory_order_release);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void
await_items(struct pool *pool, size_t items)
{
    for (int round = 0; round < SPIN_ROUNDS; round++) {
        if (atomic_load_explicit(&pool->finished, memory_order_acquire) == items)
            return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->finished, memory_order_acquire) != items)
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
    assert(items <= UINT32_MAX);
    put_up(pool, function, context, items);
    run_items(pool, 0);
    await_items(pool, items);
}
