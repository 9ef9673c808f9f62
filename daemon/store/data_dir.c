/* Opening, locking and naming; see data_dir.h. What moves in and out is data_dir_blobs.c's. */
#include "daemon/store/data_dir.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "daemon/store/ids.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT_MAX_BYTES = 64, PID_MAX_BYTES = 32 };

struct data_dir {
    struct arena *arena;
    const char *root; /* absolute */
    int lock_fd;
};

static const char *const subfolders[] = {"tmp",         "files", "models",
                                         "base_models", "jobs",  "uploads"};

/* What may lie in a folder that is not ours yet: the traces of a first start that was cut short
 * (the lock, FORMAT's temporary file), and what a fresh file system brings along. */
static bool
is_harmless(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0 ||
           strncmp(name, "FORMAT", strlen("FORMAT")) == 0 || strcmp(name, "lost+found") == 0;
}

/* The first name in a folder that is_harmless does not know, or NULL; an absent folder is empty. */
static const char *
find_foreign(const char *path, struct arena *arena)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return NULL;
    const char *found = NULL;
    for (struct dirent *entry = readdir(folder); entry != NULL && found == NULL;
         entry = readdir(folder))
        if (!is_harmless(entry->d_name))
            found = arena_copy_string(arena, entry->d_name);
    closedir(folder);
    return found;
}

/* The number in FORMAT, 0 when there is none. */
static int
read_format(const char *path, long *format, struct err *err)
{
    *format = 0;
    struct buf text = {0};
    int result = fileio_read(path, FORMAT_MAX_BYTES, &text, err);
    if (result == 0) {
        char *end = NULL;
        *format = strtol(buf_string(&text), &end, 10);
        if (*format < 1 || strcmp(end, "\n") != 0)
            result = err_set(err, ERR_INVALID, "%s holds no number: restore a backup", path);
    } else if (result == ERR_NOT_FOUND) {
        result = 0;
    }
    buf_fini(&text);
    return result;
}

/* Stored files whose rows are lost would all be swept: stop before that. */
static int
check_database_is_there(const struct data_dir *dir, struct err *err)
{
    if (fileio_exists(data_dir_database_path(dir, dir->arena)))
        return 0;
    static const char *const stored[] = {"files", "models", "jobs"};
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        const char *path = arena_printf(dir->arena, "%s/%s", dir->root, stored[i]);
        if (find_foreign(path, dir->arena) != NULL)
            return err_set(err, ERR_INVALID,
                           "%s holds stored files but finetuned.db is missing: restore it from a "
                           "backup, or choose another data directory",
                           path);
    }
    return 0;
}

/* May this folder be ours? Changes nothing. */
static int
check_format(const struct data_dir *dir, long *format, struct err *err)
{
    const char *path = arena_printf(dir->arena, "%s/FORMAT", dir->root);
    if (read_format(path, format, err) != 0)
        return err->code;
    if (*format > DATA_DIR_FORMAT)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s was written by a newer finetuned (format %ld, this program knows %d): "
                       "install that version or choose another data directory",
                       dir->root, *format, DATA_DIR_FORMAT);
    if (*format > 0)
        return check_database_is_there(dir, err);
    const char *foreign = find_foreign(dir->root, dir->arena);
    if (foreign != NULL)
        return err_set(err, ERR_INVALID,
                       "%s is no data directory of finetuned: it has no FORMAT but holds '%.64s'; "
                       "choose an empty folder",
                       dir->root, foreign);
    return 0;
}

/* Whoever holds the lock has written its pid into the file. */
static int
refuse_locked(const struct data_dir *dir, int fd, struct err *err)
{
    char text[PID_MAX_BYTES] = "";
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    long pid = length > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0)
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by process %ld: stop it or choose another data directory",
                       dir->root, pid);
    return err_set(err, ERR_CONFLICT,
                   "%s is in use by another process: stop it or choose another data directory",
                   dir->root);
}

static int
take_lock(struct data_dir *dir, struct err *err)
{
    const char *path = arena_printf(dir->arena, "%s/lock", dir->root);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, "open %s", path);
    int result = 0;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        result = errno == EWOULDBLOCK ? refuse_locked(dir, fd, err)
                                      : err_set_errno(err, "lock %s", path);
        close(fd);
        return result;
    }
    dir->lock_fd = fd;
    char pid[PID_MAX_BYTES];
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)length, 0) != length)
        return errno == ENOSPC || errno == EDQUOT
                   ? 0 /* it is for a message alone, and emptying tmp/ may yet make room */
                   : err_set_errno(err, "write %s", path);
    return 0;
}

/* Nobody else may read what people upload. */
static int
close_to_others(const struct data_dir *dir, struct err *err)
{
    struct stat status;
    if (stat(dir->root, &status) != 0)
        return err_set_errno(err, "stat %s", dir->root);
    if ((status.st_mode & 0077) != 0 && chmod(dir->root, 0700) != 0)
        return err_set_errno(err, "make %s private (mode 0700)", dir->root);
    return 0;
}

/* FORMAT comes before the folders, so that a start cut short anywhere can be repeated. */
static int
lay_out(const struct data_dir *dir, bool is_new, struct err *err)
{
    const char *tmp = arena_printf(dir->arena, "%s/tmp", dir->root);
    if (is_new) {
        char text[FORMAT_MAX_BYTES];
        int length = snprintf(text, sizeof text, "%d\n", DATA_DIR_FORMAT);
        const char *path = arena_printf(dir->arena, "%s/FORMAT", dir->root);
        if (fileio_write(path, text, (size_t)length, err) != 0)
            return err->code;
    }
    if (fileio_remove_tree(tmp, err) != 0)
        return err->code;
    for (size_t i = 0; i < sizeof subfolders / sizeof subfolders[0]; i++) {
        const char *path = arena_printf(dir->arena, "%s/%s", dir->root, subfolders[i]);
        if (fileio_make_folder(path, err) != 0)
            return err->code;
    }
    return 0;
}

