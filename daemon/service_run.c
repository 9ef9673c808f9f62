/*
 * The service's life: parts opened in order, taken down in reverse.
 */
#include "daemon/service_run.h"

#include <stdlib.h>

#include "core/base/cpu.h"
#include "core/train/memory.h"
#include "daemon/log.h"
#include "daemon/service_state.h"

/* Copy the strings of the options, which need not outlive the call. */
static void
copy_options(struct service *service, const struct service_options *options)
{
    struct arena *arena = service->arena;
    const char **folders = arena_array(arena, options->models_dir_count, sizeof *folders);
    struct catalog_alias *aliases = arena_array(arena, options->alias_count, sizeof *aliases);
    for (size_t i = 0; i < options->models_dir_count; i++)
        folders[i] = arena_copy_string(arena, options->models_dirs[i]);
    for (size_t i = 0; i < options->alias_count; i++)
        aliases[i] = (struct catalog_alias){
            .name = arena_copy_string(arena, options->aliases[i].name),
            .model = arena_copy_string(arena, options->aliases[i].model),
        };
    service->options = *options;
    service->options.data_dir = arena_copy_string(arena, options->data_dir);
    service->options.models_dirs = folders;
    service->options.aliases = NULL; /* the catalog has them */
    service->catalog.aliases = aliases;
    service->catalog.alias_count = options->alias_count;
}

/* The configured directories, then imports in the data directory. */
static int
open_catalog(struct service *service, struct err *err)
{
    size_t count = service->options.models_dir_count;
    const char **folders = arena_array(service->arena, count + 1, sizeof *folders);
    for (size_t i = 0; i < count; i++)
        folders[i] = service->options.models_dirs[i];
    folders[count] = data_dir_base_models_path(service->store.dir, service->arena);
    if (base_models_scan(folders, count + 1, &service->bases, err) != 0)
        return err->code;
    service->catalog.dir = service->store.dir;
    service->catalog.bases = service->bases;
    log_info("scan models directories=%zu base_models=%zu", count,
             base_models_count(service->bases));
    return catalog_check_aliases(&service->catalog, err);
}

/* Jobs that a crash left running wait again. */
static int
recover_jobs(struct service *service, struct err *err)
{
    struct db *db = db_pool_acquire(service->store.pool, err);
    if (db == NULL)
        return err->code;
    size_t count = 0;
    int code = jobs_recover(db, &count, err);
    db_pool_release(service->store.pool, db);
    if (code == 0 && count > 0)
        log_warn("recover jobs=%zu reason=\"the daemon ended while they ran\"", count);
    return code;
}

static void
log_swept(const struct sweep_report *swept)
{
    if (swept->files + swept->models + swept->jobs + swept->checkpoints > 0)
        log_info("sweep files=%zu models=%zu jobs=%zu checkpoints=%zu", swept->files, swept->models,
                 swept->jobs, swept->checkpoints);
}

int
service_open(const struct service_options *options, struct service **out, struct err *err)
{
    struct service *service = mem_small(sizeof *service);
    *service = (struct service){.arena = arena_new(), .process_bytes = train_memory_of_process()};
    atomic_init(&service->stopping, false);
    copy_options(service, options);
    service->hashes = hash_memory_new();
    if (store_open(options->data_dir, &service->store, err) != 0)
        goto out;
    log_swept(&service->store.swept);
    if (open_catalog(service, err) != 0 || scheduler_new(&service->scheduler, err) != 0 ||
        recover_jobs(service, err) != 0)
        goto out;
    *out = service;
    return 0;
out:
    service_close(service);
    return err->code;
}

/* While it does, predictions keep to one processor. */
static bool
job_runs(void *worker)
{
    return worker_is_busy(worker);
}

int
service_start(struct service *service, struct err *err)
{
    struct trainer trainer = {
        .store = &service->store,
        .catalog = &service->catalog,
        .engine = service->options.engine,
        .hashes = service->hashes,
        .scheduler = service->scheduler,
        .threads = service->options.threads,
    };
    if (worker_start(&trainer, &service->worker, err) != 0)
        return err->code;
    struct predictor_options predictor = {
        .engine = service->options.engine,
        .threads = service->options.threads > 0 ? service->options.threads : cpu_count(),
        .is_shared = job_runs,
        .context = service->worker,
    };
    if (predictor_thread_start(&predictor, &service->predictor, err) != 0) {
        scheduler_stop(service->scheduler);
        worker_free(service->worker);
        service->worker = NULL;
        return err->code;
    }
    return 0;
}

void
service_stop(struct service *service)
{
    atomic_store(&service->stopping, true);
    scheduler_stop(service->scheduler);
    if (service->worker != NULL)
        worker_stop(service->worker);
    if (service->predictor != NULL)
        predictor_thread_stop(service->predictor);
}

void
service_close(struct service *service)
{
    if (service == NULL)
        return;
    if (service->scheduler != NULL)
        scheduler_stop(service->scheduler);
    predictor_thread_free(service->predictor); /* it looks at the worker */
    worker_free(service->worker);
    scheduler_free(service->scheduler);
    base_models_free(service->bases);
    hash_memory_free(service->hashes);
    store_close(&service->store);
    arena_free(service->arena);
    free(service);
}
