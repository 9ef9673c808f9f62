/*
 * What the control groups that this process is in let it have: processors and memory.
 *
 * Both versions are understood. A limit may stand at any level above the process, so every level is
 * asked and the tightest counts. Where nothing can be read there is no limit.
 */
#ifndef CORE_BASE_CGROUP_H
#define CORE_BASE_CGROUP_H

#include <stdint.h>

#define CGROUP_MOUNT      "/sys/fs/cgroup"
#define CGROUP_MEMBERSHIP "/proc/self/cgroup"

struct cgroup_limits {
    double processors;    /* of the CPU quota; 0: no limit */
    int64_t memory_bytes; /* the tightest limit; < 0: none */
    int64_t
        memory_left_bytes; /* until the first limit is reached, page cache left out; < 0: none */
};

/* mount and membership are CGROUP_MOUNT and CGROUP_MEMBERSHIP, or a test's folder and file. */
void cgroup_read(const char *mount, const char *membership, struct cgroup_limits *out);

#endif
