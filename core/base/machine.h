/*
 * What the machine has left for this process: memory and disk.
 */
#ifndef CORE_BASE_MACHINE_H
#define CORE_BASE_MACHINE_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct machine_memory {
    int64_t total_bytes; /* of the machine, or of the control group if that is less */
    int64_t free_bytes;  /* that can still be had without pushing anybody out */
    int64_t own_bytes;   /* that this process holds and nobody else could have meanwhile */
};

/* Never fails: what cannot be read is INT64_MAX, or 0 for own_bytes. */
struct machine_memory machine_memory(void);

struct machine_disk {
    int64_t total_bytes;
    int64_t free_bytes; /* for this user */
    bool read_only;
};

/* The file system that holds a path. */
int machine_disk(const char *path, struct machine_disk *out, struct err *err);

#endif
