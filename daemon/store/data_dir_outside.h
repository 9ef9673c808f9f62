/*
 * What can be seen of a data directory from outside: who uses it, and who may look into it.
 */
#ifndef DAEMON_STORE_DATA_DIR_OUTSIDE_H
#define DAEMON_STORE_DATA_DIR_OUTSIDE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/data_dir.h"

#include <stddef.h>

/* The process that holds its lock, or 0 when there is none or it cannot be seen from here. Does not
 * touch the lock, so that it is in no daemon's way. */
long data_dir_user(const struct data_dir *dir);

struct data_dir_modes {
    bool root_is_open;  /* others may look into the directory itself */
    bool root_is_alien; /* it belongs to another user than the one who asks */
    size_t open;        /* files and folders in it with rights for others */
    const char *first;  /* of these, seen from the directory; NULL: none */
};

int data_dir_look_at_modes(const struct data_dir *dir, struct arena *arena,
                           struct data_dir_modes *out, struct err *err);

#endif
