/*
 * Looking up models by name.
 */
#include "daemon/work/catalog.h"

#include <string.h>

#include "core/data/task.h"
#include "daemon/log.h"
#include "daemon/store/checkpoints.h"
#include "daemon/store/jobs.h"
#include "daemon/store/models.h"

static const struct catalog_alias *
find_in(const struct catalog_aliases *aliases, const char *name)
{
    for (size_t i = 0; aliases != NULL && i < aliases->count; i++)
        if (strcmp(aliases->items[i].name, name) == 0)
            return &aliases->items[i];
    return NULL;
}

static const struct catalog_alias *
find_alias(const struct catalog *catalog, const char *name)
{
    return find_in(catalog->aliases, name);
}

int
catalog_check_aliases(const struct catalog *catalog, struct err *err)
{
    const struct catalog_aliases *aliases = catalog->aliases;
    for (size_t i = 0; aliases != NULL && i < aliases->count; i++) {
        const struct catalog_alias *alias = &aliases->items[i];
        if (base_models_find(catalog->bases, alias->name) != NULL)
            return err_set(err, ERR_INVALID,
                           "the alias '%s' is also the name of a base model: remove the alias or "
                           "rename the model's folder",
                           alias->name);
        if (find_in(aliases, alias->name) != alias)
            return err_set(err, ERR_INVALID, "the alias '%s' is given twice", alias->name);
        if (find_in(aliases, alias->model) != NULL)
            return err_set(err, ERR_INVALID,
                           "the alias '%s' stands for '%s', which is an alias itself: name the "
                           "model that is meant",
                           alias->name, alias->model);
        if (base_models_find(catalog->bases, alias->model) == NULL &&
            strncmp(alias->model, "ft:", 3) != 0)
            log_warn("check alias name=%s model=%s reason=\"no base model of that name\"",
                     alias->name, alias->model);
    }
    return 0;
}

bool
catalog_is_taken(const struct catalog *catalog, const char *name)
{
    return find_alias(catalog, name) != NULL || base_models_find(catalog->bases, name) != NULL;
}

struct catalog_model
catalog_from_base(const struct base_model *base)
{
    const struct model_config *config = &base->summary.config;
    size_t longest = config->max_seq_length > 0 ? config->max_seq_length : config->max_positions;
    return (struct catalog_model){
        .kind = CATALOG_BASE,
        .id = base->id,
        .folder = base->folder,
        .root = base->id,
        .created_at = base->created_at,
        .task = config->label_count > 0 ? task_name(config->task) : NULL,
        .shape = {.hidden_size = (int64_t)config->hidden_size,
                  .layers = (int64_t)config->layers,
                  .parameters = (int64_t)base->summary.parameters,
                  .max_seq_length = (int64_t)longest,
                  .stride = config->windows.wanted ? (int64_t)config->windows.stride : -1},
        .base = base,
    };
}

struct catalog_model
catalog_from_row(const struct catalog *catalog, const struct model_row *row, struct arena *arena)
{
    return (struct catalog_model){
        .kind = CATALOG_FINE_TUNED,
        .id = row->id,
        .folder = data_dir_model_path(catalog->dir, row->job_id, arena),
        .root = row->root,
        .created_at = row->created_at,
        .job_id = row->job_id,
        .task = row->task,
        .shape = row->shape,
        .files_json = row->files_json,
    };
}

static int
find_checkpoint(const struct catalog *catalog, struct db *db, const char *name, struct arena *arena,
                struct catalog_model *out, struct err *err)
{
    struct checkpoint_row row;
    struct job_row job;
    if (checkpoints_get_by_model(db, name, arena, &row, err) != 0 ||
        jobs_get(db, row.job_id, arena, &job, err) != 0)
        return err->code;
    *out = (struct catalog_model){
        .kind = CATALOG_CHECKPOINT,
        .id = row.model,
        .folder = data_dir_checkpoint_path(catalog->dir, row.job_id, row.step, arena),
        .root = job.root_model,
        .created_at = row.created_at,
        .job_id = row.job_id,
        .task = job.task,
        .shape = row.shape,
        .files_json = row.files_json,
        .row_id = row.id,
        .step = row.step,
    };
    return 0;
}

int
catalog_find(const struct catalog *catalog, struct db *db, const char *name, struct arena *arena,
             struct catalog_model *out, struct err *err)
{
    const struct catalog_alias *alias = find_alias(catalog, name);
    const char *id = alias != NULL ? alias->model : name;
    const struct base_model *base = base_models_find(catalog->bases, id);
    if (base != NULL) {
        *out = catalog_from_base(base);
        return 0;
    }
    struct model_row row;
    int code = models_get(db, id, arena, &row, err);
    if (code == 0)
        *out = catalog_from_row(catalog, &row, arena);
    if (code == ERR_NOT_FOUND)
        code = find_checkpoint(catalog, db, id, arena, out, err);
    if (code != ERR_NOT_FOUND)
        return code;
    return err_set(
        err, ERR_NOT_FOUND,
        "There is no model '%.200s'. GET /v1/models lists the base models of this machine "
        "and the fine-tuned ones; base models are folders below a models directory, "
        "found when the daemon starts or is reloaded, or imported with POST /v1/models/import.",
        name);
}
