/*
 * Reading control groups; see cgroup.h.
 *
 * Version 2 has one tree: cpu.max, memory.max, memory.current. Version 1 has one for each
 * controller: cpu.cfs_quota_us and cpu.cfs_period_us, memory.limit_in_bytes and
 * memory.usage_in_bytes, where "no limit" is a number of nearly 2^63. In a container the path that
 * /proc names may not exist below the mount; its levels are then simply not found, and the mount
 * itself is asked last.
 */
#include "core/base/cgroup.h"

#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 4096 };

static const int64_t no_limit = INT64_C(1) << 60;

/* The folder of a level: mount, perhaps a controller's, and the path of the group. */
struct level {
    char folder[PATH_BYTES];
    size_t root_length; /* of the mount, behind which the group's path stands */
};

/* The first number in a file of the level; -1 when there is none ("max" is none). */
static int64_t
read_number(const struct level *level, const char *name)
{
    char path[PATH_BYTES + 64];
    long long value = -1;
    snprintf(path, sizeof path, "%s/%s", level->folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    if (fscanf(file, "%lld", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

/* A named line of memory.stat; 0 when it is not there. */
static int64_t
read_stat(const struct level *level, const char *name)
{
    char path[PATH_BYTES + 64];
    char line[256];
    long long value = 0;
    size_t length = strlen(name);
    snprintf(path, sizeof path, "%s/memory.stat", level->folder);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ' ' &&
            sscanf(line + length, "%lld", &value) == 1)
            break;
    fclose(file);
    return value > 0 ? value : 0;
}

static void
take_processors(struct cgroup_limits *out, double quota, double period)
{
    if (quota <= 0 || period <= 0)
        return;
    double processors = quota / period;
    if (out->processors == 0 || processors < out->processors)
        out->processors = processors;
}

static void
take_memory(struct cgroup_limits *out, int64_t limit, int64_t used, int64_t cache)
{
    if (limit < 0 || limit >= no_limit)
        return;
    if (out->memory_bytes < 0 || limit < out->memory_bytes)
        out->memory_bytes = limit;
    int64_t kept = used > cache ? used - cache : 0;
    int64_t left = limit > kept ? limit - kept : 0;
    if (out->memory_left_bytes < 0 || left < out->memory_left_bytes)
        out->memory_left_bytes = left;
}

static void
ask_unified(const struct level *level, struct cgroup_limits *out)
{
    char path[PATH_BYTES + 64];
    double quota = 0;
    double period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", level->folder);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%lf %lf", &quota, &period) == 2)
            take_processors(out, quota, period);
        fclose(file);
    }
    take_memory(out, read_number(level, "memory.max"), read_number(level, "memory.current"),
                read_stat(level, "inactive_file") + read_stat(level, "active_file"));
}

static void
ask_cpu(const struct level *level, struct cgroup_limits *out)
{
    take_processors(out, (double)read_number(level, "cpu.cfs_quota_us"),
                    (double)read_number(level, "cpu.cfs_period_us"));
}

static void
ask_memory(const struct level *level, struct cgroup_limits *out)
{
    take_memory(out, read_number(level, "memory.limit_in_bytes"),
                read_number(level, "memory.usage_in_bytes"),
                read_stat(level, "total_inactive_file") + read_stat(level, "total_active_file"));
}

/* Ask the group's own folder, then each above it up to the mount. */
static void
ask_levels(struct level *level, void (*ask)(const struct level *, struct cgroup_limits *),
           struct cgroup_limits *out)
{
    for (;;) {
        ask(level, out);
        char *slash = strrchr(level->folder + level->root_length, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

static void
ask_from(const char *root, const char *path,
         void (*ask)(const struct level *, struct cgroup_limits *), struct cgroup_limits *out)
{
    struct level level = {.root_length = strlen(root)};
    const char *group = strcmp(path, "/") == 0 ? "" : path;
    int length = snprintf(level.folder, sizeof level.folder, "%s%s", root, group);
    if (length < 0 || (size_t)length >= sizeof level.folder)
        return;
    ask_levels(&level, ask, out);
}

/* Is the controller one of "cpu,cpuacct"? */
static int
has_controller(const char *list, const char *controller)
{
    size_t length = strlen(controller);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, controller, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

/* A line of the membership: "0::/path", or "4:memory:/path". */
static void
ask_membership(const char *mount, char *line, struct cgroup_limits *out)
{
    char root[PATH_BYTES];
    line[strcspn(line, "\n")] = '\0';
    char *list = strchr(line, ':');
    char *path = list != NULL ? strchr(list + 1, ':') : NULL;
    if (path == NULL || path[1] != '/')
        return;
    list++;
    *path++ = '\0';
    if (*list == '\0')
        ask_from(mount, path, ask_unified, out);
    if (has_controller(list, "cpu")) {
        snprintf(root, sizeof root, "%s/cpu", mount);
        ask_from(root, path, ask_cpu, out);
    }
    if (has_controller(list, "memory")) {
        snprintf(root, sizeof root, "%s/memory", mount);
        ask_from(root, path, ask_memory, out);
    }
}

void
cgroup_read(const char *mount, const char *membership, struct cgroup_limits *out)
{
    char line[LINE_BYTES];
    *out = (struct cgroup_limits){.memory_bytes = -1, .memory_left_bytes = -1};
    FILE *file = fopen(membership, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL)
        ask_membership(mount, line, out);
    fclose(file);
}
