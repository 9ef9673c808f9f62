/*
 * Models: the base models of this machine and the fine-tuned ones, their files, their end.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/service_models.h"
#include "daemon/service_state.h"
#include "daemon/work/folder_files.h"

/* Imported base models are the data directory's own; the others are the operator's. */
static bool
is_imported(const struct service *service, const struct catalog_model *model)
{
    if (model->kind != CATALOG_BASE || !data_dir_is_model_id(model->id))
        return false;
    struct arena *arena = arena_new();
    bool same =
        strcmp(model->folder, data_dir_base_model_path(service->store.dir, model->id, arena)) == 0;
    arena_free(arena);
    return same;
}

static const char *
weights_of(const struct catalog_model *model)
{
    if (model->kind != CATALOG_BASE)
        return "fine-tuned";
    return model->base->summary.has_weights ? "pretrained" : "random";
}

static void
model_info(const struct service *service, const struct catalog_model *model, struct model_info *out)
{
    bool is_base = model->kind == CATALOG_BASE;
    *out = (struct model_info){
        .id = model->id,
        .created_at = model->created_at,
        .owned_by = is_base && !is_imported(service, model) ? "system" : "user",
        .fine_tuned = !is_base,
        .weights = weights_of(model),
        .root = is_base ? NULL : model->root,
        .job_id = model->job_id,
        .task = model->task,
        .hidden_size = model->shape.hidden_size,
        .layers = model->shape.layers,
        .parameters = model->shape.parameters,
        .max_seq_length = model->shape.max_seq_length,
        .stride = model->shape.stride,
    };
}

static int
fault_model(struct fault_list *faults, const struct err *err)
{
    if (err->code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_MODEL_NOT_FOUND, "model", "%s", err->message);
    return fault_add_err(faults, err);
}

int
service_models_list(struct service *service, struct arena *arena, struct model_list *out,
                    struct fault_list *faults)
{
    struct err err;
    struct model_rows rows;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = models_list(db, arena, &rows, &err);
    service_release(service, db);
    if (code != 0)
        return fault_add_err(faults, &err);
    size_t bases = 0;
    const struct base_model *const *base = base_models_all(service->bases, arena, &bases);
    *out = (struct model_list){
        .items = arena_array(arena, bases + rows.count, sizeof *out->items),
        .count = bases + rows.count,
    };
    for (size_t i = 0; i < bases; i++) {
        struct catalog_model model = catalog_from_base(base[i]);
        model_info(service, &model, &out->items[i]);
    }
    for (size_t i = 0; i < rows.count; i++) {
        struct catalog_model model = catalog_from_row(&service->catalog, &rows.items[i], arena);
        model_info(service, &model, &out->items[bases + i]);
    }
    return 0;
}

static int
find_model(struct service *service, const char *id, struct arena *arena, struct catalog_model *out,
           struct fault_list *faults)
{
    struct err err;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = catalog_find(&service->catalog, db, id, arena, out, &err);
    service_release(service, db);
    return code == 0 ? 0 : fault_model(faults, &err);
}

int
service_model_get(struct service *service, const char *id, struct arena *arena,
                  struct model_info *out, struct fault_list *faults)
{
    struct catalog_model model;
    if (find_model(service, id, arena, &model, faults) != 0)
        return -1;
    model_info(service, &model, out);
    return 0;
}

static int
delete_row(struct db *db, const struct catalog_model *model, struct fault_list *faults)
{
    struct err err;
    int code = model->kind == CATALOG_CHECKPOINT ? checkpoints_delete(db, model->row_id, &err)
                                                 : models_delete(db, model->id, &err);
    if (code == ERR_CONFLICT)
        return fault_add(faults, FAULT_IN_USE, "model", "Not deleted: %s.", err.message);
    return code == 0 ? 0 : fault_model(faults, &err);
}

struct forgetting {
    struct service *service;
    const char *id;
};

/* In a write transaction, so that no job can begin to need the model meanwhile. */
static int
forget_import(struct db *db, void *context, struct err *err)
{
    const struct forgetting *forgetting = context;
    if (models_check_unused(db, forgetting->id, err) != 0)
        return err->code;
    if (!base_models_remove(forgetting->service->bases, forgetting->id))
        return err_set(err, ERR_NOT_FOUND, "model '%.100s' has just been deleted", forgetting->id);
    return 0;
}

/* The folder is the record: when it cannot be removed the model is there again. */
static int
delete_import(struct service *service, struct db *db, const struct catalog_model *model,
              struct fault_list *faults)
{
    struct err err;
    struct err ignored;
    struct forgetting forgetting = {service, model->id};
    int code = db_write(db, forget_import, &forgetting, &err);
    if (code == ERR_CONFLICT)
        return fault_add(faults, FAULT_IN_USE, "model", "Not deleted: %s.", err.message);
    if (code != 0)
        return fault_model(faults, &err);
    if (data_dir_remove_base_model(service->store.dir, model->id, &err) != 0) {
        base_models_add(service->bases, model->id, model->folder, &ignored);
        return fault_add_err(faults, &err);
    }
    if (service->predictor != NULL)
        predictor_thread_forget(service->predictor, model->folder);
    return 0;
}

