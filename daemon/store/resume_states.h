/*
 * Resume states: the rows. The folder is data_dir_resume_state_path(job id, name): in place before
 * the row, removed after it. The newest RESUME_STATES_KEPT of a job stay.
 */
#ifndef DAEMON_STORE_RESUME_STATES_H
#define DAEMON_STORE_RESUME_STATES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/jobs.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESUME_STATES_KEPT = 2 };

struct resume_state_row {
    int64_t seq; /* given on insertion */
    int64_t step;
    bool pending;     /* evaluation and metric point of the step are yet to come */
    const char *name; /* of the folder; filled in when read */
};

struct resume_state_rows {
    struct resume_state_row *items;
    size_t count;
};

/* "step-120" or "step-120-pending", in the arena. */
const char *resume_states_name(int64_t step, bool pending, struct arena *arena);

/* The step and kind of a name in the one spelling that we write; false for any other name. */
bool resume_states_parse_name(const char *name, int64_t *step, bool *pending);

/* Of one job, newest first. */
int resume_states_list(struct db *db, int64_t job_seq, struct arena *arena,
                       struct resume_state_rows *out, struct err *err);

/* 1 when the job has a row of that step and kind, 0 when not, or negative. */
int resume_states_find(struct db *db, int64_t job_seq, int64_t step, bool pending, struct err *err);

/*
 * Insert a row under the lease; those that are too many go in the same transaction. *gone: their
 * folders are the caller's to remove. ERR_CONFLICT when the lease is lost.
 */
int resume_states_add(struct db *db, struct job_lease lease, const struct resume_state_row *row,
                      struct arena *arena, struct resume_state_rows *gone, struct err *err);

/* Where an attempt starts. */
struct resume_start {
    const struct resume_state_row *from; /* NULL: the beginning */
    const struct measure *latest;        /* of each metric, as they were there */
    size_t latest_count;
};

/*
 * Start an attempt: jobs_rewind to what the state has seen reported, the latest measures become
 * those of the state, and rows of newer states go (their folders are orphans: replaced when the
 * step comes again, else swept). ERR_CONFLICT when the lease is lost.
 */
int resume_states_start(struct db *db, struct job_lease lease, const struct resume_start *start,
                        struct err *err);

/* All rows of a job; in the transaction that ends it. */
int resume_states_delete_all(struct db *db, int64_t job_seq, struct err *err);

#endif
