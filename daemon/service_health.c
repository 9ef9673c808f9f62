/*
 * The daemon itself: is it ready, and what is it.
 */
#include <string.h>

#include "core/base/cpu.h"
#include "core/train/memory.h"
#include "core/train/numerics.h"
#include "daemon/service_state.h"
#include "daemon/store/migrate.h"
#include "daemon/version.h"
#include "daemon/work/clock.h"

static const char *
database_state(struct service *service, struct arena *arena)
{
    struct err err;
    struct db *db = db_pool_acquire(service->store.pool, &err);
    if (db == NULL)
        return arena_copy_string(arena, err.message);
    int code = db_check_writable(db, &err);
    db_pool_release(service->store.pool, db);
    return code == 0 ? "ok" : arena_copy_string(arena, err.message);
}

static const char *
worker_state(const struct service *service)
{
    if (service->workers == NULL)
        return "not started yet";
    return workers_alive(service->workers) == workers_count(service->workers)
               ? "ok"
               : "a worker thread has ended";
}

static const char *
disk_state(struct service *service, struct arena *arena)
{
    struct err err;
    struct budget_room room;
    const struct budget *budget = &service->budget;
    if (budget_measure(budget, &room, &err) != 0)
        return arena_copy_string(arena, err.message);
    if (!budget_is_disk_low(budget, &room))
        return "ok";
    return arena_printf(arena, "%s are free, less than the %s of min_free_bytes",
                        budget_size(room.disk_free, arena),
                        budget_size(budget->min_free_bytes, arena));
}

void
service_health(struct service *service, struct arena *arena, struct health *out)
{
    *out = (struct health){.ready = true};
    out->checks[out->count++] = (struct health_check){"database", database_state(service, arena)};
    out->checks[out->count++] = (struct health_check){"worker", worker_state(service)};
    out->checks[out->count++] = (struct health_check){"disk", disk_state(service, arena)};
    out->checks[out->count++] = (struct health_check){
        "accepting", atomic_load(&service->stopping) ? "the daemon is stopping" : "ok"};
    for (size_t i = 0; i < out->count; i++)
        out->ready = out->ready && strcmp(out->checks[i].state, "ok") == 0;
}

void
service_version(struct service *service, struct arena *arena, struct version_info *out)
{
    struct cpu_features features = cpu_features();
    const struct gemm_engine *engine = service->options.engine;
    *out = (struct version_info){
        .version = version_text(),
        .commit = version_commit(),
        .schema = (int64_t)migrate_embedded().count,
        .format = DATA_DIR_FORMAT,
        .numerics = NUMERICS_VERSION,
        .engine = engine != NULL ? gemm_engine_name(engine) : NULL,
        .cpu = arena_copy_string(arena, features.name),
    };
}

int
service_system(struct service *service, struct arena *arena, struct system_info *out,
               struct fault_list *faults)
{
    struct err err;
    struct budget_room room;
    struct cpu_features features = cpu_features();
    const struct gemm_engine *engine = service->options.engine;
    *out = (struct system_info){
        .cpu = arena_copy_string(arena, features.name),
        .processors = (int64_t)cpu_count(),
        .threads_per_job = (int64_t)service_job_threads(service),
        .memory_used = (int64_t)train_memory_of_process(),
        .disk_min_free = service->budget.min_free_bytes,
        .engine = engine != NULL ? gemm_engine_name(engine) : NULL,
        .engine_rate = engine != NULL ? gemm_engine_rate(engine) : 0,
        .uptime = (clock_now_ms() - service->opened_ms) / 1000,
    };
    if (budget_measure(&service->budget, &room, &err) != 0)
        return fault_add_err(faults, &err);
    out->memory_total = room.memory_total;
    out->memory_free = room.memory_free;
    out->disk_total = room.disk_total;
    out->disk_free = room.disk_free;
    return service_queue_get(service, &out->queue, faults);
}
