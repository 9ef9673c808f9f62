/*
 * Models in and out: imports into base_models/, archives of any model.
 *
 * An import is written in tmp/, judged there, and renamed into place: the folder's name is the
 * record that it exists, and the file system decides who is first to take an id.
 */
#include <string.h>

#include "daemon/log.h"
#include "daemon/service_models.h"
#include "daemon/service_state.h"
#include "daemon/service_upload_body.h"
#include "daemon/work/archive.h"
#include "daemon/work/model_import.h"

/* ---- in ------------------------------------------------------------------------------------- */

struct arrival {
    struct service *service;
    struct arena *arena;
    const char *id;     /* as asked for, or NULL */
    const char *folder; /* in tmp/ */
    struct model_import import;
};

/* The message without the place in tmp/, which says nothing to a client. */
static const char *
without_path(const char *message, const char *folder, struct arena *arena)
{
    char *text = arena_copy_string(arena, message);
    size_t length = strlen(folder);
    for (char *at = strstr(text, folder); at != NULL; at = strstr(at, folder)) {
        const char *rest = at + length;
        static const char word[] = "the model";
        if (*rest == '/') { /* "<folder>/config.json" is config.json */
            memmove(at, rest + 1, strlen(rest));
        } else {
            memmove(at + sizeof word - 1, rest, strlen(rest) + 1);
            memcpy(at, word, sizeof word - 1);
        }
    }
    return text;
}

/* What the copying or judging did not like. */
static int
fault_import(const struct arrival *arrival, const struct err *err, struct fault_list *faults)
{
    if (err->code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "path",
                         "Nothing was imported: %s. Give a model's folder below one of them "
                         "(import_dir in the daemon's configuration).",
                         err->message);
    if (err->code == ERR_INVALID || err->code == ERR_UNSUPPORTED)
        return fault_add(faults, FAULT_INVALID_MODEL, NULL, "Nothing was imported: %s.",
                         without_path(err->message, arrival->folder, arrival->arena));
    return fault_add_err(faults, err);
}

static int
fault_taken(struct fault_list *faults, const char *id)
{
    return fault_add(faults, FAULT_CONFLICT, "id",
                     "There is a model or an alias called '%.96s' already. Give the import another "
                     "id, or delete that model first if it was imported.",
                     id);
}

/* The id that was asked for, or the name of the folder that the files stood in. */
static int
choose_id(struct arrival *arrival, struct fault_list *faults)
{
    bool asked = arrival->id != NULL;
    if (!asked)
        arrival->id = arrival->import.folder_name;
    if (!data_dir_is_model_id(arrival->id))
        return fault_add(faults, FAULT_INVALID_PARAMETER, "id",
                         asked ? "\"id\" is '%.200s': give 1 to %d of A-Z a-z 0-9 . _ -, without a "
                                 "dot in front."
                               : "The model's folder is called '%.200s', which cannot be its id: "
                                 "give one as \"id\", 1 to %d of A-Z a-z 0-9 . _ -, without a dot "
                                 "in front.",
                         arrival->id, DATA_DIR_MODEL_ID_MAX);
    if (base_models_is_reserved(arrival->id))
        return fault_add(faults, FAULT_INVALID_PARAMETER, "id",
                         "No model can be called '%s', which has a meaning of its own in the API: "
                         "give another \"id\".",
                         arrival->id);
    if (catalog_is_taken(&arrival->service->catalog, arrival->id))
        return fault_taken(faults, arrival->id);
    return 0;
}

static int
put_in_place(struct arrival *arrival, struct fault_list *faults)
{
    struct err err;
    struct err ignored;
    struct service *service = arrival->service;
    const struct data_dir *dir = service->store.dir;
    int code = data_dir_store_base_model(dir, arrival->folder, arrival->id, &err);
    if (code == ERR_CONFLICT)
        return fault_taken(faults, arrival->id);
    if (code != 0)
        return fault_add_err(faults, &err);
    const char *folder = data_dir_base_model_path(dir, arrival->id, arrival->arena);
    code = base_models_add(service->bases, arrival->id, folder, &err);
    if (code == 0)
        return 0;
    data_dir_remove_base_model(dir, arrival->id, &ignored);
    return code == ERR_CONFLICT ? fault_taken(faults, arrival->id)
                                : fault_import(arrival, &err, faults);
}

