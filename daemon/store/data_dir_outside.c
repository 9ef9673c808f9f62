/* Locks and modes, looked at only; see data_dir_outside.h. */
#include "daemon/store/data_dir_outside.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8 };

/* Lines of /proc/locks: "3: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF" */
long
data_dir_user(const struct data_dir *dir)
{
    struct stat status;
    struct arena *arena = arena_new();
    long found = 0;
    char line[256];
    FILE *locks = fopen("/proc/locks", "re");
    if (stat(arena_printf(arena, "%s/lock", data_dir_root(dir)), &status) != 0)
        status.st_ino = 0;
    arena_free(arena);
    while (locks != NULL && found == 0 && fgets(line, sizeof line, locks) != NULL) {
        long pid = 0;
        uintmax_t inode = 0;
        if (sscanf(line, "%*d: FLOCK %*s WRITE %ld %*x:%*x:%ju", &pid, &inode) == 2 &&
            inode == (uintmax_t)status.st_ino)
            found = pid;
    }
    if (locks != NULL)
        fclose(locks);
    return found;
}

struct walk {
    size_t root_length; /* with the slash behind it */
    struct arena *arena;
    struct data_dir_modes *out;
};

static int
walk(const struct walk *walking, const char *path, int depth, struct err *err)
{
    struct data_dir_modes *out = walking->out;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno == ENOENT ? 0 : err_set_errno(err, "read folder %s", path);
    int code = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && code == 0;
         entry = readdir(folder)) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *at = arena_printf(walking->arena, "%s/%s", path, entry->d_name);
        if (lstat(at, &status) != 0 || S_ISLNK(status.st_mode))
            continue;
        if ((status.st_mode & 0077) != 0 && strcmp(entry->d_name, "lost+found") != 0) {
            out->first = out->open++ == 0 ? at + walking->root_length : out->first;
        }
        if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
            code = walk(walking, at, depth + 1, err);
    }
    closedir(folder);
    return code;
}

int
data_dir_look_at_modes(const struct data_dir *dir, struct arena *arena, struct data_dir_modes *out,
                       struct err *err)
{
    struct stat status;
    const char *root = data_dir_root(dir);
    const struct walk walking = {strlen(root) + 1, arena, out};
    *out = (struct data_dir_modes){0};
    if (stat(root, &status) != 0)
        return err_set_errno(err, "stat %s", root);
    out->root_is_open = (status.st_mode & 0077) != 0;
    out->root_is_alien = status.st_uid != geteuid();
    return walk(&walking, root, 0, err);
}
