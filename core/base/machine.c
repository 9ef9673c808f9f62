/* Memory by /proc and control groups, disk by statvfs; see machine.h. */
#include "core/base/machine.h"

#include "core/base/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

/* A line "Name:   123 kB" of a file of /proc in bytes; fallback when it is not there. */
static int64_t
read_line(const char *path, const char *name, int64_t fallback)
{
    char line[256];
    long long kibibytes = -1;
    size_t length = strlen(name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fallback;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, length) == 0 && sscanf(line + length, ": %lld", &kibibytes) == 1)
            break;
    fclose(file);
    return kibibytes < 0 ? fallback : kibibytes * 1024;
}

struct machine_memory
machine_memory(void)
{
    struct cgroup_limits limits;
    struct machine_memory out = {
        .total_bytes = read_line("/proc/meminfo", "MemTotal", INT64_MAX),
        .free_bytes = read_line("/proc/meminfo", "MemAvailable", INT64_MAX),
        .own_bytes = read_line("/proc/self/status", "RssAnon", 0),
    };
    cgroup_read(CGROUP_MOUNT, CGROUP_MEMBERSHIP, &limits);
    if (limits.memory_bytes >= 0 && limits.memory_bytes < out.total_bytes)
        out.total_bytes = limits.memory_bytes;
    if (limits.memory_left_bytes >= 0 && limits.memory_left_bytes < out.free_bytes)
        out.free_bytes = limits.memory_left_bytes;
    return out;
}

int
machine_disk(const char *path, struct machine_disk *out, struct err *err)
{
    struct statvfs status;
    if (statvfs(path, &status) != 0)
        return err_set_errno(err, "ask for the free space of %s", path);
    out->total_bytes = (int64_t)status.f_blocks * (int64_t)status.f_frsize;
    out->free_bytes = (int64_t)status.f_bavail * (int64_t)status.f_frsize;
    out->read_only = (status.f_flag & ST_RDONLY) != 0;
    return 0;
}