/* The row is gone; what cannot be removed now is swept at the next start. */
static void
remove_folder(struct service *service, struct db *db, const struct catalog_model *model)
{
    struct err err;
    const struct data_dir *dir = service->store.dir;
    if (service->predictor != NULL)
        predictor_thread_forget(service->predictor, model->folder);
    int code = model->kind == CATALOG_CHECKPOINT
                   ? sweep_leftover(dir, db, model->job_id, model->step, &err)
                   : data_dir_remove_model(dir, model->job_id, &err);
    if (code > 0) /* of a job that runs: its run does not come back to the step in this moment */
        code = data_dir_remove_checkpoint(dir, model->job_id, model->step, &err);
    if (code != 0)
        log_warn("remove model=%s error=\"%s\"", model->id, err.message);
}

int
service_model_delete(struct service *service, const char *id, struct fault_list *faults)
{
    struct catalog_model model;
    struct arena *arena = arena_new();
    int code = find_model(service, id, arena, &model, faults);
    bool imported = code == 0 && is_imported(service, &model);
    if (code == 0 && model.kind == CATALOG_BASE && !imported)
        code = fault_add(faults, FAULT_BASE_MODEL_PROTECTED, "model",
                         "'%.100s' is a base model, a folder of the operator's: the daemon never "
                         "deletes those.",
                         model.id);
    struct db *db = code == 0 ? service_acquire(service, faults) : NULL;
    if (db != NULL) {
        code =
            imported ? delete_import(service, db, &model, faults) : delete_row(db, &model, faults);
        if (code == 0 && !imported)
            remove_folder(service, db, &model);
        service_release(service, db);
        if (code == 0)
            log_info("delete model=%s", model.id);
    } else {
        code = -1;
    }
    arena_free(arena);
    return code;
}

/* The files of a model: of ours by their row, of a base model's by a look, without hashes. */
static int
list_files(const struct catalog_model *model, struct arena *arena, struct folder_files *out,
           struct err *err)
{
    if (model->kind != CATALOG_BASE)
        return folder_files_parse(model->files_json, arena, out, err);
    return folder_files_list(model->folder, arena, out, err);
}

static int
file_info(struct service *service, const struct catalog_model *model,
          const struct folder_file *file, struct arena *arena, struct model_file *out,
          struct err *err)
{
    char hex[65];
    *out = (struct model_file){.name = file->name, .bytes = file->bytes, .sha256 = file->sha256};
    if (file->sha256 != NULL)
        return 0;
    if (hash_memory_get(service->hashes, arena_printf(arena, "%s/%s", model->folder, file->name),
                        hex, err) != 0)
        return err->code;
    out->sha256 = arena_copy_string(arena, hex);
    return 0;
}

int
service_model_hashed_files(struct service *service, const char *id, struct arena *arena,
                           struct catalog_model *model, struct folder_files *out,
                           struct fault_list *faults)
{
    struct err err;
    if (find_model(service, id, arena, model, faults) != 0)
        return -1;
    if (list_files(model, arena, out, &err) != 0)
        return fault_model(faults, &err);
    for (size_t i = 0; i < out->count; i++) {
        struct model_file file;
        if (file_info(service, model, &out->items[i], arena, &file, &err) != 0)
            return fault_add_err(faults, &err);
        out->items[i].sha256 = file.sha256;
    }
    return 0;
}

int
service_model_files(struct service *service, const char *id, struct arena *arena,
                    struct model_file_list *out, struct fault_list *faults)
{
    struct catalog_model model;
    struct folder_files files;
    if (service_model_hashed_files(service, id, arena, &model, &files, faults) != 0)
        return -1;
    *out = (struct model_file_list){
        .items = arena_array(arena, files.count, sizeof *out->items),
        .count = files.count,
    };
    for (size_t i = 0; i < files.count; i++)
        out->items[i] =
            (struct model_file){files.items[i].name, files.items[i].bytes, files.items[i].sha256};
    return 0;
}

int
service_model_file_open(struct service *service, const char *id, const char *name,
                        struct arena *arena, struct model_file *out, int *fd,
                        struct fault_list *faults)
{
    struct err err;
    struct catalog_model model;
    struct folder_files files;
    if (find_model(service, id, arena, &model, faults) != 0)
        return -1;
    if (list_files(&model, arena, &files, &err) != 0)
        return fault_model(faults, &err);
    const struct folder_file *file = folder_files_find(&files, name);
    if (file == NULL)
        return fault_add(faults, FAULT_NOT_FOUND, "name",
                         "Model '%.100s' has no file '%.100s'. GET /v1/models/{model}/files lists "
                         "those that it has.",
                         model.id, name);
    if (file_info(service, &model, file, arena, out, &err) != 0)
        return fault_add_err(faults, &err);
    *fd = open(arena_printf(arena, "%s/%s", model.folder, file->name), O_RDONLY | O_CLOEXEC);
    if (*fd >= 0)
        return 0;
    if (errno == ENOENT)
        return fault_add(faults, FAULT_NOT_FOUND, "name", "The file has just been deleted.");
    err_set_errno(&err, "open %s of model %s", file->name, model.id);
    return fault_add_err(faults, &err);
}
