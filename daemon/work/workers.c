/* A row of workers; see workers.h. */
#include "daemon/work/workers.h"

#include "core/base/mem.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct workers {
    size_t count;
    struct worker *items[CRASH_MARKER_SLOTS];
    /* the same, for the workers themselves, who look while others are still being started */
    _Atomic(struct worker *) started[CRASH_MARKER_SLOTS];
};

static bool
is_taken(void *context, size_t slot, const char *job_id)
{
    struct workers *workers = context;
    for (size_t i = 0; i < CRASH_MARKER_SLOTS; i++) {
        struct worker *worker = atomic_load(&workers->started[i]);
        if (i != slot && worker != NULL && worker_has(worker, job_id))
            return true;
    }
    return false;
}

int
workers_start(const struct worker_options *options, size_t count, struct workers **out,
              struct err *err)
{
    struct workers *workers = mem_small(sizeof *workers);
    workers->count = 0;
    for (size_t i = 0; i < CRASH_MARKER_SLOTS; i++)
        atomic_init(&workers->started[i], NULL);
    assert(count > 0 && count <= CRASH_MARKER_SLOTS);
    while (workers->count < count) {
        struct worker_options own = *options;
        own.slot = workers->count;
        own.is_taken = is_taken;
        own.context = workers;
        if (worker_start(&own, &workers->items[workers->count], err) != 0) {
            scheduler_stop(options->trainer.scheduler);
            workers_free(workers);
            return err->code;
        }
        atomic_store(&workers->started[workers->count], workers->items[workers->count]);
        workers->count++;
    }
    *out = workers;
    return 0;
}

void
workers_cancel(struct workers *workers, struct job_lease lease)
{
    for (size_t i = 0; i < workers->count; i++)
        worker_cancel(workers->items[i], lease);
}

void
workers_pause(struct workers *workers, struct job_lease lease)
{
    for (size_t i = 0; i < workers->count; i++)
        worker_pause(workers->items[i], lease);
}

bool
workers_have(struct workers *workers, const char *job_id)
{
    return is_taken(workers, CRASH_MARKER_SLOTS, job_id);
}

size_t
workers_busy(struct workers *workers)
{
    size_t busy = 0;
    for (size_t i = 0; i < workers->count; i++)
        busy += worker_is_busy(workers->items[i]);
    return busy;
}

size_t
workers_alive(struct workers *workers)
{
    size_t alive = 0;
    for (size_t i = 0; i < workers->count; i++)
        alive += worker_is_alive(workers->items[i]);
    return alive;
}

size_t
workers_count(const struct workers *workers)
{
    return workers->count;
}

void
workers_stop(struct workers *workers)
{
    for (size_t i = 0; i < workers->count; i++)
        worker_ask_to_stop(workers->items[i]);
    for (size_t i = 0; i < workers->count; i++)
        worker_stop(workers->items[i]);
}

void
workers_free(struct workers *workers)
{
    if (workers == NULL)
        return;
    workers_stop(workers);
    for (size_t i = 0; i < workers->count; i++)
        worker_free(workers->items[i]);
    free(workers);
}
