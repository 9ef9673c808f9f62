/*
 * Sweep: remove stored files that no row names, and what has reached the end of its time.
 *
 * Files come before their row and go after it, so a crash leaves orphans: an upload without a file
 * row, a model folder without a model row, a checkpoint or resume state without a row, a folder of
 * a job that is gone, parts of an upload that is not pending. What is no folder where a job's
 * folders belong goes as well, and an event of the job says so. sweep_run is for the start only,
 * before any thread works; a job that begins anew sweeps its own.
 */
#ifndef DAEMON_STORE_SWEEP_H
#define DAEMON_STORE_SWEEP_H

#include "core/base/err.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db.h"

#include <stddef.h>

struct sweep_report {
    size_t files, models, jobs, checkpoints, uploads, resume_states; /* removed */
};

int sweep_run(const struct data_dir *dir, struct db *db, struct sweep_report *out, struct err *err);

/* The same of one job's folder, into which nobody may write meanwhile. */
int sweep_job(const struct data_dir *dir, struct db *db, const char *job_id, struct err *err);

/*
 * Remove one folder whose rows were deleted (and committed: a transaction may fail at its end): of
 * the job's checkpoint of `step` or, 0, of its resume states. It moves out of the way under the
 * write lock, while no worker can claim the job and write a folder of the same name. Nothing when a
 * row names it again; 1, and nothing, when the job has not ended.
 */
int sweep_leftover(const struct data_dir *dir, struct db *db, const char *job_id, int64_t step,
                   struct err *err);

/*
 * Remove the files whose time is over, unless an unfinished job or evaluation needs them, and end
 * uploads in parts that were not completed in theirs. At start, and whenever somebody looks: when
 * there is nothing to do it is two searches of an index. Thread-safe.
 */
int sweep_expired(const struct data_dir *dir, struct db *db, struct err *err);

#endif
