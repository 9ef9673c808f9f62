/* States in a folder of their own; see run_states.h. */
#include "daemon/run_states.h"

#include "core/base/fileio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STATES = 64 };

static const char prefix[] = "step-";
static const char best_prefix[] = "best-";
static const char pending_suffix[] = "-pending";
static const char unfinished[] = "unfinished";

struct found {
    size_t step;
    bool pending;
};

struct run_states
run_states_of(const char *output, struct arena *arena)
{
    struct run_states states = {.arena = arena, .lock = -1};
    if (output == NULL)
        return states;
    size_t length = strlen(output);
    while (length > 1 && output[length - 1] == '/')
        length--;
    states.folder = arena_printf(arena, "%s.resume", arena_copy_bytes(arena, output, length));
    return states;
}

bool
run_states_exist(const struct run_states *states)
{
    struct stat status;
    return states->folder != NULL && lstat(states->folder, &status) == 0;
}

int
run_states_lock(struct run_states *states, struct err *err)
{
    if (states->folder == NULL || states->lock >= 0)
        return 0;
    int fd = open(states->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, "open %s", states->folder);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        states->lock = fd;
        return 0;
    }
    int code = errno == EWOULDBLOCK
                   ? err_set(err, ERR_CONFLICT,
                             "another run works with the states in %s: wait until it has ended",
                             states->folder)
                   : err_set_errno(err, "lock %s", states->folder);
    close(fd);
    return code;
}

void
run_states_unlock(struct run_states *states)
{
    if (states->lock >= 0)
        close(states->lock);
    states->lock = -1;
}

static const char *
path_of(const struct run_states *states, const struct found *found)
{
    return arena_printf(states->arena, "%s/%s%zu%s", states->folder, prefix, found->step,
                        found->pending ? pending_suffix : "");
}

/* Newest first: of one step, the state with everything done is the newer one. */
static int
newer_first(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    if (x->step != y->step)
        return x->step > y->step ? -1 : 1;
    return (int)x->pending - (int)y->pending;
}

static bool
parse_name(const char *name, struct found *out)
{
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    char *end = NULL;
    out->step = strtoul(name + strlen(prefix), &end, 10);
    out->pending = strcmp(end, pending_suffix) == 0;
    return out->step > 0 && (out->pending || *end == '\0');
}

/* What lies in the folder; an absent one is empty. */
static int
list(const struct run_states *states, struct found found[MAX_STATES], size_t *count,
     struct err *err)
{
    *count = 0;
    DIR *folder = opendir(states->folder);
    if (folder == NULL)
        return errno == ENOENT ? 0 : err_set_errno(err, "read folder %s", states->folder);
    for (struct dirent *entry = readdir(folder); entry != NULL && *count < MAX_STATES;
         entry = readdir(folder))
        *count += parse_name(entry->d_name, &found[*count]);
    closedir(folder);
    qsort(found, *count, sizeof *found, newer_first);
    return 0;
}

int
run_states_save(struct run_states *states, const struct resume_state *state, struct err *err)
{
    struct found found[MAX_STATES];
    size_t count = 0;
    const struct found this = {state->facts.step, state->facts.pending};
    const char *temporary = arena_printf(states->arena, "%s/%s", states->folder, unfinished);
    const char *path = path_of(states, &this);
    if (fileio_make_folder(states->folder, err) != 0 || run_states_lock(states, err) != 0 ||
        fileio_remove_tree(temporary, err) != 0 || resume_state_write(state, temporary, err) != 0 ||
        fileio_remove_tree(path, err) != 0 || fileio_rename(temporary, path, err) != 0 ||
        list(states, found, &count, err) != 0)
        return err->code;
    states->newest_step = this.step;
    for (size_t i = RUN_STATES_KEPT; i < count; i++)
        if (fileio_remove_tree(path_of(states, &found[i]), err) != 0)
            return err->code;
    return 0;
}

/* ---- the best model -------------------------------------------------------------------------- */

static const char *
best_path(const struct run_states *states, size_t step)
{
    return arena_printf(states->arena, "%s/%s%zu", states->folder, best_prefix, step);
}

/* All best models but that of a step. */
static int
remove_other_bests(const struct run_states *states, size_t step, struct err *err)
{
    int code = 0;
    char kept[64];
    snprintf(kept, sizeof kept, "%s%zu", best_prefix, step);
    DIR *folder = opendir(states->folder);
    if (folder == NULL)
        return err_set_errno(err, "read folder %s", states->folder);
    for (struct dirent *entry = readdir(folder); entry != NULL && code == 0;
         entry = readdir(folder))
        if (strncmp(entry->d_name, best_prefix, strlen(best_prefix)) == 0 &&
            strcmp(entry->d_name, kept) != 0)
            code = fileio_remove_tree(
                arena_printf(states->arena, "%s/%s", states->folder, entry->d_name), err);
    closedir(folder);
    return code;
}

int
run_states_keep_best(const struct run_states *states, const struct model_save *save, size_t step,
                     struct err *err)
{
    const char *path = best_path(states, step);
    if (fileio_make_folder(states->folder, err) != 0 || fileio_remove_tree(path, err) != 0 ||
        model_dir_save(save, path, err) != 0)
        return err->code;
    return remove_other_bests(states, step, err);
}

const char *
run_states_best(const struct run_states *states, size_t step)
{
    struct stat status;
    const char *path = best_path(states, step);
    return stat(path, &status) == 0 ? path : NULL;
}

/* ---- going on -------------------------------------------------------------------------------- */

int
run_states_choose(struct run_states *states, struct resume_file **out, const char **damage,
                  struct err *err)
{
    struct found found[MAX_STATES];
    size_t count = 0;
    *out = NULL;
    states->newest_step = 0;
    if (states->folder == NULL)
        return 0;
    if (list(states, found, &count, err) != 0)
        return err->code;
    for (size_t i = 0; i < count; i++) {
        const char *path = path_of(states, &found[i]);
        int code = resume_state_open(path, out, err);
        if (code == 0) {
            states->newest_step = found[i].step;
            return 0;
        }
        if (code != ERR_INVALID && code != ERR_NOT_FOUND)
            return err_prefix(err, "%s", path);
        if (*damage == NULL)
            *damage =
                arena_printf(states->arena, "The resume state %s is damaged and was removed: %s.",
                             path, err->message);
        if (fileio_remove_tree(path, err) != 0)
            return err->code;
    }
    return 0;
}

int
run_states_remove(struct run_states *states, struct err *err)
{
    return states->folder == NULL ? 0 : fileio_remove_tree(states->folder, err);
}
