/*
 * The daemon itself: is it ready, and what is it.
 */
#include <string.h>

#include "core/base/cpu.h"
#include "core/train/numerics.h"
#include "daemon/service_state.h"
#include "daemon/store/migrate.h"
#include "daemon/version.h"

#ifndef FINETUNED_COMMIT
#define FINETUNED_COMMIT "unknown"
#endif

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
    if (service->worker == NULL)
        return "not started yet";
    return worker_is_alive(service->worker) ? "ok" : "the worker thread has ended";
}

void
service_health(struct service *service, struct arena *arena, struct health *out)
{
    *out = (struct health){.ready = true};
    out->checks[out->count++] = (struct health_check){"database", database_state(service, arena)};
    out->checks[out->count++] = (struct health_check){"worker", worker_state(service)};
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
        .commit = FINETUNED_COMMIT,
        .schema = (int64_t)migrate_embedded().count,
        .format = DATA_DIR_FORMAT,
        .numerics = NUMERICS_VERSION,
        .engine = engine != NULL ? gemm_engine_name(engine) : NULL,
        .cpu = arena_copy_string(arena, features.name),
    };
}