/* The files are in tmp/: judge them and let the model appear. */
static int
settle(struct arrival *arrival, struct model_info *out, struct fault_list *faults)
{
    struct err err;
    if (choose_id(arrival, faults) != 0)
        return -1;
    if (model_import_check(arrival->folder, &err) != 0)
        return fault_import(arrival, &err, faults);
    if (put_in_place(arrival, faults) != 0)
        return -1;
    size_t kept = arrival->import.left_out_count;
    const char **left_out = arena_array(arrival->arena, IMPORT_LEFT_OUT_MAX, sizeof *left_out);
    if (kept > IMPORT_LEFT_OUT_MAX)
        kept = IMPORT_LEFT_OUT_MAX;
    memcpy(left_out, arrival->import.left_out, kept * sizeof *left_out);
    log_info("import model=%s left_out=%zu", arrival->id, arrival->import.left_out_count);
    if (service_model_get(arrival->service, arrival->id, arrival->arena, out, faults) != 0)
        return -1;
    out->left_out = left_out;
    out->left_out_count = kept;
    return 0;
}

/* Also after success: then there is nothing any more. */
static void
clear(struct arrival *arrival)
{
    struct err err;
    if (data_dir_remove_tmp(arrival->service->store.dir, arrival->folder, &err) != 0)
        log_warn("remove import error=\"%s\"", err.message); /* swept at the next start */
}

int
service_model_import_folder(struct service *service, const char *path, const char *id,
                            struct arena *arena, struct model_info *out, struct fault_list *faults)
{
    struct err err;
    struct arrival arrival = {.service = service, .arena = arena, .id = id};
    const struct import_places places = {service->options.import_dirs,
                                         service->options.import_dir_count};
    if (places.count == 0)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "path",
                         "This daemon imports from no folder. Send the model as a tar archive "
                         "(Content-Type: application/x-tar), or have the operator name a folder "
                         "with import_dir.");
    arrival.folder = data_dir_tmp_path(service->store.dir, arena);
    int code = model_import_folder(path, &places, arrival.folder, arena, &arrival.import, &err);
    code = code == 0 ? settle(&arrival, out, faults) : fault_import(&arrival, &err, faults);
    clear(&arrival);
    return code;
}

int
service_model_import_archive_take(struct service *service, struct upload *archive, const char *id,
                                  struct arena *arena, struct model_info *out,
                                  struct fault_list *faults)
{
    struct err err;
    struct arrival arrival = {.service = service, .arena = arena, .id = id};
    arrival.folder = data_dir_tmp_path(service->store.dir, arena);
    int code = model_import_tar(service_upload_path(archive), arrival.folder, arena,
                                &arrival.import, &err);
    service_upload_abort(archive); /* the copies are made: the disk need not hold both longer */
    code = code == 0 ? settle(&arrival, out, faults) : fault_import(&arrival, &err, faults);
    clear(&arrival);
    return code;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* The seam's name of the work's object. */
static struct archive *
inside(struct model_archive *archive)
{
    return (struct archive *)archive;
}

int
service_model_archive_open(struct service *service, const char *id, struct arena *arena,
                           struct model_archive_info *out, struct model_archive **archive,
                           struct fault_list *faults)
{
    struct err err;
    struct catalog_model model;
    struct folder_files files;
    struct archive *opened = NULL;
    if (service_model_hashed_files(service, id, arena, &model, &files, faults) != 0)
        return -1;
    int code = archive_open(model.id, model.folder, &files, &opened, &err);
    if (code == ERR_NOT_FOUND || code == ERR_CONFLICT)
        return fault_add(faults, FAULT_CONFLICT, NULL,
                         "The files of model '%.200s' are just being changed: %s. Try again.",
                         model.id, err.message);
    if (code == ERR_UNSUPPORTED)
        return fault_add(faults, FAULT_INVALID_MODEL, NULL,
                         "There is no archive of model '%.200s': %s. Fetch them one by one from "
                         "GET /v1/models/{model}/files.",
                         model.id, err.message);
    if (code != 0)
        return fault_add_err(faults, &err);
    *archive = (struct model_archive *)opened;
    *out = (struct model_archive_info){
        .name = arena_copy_string(arena, archive_name(opened)),
        .bytes = archive_bytes(opened),
        .sha256 = arena_copy_string(arena, archive_sha256(opened)),
    };
    return 0;
}

int64_t
service_model_archive_read(struct model_archive *archive, int64_t offset, void *bytes,
                           size_t length)
{
    struct err err;
    int64_t got = archive_read(inside(archive), offset, bytes, length, &err);
    if (got >= 0)
        return got;
    log_warn("read archive error=\"%s\"", err.message);
    return -1;
}

void
service_model_archive_close(struct model_archive *archive)
{
    archive_close(inside(archive));
}
