/*
 * The service's life: parts opened in order, taken down in reverse.
 */
#include "daemon/service_run.h"

#include <stdlib.h>

#include "core/base/cpu.h"
#include "core/train/memory.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/jobs_life.h"
#include "daemon/work/clock.h"

const struct catalog_aliases *
service_copy_aliases(const struct service_options *options, struct arena *arena)
{
    struct catalog_aliases *table = arena_alloc(arena, sizeof *table);
    struct catalog_alias *items = arena_array(arena, options->alias_count, sizeof *items);
    for (size_t i = 0; i < options->alias_count; i++)
        items[i] = (struct catalog_alias){
            .name = arena_copy_string(arena, options->aliases[i].name),
            .model = arena_copy_string(arena, options->aliases[i].model),
        };
    *table = (struct catalog_aliases){.items = items, .count = options->alias_count};
    return table;
}

/* Copy the strings of the options, which need not outlive the call. */
static void
copy_options(struct service *service, const struct service_options *options)
{
    struct arena *arena = service->arena;
    const char **folders = arena_array(arena, options->models_dir_count, sizeof *folders);
    const char **imports = arena_array(arena, options->import_dir_count, sizeof *imports);
    for (size_t i = 0; i < options->models_dir_count; i++)
        folders[i] = arena_copy_string(arena, options->models_dirs[i]);
    for (size_t i = 0; i < options->import_dir_count; i++)
        imports[i] = arena_copy_string(arena, options->import_dirs[i]);
    service->options = *options;
    service->options.data_dir = arena_copy_string(arena, options->data_dir);
    service->options.models_dirs = folders;
    service->options.import_dirs = imports;
    service->options.aliases = NULL; /* the catalog has them */
    service->catalog.aliases = service_copy_aliases(options, arena);
    service->max_file_bytes = options->max_file_bytes;
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

/*
 * Jobs that a crash left running wait again, or are given up when they have crashed too often. The
 * marks of the last run are read before and dropped after: a start cut short in between counts
 * nothing twice, for a job that waits is not counted.
 */
static int
recover_jobs(struct service *service, struct err *err)
{
    struct job_recovery recovery = {0};
    const char *path = data_dir_crash_path(service->store.dir, service->arena);
    if (crash_marker_read(path, service->arena, &recovery.crashed, &recovery.crashed_count, err) !=
        0)
        return err->code;
    struct db *db = db_pool_acquire(service->store.pool, err);
    if (db == NULL)
        return err->code;
    int code = jobs_recover(db, &recovery, err);
    if (code == 0)
        code = evaluations_recover(db, err);
    db_pool_release(service->store.pool, db);
    if (code == 0 && recovery.recovered + recovery.failed > 0)
        log_warn("recover jobs=%zu failed=%zu crashed=%zu reason=\"the daemon ended while they "
                 "ran\"",
                 recovery.recovered, recovery.failed, recovery.crashed_count);
    return code == 0 ? crash_marker_open(path, &service->marker, err) : code;
}

static struct budget
make_budget(const struct service *service)
{
    return (struct budget){
        .folder = data_dir_root(service->store.dir),
        .min_free_bytes = service->options.min_free_bytes,
        .process_bytes = (int64_t)service->process_bytes,
    };
}

static void
log_swept(const struct sweep_report *swept)
{
    size_t parts_of_jobs = swept->jobs + swept->checkpoints + swept->resume_states;
    if (swept->files + swept->models + swept->uploads + parts_of_jobs > 0)
        log_info("sweep files=%zu models=%zu uploads=%zu jobs=%zu checkpoints=%zu "
                 "resume_states=%zu",
                 swept->files, swept->models, swept->uploads, swept->jobs, swept->checkpoints,
                 swept->resume_states);
}

int
service_open(const struct service_options *options, struct service **out, struct err *err)
{
    struct service *service = mem_small(sizeof *service);
    *service = (struct service){.arena = arena_new(), .process_bytes = train_memory_of_process()};
    service->opened_ms = clock_now_ms();
    atomic_init(&service->stopping, false);
    copy_options(service, options);
    service->hashes = hash_memory_new();
    if (store_open(options->data_dir, &service->store, err) != 0)
        goto out;
    log_swept(&service->store.swept);
    service->budget = make_budget(service);
    if (open_catalog(service, err) != 0 || scheduler_new(&service->scheduler, err) != 0 ||
        recover_jobs(service, err) != 0)
        goto out;
    *out = service;
    return 0;
out:
    service_close(service);
    return err->code;
}

struct crash_marker *
service_crash_marker(struct service *service)
{
    return service->marker;
}

/* While one does, predictions keep to one processor. */
static bool
job_runs(void *workers)
{
    return workers_busy(workers) > 0;
}

static size_t
worker_count(const struct service *service)
{
    return service->options.workers > 0 ? service->options.workers : 1;
}

size_t
service_job_threads(const struct service *service)
{
    return budget_threads(service->options.threads, worker_count(service));
}

static int
start_workers(struct service *service, struct err *err)
{
    struct worker_options options = {
        .trainer = {.store = &service->store,
                    .catalog = &service->catalog,
                    .engine = service->options.engine,
                    .hashes = service->hashes,
                    .scheduler = service->scheduler,
                    .threads = service_job_threads(service),
                    .resume_interval = service->options.resume_interval},
        .budget = &service->budget,
        .marker = service->marker,
    };
    return workers_start(&options, worker_count(service), &service->workers, err);
}

static void
forget_model(void *context, const char *folder)
{
    predictor_thread_forget(context, folder);
}

static int
start_predictor_and_keeper(struct service *service, struct err *err)
{
    struct predictor_options predictor = {
        .engine = service->options.engine,
        .threads = service->options.threads > 0 ? service->options.threads : cpu_count(),
        .is_shared = job_runs,
        .context = service->workers,
    };
    if (predictor_thread_start(&predictor, &service->predictor, err) != 0)
        return err->code;
    const struct keeper_options keeper = {
        .store = &service->store,
        .rules = service->options.keep,
        .interval_ms = KEEPER_INTERVAL_MS,
        .forget_model = forget_model,
        .context = service->predictor,
    };
    return keeper_start(&keeper, &service->keeper, err);
}

static int
start_evaluations(struct service *service, struct err *err)
{
    const struct evaluation_thread_options options = {
        .store = &service->store,
        .catalog = &service->catalog,
        .engine = service->options.engine,
        .threads = service->options.threads > 0 ? service->options.threads : cpu_count(),
        .is_shared = job_runs,
        .context = service->workers,
    };
    return evaluation_thread_start(&options, &service->evaluations, err);
}

int
service_start(struct service *service, struct err *err)
{
    if (start_workers(service, err) != 0)
        return err->code;
    if (start_predictor_and_keeper(service, err) == 0 && start_evaluations(service, err) == 0)
        return 0;
    keeper_free(service->keeper);
    service->keeper = NULL;
    scheduler_stop(service->scheduler);
    predictor_thread_free(service->predictor);
    service->predictor = NULL;
    workers_free(service->workers);
    service->workers = NULL;
    return err->code;
}

void
service_stop(struct service *service)
{
    atomic_store(&service->stopping, true);
    scheduler_stop(service->scheduler);
    if (service->evaluations != NULL)
        evaluation_thread_stop(service->evaluations);
    if (service->keeper != NULL)
        keeper_stop(service->keeper);
    if (service->workers != NULL)
        workers_stop(service->workers);
    if (service->predictor != NULL)
        predictor_thread_stop(service->predictor);
    if (service->evaluations != NULL)
        evaluation_thread_end(service->evaluations);
}

void
service_close(struct service *service)
{
    if (service == NULL)
        return;
    if (service->scheduler != NULL)
        scheduler_stop(service->scheduler);
    evaluation_thread_free(service->evaluations); /* it looks at the workers */
    keeper_free(service->keeper); /* it tells the predictor, */
    predictor_thread_free(service->predictor); /* which looks at the workers */
    workers_free(service->workers);
    crash_marker_close(service->marker);
    scheduler_free(service->scheduler);
    base_models_free(service->bases);
    hash_memory_free(service->hashes);
    store_close(&service->store);
    arena_free(service->arena);
    free(service);
}
