/* Stored bytes come and go; see data_dir.h. */
#include "daemon/store/data_dir.h"

#include "core/base/fileio.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const folder_names[] = {
    [DATA_DIR_FILES] = "files",
    [DATA_DIR_MODELS] = "models",
    [DATA_DIR_JOBS] = "jobs",
    [DATA_DIR_UPLOADS] = "uploads",
};

_Static_assert(sizeof folder_names / sizeof folder_names[0] == DATA_DIR_FOLDER_COUNT,
               "a name for each folder");

int
data_dir_tmp_create(const struct data_dir *dir, struct arena *arena, const char **path, int *fd,
                    struct err *err)
{
    *path = data_dir_tmp_path(dir, arena);
    *fd = open(*path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *fd < 0 ? err_set_errno(err, "create %s", *path) : 0;
}

int
data_dir_store_file(const struct data_dir *dir, const char *tmp_path, const char *file_id,
                    struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_sync(tmp_path, err);
    if (result == 0)
        result = fileio_rename(tmp_path, data_dir_file_path(dir, file_id, arena), err);
    arena_free(arena);
    return result;
}

/* Put a finished folder in the place of whatever stands at target. */
static int
move_folder(const char *tmp_path, const char *target, struct err *err)
{
    if (fileio_sync(tmp_path, err) != 0 || fileio_remove_tree(target, err) != 0)
        return err->code;
    return fileio_rename(tmp_path, target, err);
}

int
data_dir_store_model(const struct data_dir *dir, const char *tmp_path, const char *job_id,
                     struct err *err)
{
    struct arena *arena = arena_new();
    int result = move_folder(tmp_path, data_dir_model_path(dir, job_id, arena), err);
    arena_free(arena);
    return result;
}

static const char *
checkpoints_path(const struct data_dir *dir, const char *job_id, struct arena *arena)
{
    return arena_printf(arena, "%s/checkpoints", data_dir_job_path(dir, job_id, arena));
}

int
data_dir_store_checkpoint(const struct data_dir *dir, const char *tmp_path, const char *job_id,
                          int64_t step, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_make_folder(checkpoints_path(dir, job_id, arena), err);
    if (result == 0)
        result = move_folder(tmp_path, data_dir_checkpoint_path(dir, job_id, step, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_store_part(const struct data_dir *dir, const char *tmp_path, const char *upload_id,
                    const char *part_id, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_sync(tmp_path, err);
    if (result == 0)
        result = fileio_make_folder(data_dir_upload_path(dir, upload_id, arena), err);
    if (result == 0)
        result = fileio_rename(tmp_path, data_dir_part_path(dir, upload_id, part_id, arena), err);
    arena_free(arena);
    return result;
}

/* A folder is never put in the place of one that holds something: rename(2) itself refuses. */
static int
move_unless_taken(const char *tmp_path, const char *target, const char *model_id, struct err *err)
{
    if (fileio_sync(tmp_path, err) != 0)
        return err->code;
    if (rename(tmp_path, target) == 0)
        return 0;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return err_set(err, ERR_CONFLICT, "there is an imported model '%s' already", model_id);
    return err_set_errno(err, "rename %s to %s", tmp_path, target);
}

int
data_dir_store_base_model(const struct data_dir *dir, const char *tmp_path, const char *model_id,
                          struct err *err)
{
    struct arena *arena = arena_new();
    const char *target = data_dir_base_model_path(dir, model_id, arena);
    int result = move_unless_taken(tmp_path, target, model_id, err);
    if (result == 0)
        result = fileio_sync(data_dir_base_models_path(dir, arena), err);
    arena_free(arena);
    return result;
}

static const char *
resume_states_path(const struct data_dir *dir, const char *job_id, struct arena *arena)
{
    return arena_printf(arena, "%s/resume", data_dir_job_path(dir, job_id, arena));
}

int
data_dir_store_resume_state(const struct data_dir *dir, const char *tmp_path, const char *job_id,
                            const char *name, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_make_folder(resume_states_path(dir, job_id, arena), err);
    if (result == 0)
        result = move_folder(tmp_path, data_dir_resume_state_path(dir, job_id, name, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_open_file(const struct data_dir *dir, const char *file_id, int *fd, struct err *err)
{
    struct arena *arena = arena_new();
    *fd = open(data_dir_file_path(dir, file_id, arena), O_RDONLY | O_CLOEXEC);
    int result = 0;
    if (*fd < 0) {
        bool absent = errno == ENOENT;
        result = err_set_errno(err, "open the stored bytes of %s", file_id);
        if (absent)
            result = err_set(err, ERR_NOT_FOUND, "the stored bytes of %s are gone", file_id);
    }
    arena_free(arena);
    return result;
}

int
data_dir_remove_file(const struct data_dir *dir, const char *file_id, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_file_path(dir, file_id, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_part(const struct data_dir *dir, const char *upload_id, const char *part_id,
                     struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_part_path(dir, upload_id, part_id, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_upload(const struct data_dir *dir, const char *upload_id, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_upload_path(dir, upload_id, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_base_model(const struct data_dir *dir, const char *model_id, struct err *err)
{
    struct arena *arena = arena_new();
    const char *out_of_sight = data_dir_tmp_path(dir, arena);
    int result = 0;
    if (rename(data_dir_base_model_path(dir, model_id, arena), out_of_sight) != 0)
        result = errno == ENOENT ? 0 : err_set_errno(err, "remove model %s", model_id);
    else if (fileio_sync(data_dir_base_models_path(dir, arena), err) != 0)
        result = err->code;
    else
        result = fileio_remove_tree(out_of_sight, err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_model(const struct data_dir *dir, const char *job_id, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_model_path(dir, job_id, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_checkpoint(const struct data_dir *dir, const char *job_id, int64_t step,
                           struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_checkpoint_path(dir, job_id, step, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_resume_state(const struct data_dir *dir, const char *job_id, const char *name,
                             struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_resume_state_path(dir, job_id, name, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_resume_states(const struct data_dir *dir, const char *job_id, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(resume_states_path(dir, job_id, arena), err);
    arena_free(arena);
    return result;
}

static int
set_aside(const char *folder, const char *tmp_path, struct err *err)
{
    struct stat status;
    return lstat(folder, &status) == 0 ? fileio_rename(folder, tmp_path, err) : 0;
}

int
data_dir_set_checkpoint_aside(const struct data_dir *dir, const char *job_id, int64_t step,
                              const char *tmp_path, struct err *err)
{
    struct arena *arena = arena_new();
    int result = set_aside(data_dir_checkpoint_path(dir, job_id, step, arena), tmp_path, err);
    arena_free(arena);
    return result;
}

int
data_dir_set_resume_states_aside(const struct data_dir *dir, const char *job_id,
                                 const char *tmp_path, struct err *err)
{
    struct arena *arena = arena_new();
    int result = set_aside(resume_states_path(dir, job_id, arena), tmp_path, err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_job(const struct data_dir *dir, const char *job_id, struct err *err)
{
    struct arena *arena = arena_new();
    int result = fileio_remove_tree(data_dir_job_path(dir, job_id, arena), err);
    arena_free(arena);
    return result;
}

int
data_dir_remove_tmp(const struct data_dir *dir, const char *tmp_path, struct err *err)
{
    struct arena *arena = arena_new();
    const char *inside = arena_printf(arena, "%s/tmp/", data_dir_root(dir));
    assert(strncmp(tmp_path, inside, strlen(inside)) == 0);
    (void)inside;
    arena_free(arena);
    return fileio_remove_tree(tmp_path, err);
}

/* A link to a folder is one. What cannot be looked at is found by who uses it. */
static int
clear_place(const char *path, size_t *removed, struct err *err)
{
    struct stat status;
    if (lstat(path, &status) != 0 || (stat(path, &status) == 0 && S_ISDIR(status.st_mode)))
        return 0;
    ++*removed;
    return fileio_remove_tree(path, err);
}

int
data_dir_clear_job(const struct data_dir *dir, const char *job_id, size_t *removed, struct err *err)
{
    struct arena *arena = arena_new();
    int result = 0;
    *removed = 0;
    if (clear_place(data_dir_job_path(dir, job_id, arena), removed, err) != 0 ||
        clear_place(checkpoints_path(dir, job_id, arena), removed, err) != 0 ||
        clear_place(resume_states_path(dir, job_id, arena), removed, err) != 0)
        result = err->code;
    arena_free(arena);
    return result;
}

static int
each_entry(const char *path, data_dir_visit *visit, void *context, struct err *err)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno == ENOENT ? 0 : err_set_errno(err, "read folder %s", path);
    int result = 0;
    errno = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && result == 0;
         entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = visit(context, entry->d_name, err);
        errno = 0;
    }
    if (result == 0 && errno != 0)
        result = err_set_errno(err, "read folder %s", path);
    closedir(folder);
    return result;
}

int
data_dir_each(const struct data_dir *dir, enum data_dir_folder folder, data_dir_visit *visit,
              void *context, struct err *err)
{
    struct arena *arena = arena_new();
    const char *path = arena_printf(arena, "%s/%s", data_dir_root(dir), folder_names[folder]);
    int result = each_entry(path, visit, context, err);
    arena_free(arena);
    return result;
}

int
data_dir_each_checkpoint(const struct data_dir *dir, const char *job_id, data_dir_visit *visit,
                         void *context, struct err *err)
{
    struct arena *arena = arena_new();
    int result = each_entry(checkpoints_path(dir, job_id, arena), visit, context, err);
    arena_free(arena);
    return result;
}

int
data_dir_each_resume_state(const struct data_dir *dir, const char *job_id, data_dir_visit *visit,
                           void *context, struct err *err)
{
    struct arena *arena = arena_new();
    int result = each_entry(resume_states_path(dir, job_id, arena), visit, context, err);
    arena_free(arena);
    return result;
}