static int
find_root(struct data_dir *dir, const char *path, struct err *err)
{
    if (fileio_make_folder(path, err) != 0)
        return err->code;
    char *absolute = realpath(path, NULL);
    if (absolute == NULL)
        return err_set_errno(err, "find the folder %s", path);
    dir->root = arena_copy_string(dir->arena, absolute);
    free(absolute);
    return 0;
}

int
data_dir_open(const char *path, struct data_dir **out, struct err *err)
{
    *out = NULL;
    struct data_dir *dir = mem_small(sizeof *dir);
    *dir = (struct data_dir){.arena = arena_new(), .lock_fd = -1};
    long format = 0;
    if (find_root(dir, path, err) != 0 || check_format(dir, &format, err) != 0 ||
        take_lock(dir, err) != 0 || close_to_others(dir, err) != 0 ||
        lay_out(dir, format == 0, err) != 0) {
        data_dir_close(dir);
        return err_prefix(err, "open the data directory");
    }
    *out = dir;
    return 0;
}

static int
look(struct data_dir *dir, const char *path, struct err *err)
{
    long format = 0;
    char *absolute = realpath(path, NULL);
    if (absolute == NULL)
        return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "there is no folder %s", path)
                               : err_set_errno(err, "find the folder %s", path);
    dir->root = arena_copy_string(dir->arena, absolute);
    free(absolute);
    if (check_format(dir, &format, err) != 0)
        return err->code;
    if (format == 0)
        return err_set(err, ERR_NOT_FOUND, "%s is no data directory of finetuned: it has no FORMAT",
                       dir->root);
    return 0;
}

int
data_dir_look(const char *path, struct data_dir **out, struct err *err)
{
    *out = NULL;
    struct data_dir *dir = mem_small(sizeof *dir);
    *dir = (struct data_dir){.arena = arena_new(), .lock_fd = -1};
    if (look(dir, path, err) != 0) {
        data_dir_close(dir);
        return err_prefix(err, "look at the data directory");
    }
    *out = dir;
    return 0;
}

void
data_dir_close(struct data_dir *dir)
{
    if (dir == NULL)
        return;
    if (dir->lock_fd >= 0)
        close(dir->lock_fd);
    arena_free(dir->arena);
    free(dir);
}

bool
data_dir_is_model_id(const char *id)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "._-";
    size_t length = strlen(id);
    return length > 0 && length <= DATA_DIR_MODEL_ID_MAX && id[0] != '.' &&
           strspn(id, allowed) == length;
}

/* An id that may stand in a path: whatever else comes here is a bug before it is an attack. */
static const char *
checked(const char *id)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "_-";
    assert(id[0] != '\0' && id[strspn(id, allowed)] == '\0');
    return id;
}

const char *
data_dir_root(const struct data_dir *dir)
{
    return dir->root;
}

const char *
data_dir_database_path(const struct data_dir *dir, struct arena *arena)
{
    return arena_printf(arena, "%s/finetuned.db", dir->root);
}

const char *
data_dir_crash_path(const struct data_dir *dir, struct arena *arena)
{
    return arena_printf(arena, "%s/crashed", dir->root);
}

const char *
data_dir_base_models_path(const struct data_dir *dir, struct arena *arena)
{
    return arena_printf(arena, "%s/base_models", dir->root);
}

const char *
data_dir_file_path(const struct data_dir *dir, const char *file_id, struct arena *arena)
{
    return arena_printf(arena, "%s/files/%s", dir->root, checked(file_id));
}

const char *
data_dir_upload_path(const struct data_dir *dir, const char *upload_id, struct arena *arena)
{
    return arena_printf(arena, "%s/uploads/%s", dir->root, checked(upload_id));
}

const char *
data_dir_part_path(const struct data_dir *dir, const char *upload_id, const char *part_id,
                   struct arena *arena)
{
    return arena_printf(arena, "%s/uploads/%s/%s", dir->root, checked(upload_id),
                        checked(part_id));
}

const char *
data_dir_base_model_path(const struct data_dir *dir, const char *model_id, struct arena *arena)
{
    assert(data_dir_is_model_id(model_id));
    return arena_printf(arena, "%s/base_models/%s", dir->root, model_id);
}

const char *
data_dir_model_path(const struct data_dir *dir, const char *job_id, struct arena *arena)
{
    return arena_printf(arena, "%s/models/%s", dir->root, checked(job_id));
}

const char *
data_dir_job_path(const struct data_dir *dir, const char *job_id, struct arena *arena)
{
    return arena_printf(arena, "%s/jobs/%s", dir->root, checked(job_id));
}

const char *
data_dir_checkpoint_path(const struct data_dir *dir, const char *job_id, int64_t step,
                         struct arena *arena)
{
    return arena_printf(arena, "%s/jobs/%s/checkpoints/step-%lld", dir->root, checked(job_id),
                        (long long)step);
}

const char *
data_dir_resume_state_path(const struct data_dir *dir, const char *job_id, const char *name,
                           struct arena *arena)
{
    return arena_printf(arena, "%s/jobs/%s/resume/%s", dir->root, checked(job_id), checked(name));
}

const char *
data_dir_tmp_path(const struct data_dir *dir, struct arena *arena)
{
    char name[IDS_SIZE];
    ids_new(ID_FILE, name);
    return arena_printf(arena, "%s/tmp/%s", dir->root, name);
}
