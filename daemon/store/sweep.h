/*
 * Sweep: remove stored files that no row names.
 *
 * Files come before their row and go after it, so a crash leaves orphans: an upload without a file
 * row, a model folder without a model row, a checkpoint without a checkpoint row, a folder of a job
 * that is gone. Run at start only, before any thread works.
 */
#ifndef DAEMON_STORE_SWEEP_H
#define DAEMON_STORE_SWEEP_H

#include "core/base/err.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db.h"

#include <stddef.h>

struct sweep_report {
    size_t files, models, jobs, checkpoints; /* removed */
};

int sweep_run(const struct data_dir *dir, struct db *db, struct sweep_report *out, struct err *err);

#endif
