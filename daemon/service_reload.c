/*
 * Options taken over while the service runs; see service_reload.h.
 *
 * First everything is read and judged beside what is in force, then it is put in place. Readers
 * take no lock: numbers and the table of aliases are atomic, and old tables live as long as the
 * service, as do base models that are gone (work/base_models.h).
 */
#include "daemon/service_reload.h"

#include <string.h>

#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/models.h"

/* What is to be put in place. */
struct reloading {
    struct service *service;
    struct arena *arena;       /* for this call */
    struct base_models *fresh; /* of the directories as they are now, imports included */
    const struct base_model **dropped;
    size_t dropped_count;
    size_t added;
    size_t kept; /* that are gone, and needed */
};

static bool
is_import(const struct service *service, const struct base_model *model, struct arena *arena)
{
    return data_dir_is_model_id(model->id) &&
           strcmp(model->folder, data_dir_base_model_path(service->store.dir, model->id, arena)) ==
               0;
}

/* Nothing about it that anybody is told has changed. */
static bool
is_same(const struct base_model *a, const struct base_model *b)
{
    return strcmp(a->folder, b->folder) == 0 && a->created_at == b->created_at &&
           a->summary.has_weights == b->summary.has_weights;
}

static int
scan(const struct service_options *options, struct reloading *reloading, struct err *err)
{
    size_t count = options->models_dir_count;
    const char **folders = arena_array(reloading->arena, count + 1, sizeof *folders);
    for (size_t i = 0; i < count; i++)
        folders[i] = options->models_dirs[i];
    folders[count] = data_dir_base_models_path(reloading->service->store.dir, reloading->arena);
    return base_models_scan(folders, count + 1, &reloading->fresh, err);
}

/* The aliases that are in force stay, so that a reload costs no memory, unless they have changed.
 */
static bool
has_these_aliases(const struct catalog_aliases *table, const struct service_options *options)
{
    if (table == NULL || table->count != options->alias_count)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->items[i].name, options->aliases[i].name) != 0 ||
            strcmp(table->items[i].model, options->aliases[i].model) != 0)
            return false;
    }
    return true;
}

static int
judge_aliases(const struct reloading *reloading, const struct service_options *options,
              struct err *err)
{
    const struct catalog future = {
        .dir = reloading->service->store.dir,
        .bases = reloading->fresh,
        .aliases = service_copy_aliases(options, reloading->arena),
    };
    return catalog_check_aliases(&future, err);
}

/* The models that go, or make room for another folder; those that are needed stay. */
static int
choose_dropped(struct db *db, struct reloading *reloading, struct err *err)
{
    size_t count = 0;
    const struct base_model *const *all =
        base_models_all(reloading->service->bases, reloading->arena, &count);
    reloading->dropped = arena_array(reloading->arena, count, sizeof *reloading->dropped);
    reloading->dropped_count = 0;
    reloading->kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct base_model *now = base_models_find(reloading->fresh, all[i]->id);
        if (is_import(reloading->service, all[i], reloading->arena) ||
            (now != NULL && is_same(now, all[i])))
            continue;
        int code = models_check_unused(db, all[i]->id, err);
        if (code != 0 && code != ERR_CONFLICT)
            return code;
        if (code == 0) {
            reloading->dropped[reloading->dropped_count++] = all[i];
            continue;
        }
        log_warn("reload keep=%s folder=%s reason=\"%s\"", all[i]->id, all[i]->folder,
                 err->message);
        reloading->kept++;
    }
    return 0;
}

/* Imports come and go by themselves: one that is just arriving is its importer's to add. */
static void
forget_imports(struct reloading *reloading)
{
    size_t count = 0;
    const struct base_model *const *all =
        base_models_all(reloading->fresh, reloading->arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_import(reloading->service, all[i], reloading->arena))
            base_models_remove(reloading->fresh, all[i]->id);
    }
}

/* In a write transaction, so that no job can begin to need a model meanwhile. May run again when
 * the transaction must: then all is in place already. */
static int
exchange(struct db *db, void *context, struct err *err)
{
    struct reloading *reloading = context;
    if (reloading->fresh == NULL)
        return 0;
    if (choose_dropped(db, reloading, err) != 0)
        return err->code;
    reloading->added = base_models_exchange_take(reloading->service->bases, reloading->fresh,
                                                 reloading->dropped, reloading->dropped_count);
    reloading->fresh = NULL;
    return 0;
}

static int
exchange_models(struct reloading *reloading, struct err *err)
{
    struct service *service = reloading->service;
    struct db *db = db_pool_acquire(service->store.pool, err);
    if (db == NULL)
        return err->code;
    forget_imports(reloading);
    int code = db_write(db, exchange, reloading, err);
    db_pool_release(service->store.pool, db);
    if (code != 0)
        return code;
    for (size_t i = 0; i < reloading->dropped_count && service->predictor != NULL; i++)
        predictor_thread_forget(service->predictor, reloading->dropped[i]->folder);
    log_info("scan models base_models=%zu added=%zu removed=%zu kept=%zu",
             base_models_count(service->bases), reloading->added, reloading->dropped_count,
             reloading->kept);
    return 0;
}

static void
set_limits(struct service *service, const struct service_options *options)
{
    service->max_file_bytes = options->max_file_bytes;
    service->budget.min_free_bytes = options->min_free_bytes;
    if (service->keeper != NULL)
        keeper_set_rules(service->keeper, &options->keep);
    scheduler_wake(service->scheduler); /* a job may fit now that did not */
}

int
service_reload(struct service *service, const struct service_options *options, struct err *err)
{
    struct reloading reloading = {.service = service, .arena = arena_new()};
    const struct catalog_aliases *aliases = service->catalog.aliases;
    int code = scan(options, &reloading, err);
    if (code == 0)
        code = judge_aliases(&reloading, options, err);
    if (code == 0)
        code = exchange_models(&reloading, err);
    if (code == 0) {
        if (!has_these_aliases(aliases, options))
            service->catalog.aliases = service_copy_aliases(options, service->arena);
        set_limits(service, options);
    }
    base_models_free(reloading.fresh);
    arena_free(reloading.arena);
    return code;
}
