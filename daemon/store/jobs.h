/*
 * Jobs: THE truth about what is queued, running and done.
 *
 * A change of state and its event are one transaction. Which changes are legal is daemon/work's
 * table; here every change names the states it may start from and is refused when the row is in
 * another. A worker writes under its lease (job and attempt): once the row has left `running`, or
 * runs again under a later attempt, nothing the old worker writes is taken.
 *
 * A job holds the ids of its files and of its model as text, not as foreign keys: a finished job
 * keeps showing which file it was trained on after that file is deleted. That an unfinished job's
 * files and fine-tuned base model stay is checked when they are deleted and when the job is
 * inserted.
 */
#ifndef DAEMON_STORE_JOBS_H
#define DAEMON_STORE_JOBS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/checkpoints.h"
#include "daemon/store/db.h"
#include "daemon/store/events.h"
#include "daemon/store/ids.h"
#include "daemon/store/metrics.h"
#include "daemon/store/models.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of daemon/service.h's enum job_status. */
enum job_state {
    JOB_STATE_QUEUED,
    JOB_STATE_RUNNING,
    JOB_STATE_PAUSING,
    JOB_STATE_PAUSED,
    JOB_STATE_SUCCEEDED,
    JOB_STATE_FAILED,
    JOB_STATE_CANCELLED,
    JOB_STATE_COUNT
};

/* A set of states: 1u << JOB_STATE_QUEUED | 1u << JOB_STATE_RUNNING */
typedef unsigned job_state_set;

/* "queued", … as the database and the wire have it. */
const char *jobs_state_name(enum job_state state);

/* Has a job in this state ended, so that nothing but a retry leads on? */
bool jobs_state_is_final(enum job_state state);

/* What a job is when it is accepted. Strings may be NULL where said so. */
struct job_new {
    const char *model; /* as resolved: what it starts from */
    const char
        *root_model; /* the base model at the bottom of it; equal to model for a base model */
    const char *training_file;
    const char *validation_file, *test_file; /* or NULL */
    const char *suffix;                      /* or NULL */
    int64_t seed;
    const char *metadata_json;   /* an object of strings, or NULL */
    const char *request;         /* the body as it came, */
    size_t request_length;       /* byte for byte */
    const char *parameters_json; /* every value in force, an object */
    const char *task;
    const char *const *labels; /* id order */
    size_t label_count;
    int64_t priority;               /* higher runs earlier */
    int64_t total_steps;            /* that it will take */
    int64_t epoch_rows;             /* that an epoch visits */
    int64_t estimated_memory_bytes; /* at its peak; < 0: not known */
    int64_t estimated_disk_bytes;   /* the same of the data directory; 0: nothing to speak of */
};

struct job_progress_row {
    int64_t step, total_steps;
    double epoch;
    double seconds_elapsed;
    double rows_per_second, tokens_per_second;
    int64_t trained_tokens;
    int64_t peak_memory_bytes; /* < 0: not known */
};

struct job_row {
    int64_t seq;
    const char *id;
    enum job_state state;
    int64_t created_at, started_at, finished_at; /* 0: not yet; started_at of the latest attempt */
    const char *model, *root_model;
    const char *training_file;
    const char *validation_file, *test_file; /* or NULL */
    const char *suffix;                      /* or NULL */
    int64_t seed;
    const char *metadata_json; /* or NULL */
    const char *parameters_json;
    const char *task;
    const char *labels_json; /* an array of strings, id order */
    int64_t priority;
    int64_t attempt;        /* 0 before it ran */
    int64_t queue_position; /* 1: next; 0 when not queued */
    struct job_progress_row progress;
    const struct measure *measures; /* the latest of each */
    size_t measure_count;
    const char *engine, *precision, *numerics_key, *base_sha256; /* NULL before it ran */
    int64_t threads;
    int64_t epoch_rows;             /* < 0: not known */
    int64_t estimated_memory_bytes; /* < 0: not known */
    const char *fine_tuned_model;   /* or NULL; stays when that model is deleted */
    const char *result_file;        /* the same of the file with its measures */
    const char *baseline_json;      /* an object, or NULL */
    const char *error_code, *error_message, *error_param; /* NULL unless failed */
};

struct job_rows {
    struct job_row *items;
    size_t count;
    bool has_more;
};

struct job_metadata_filter {
    const char *key;
    const char *value;
};

/*
 * Insert a QUEUED job with its event. id receives its id, which jobs_insert picks so that the first
 * 8 characters behind the prefix are unique too (model ids are made of them). ERR_NOT_FOUND when
 * one of its files, or a fine-tuned model ("ft:…") that it starts from, is gone by now.
 */
int jobs_insert(struct db *db, const struct job_new *job, const struct event_new *event,
                char id[IDS_SIZE], struct err *err);

/* ERR_NOT_FOUND when there is none. */
int jobs_get(struct db *db, const char *id, struct arena *arena, struct job_row *out,
             struct err *err);

/* The request as it came. ERR_NOT_FOUND. */
int jobs_get_request(struct db *db, const char *id, struct arena *arena, const char **request,
                     size_t *length, struct err *err);

/* Jobs that have all of the pairs in their metadata. ERR_NOT_FOUND when query->after names no job.
 */
int jobs_page(struct db *db, const struct list_query *query,
              const struct job_metadata_filter *filters, size_t filter_count, struct arena *arena,
              struct job_rows *out, struct err *err);

/* How many jobs are in a state. */
int jobs_count(struct db *db, enum job_state state, int64_t *count, struct err *err);

/* A worker's right to write: this job, as long as it is RUNNING or PAUSING in this attempt. */
struct job_lease {
    int64_t seq;
    int64_t attempt;
};

/*
 * Take the next job, whatever it needs: highest priority first, then the oldest. It becomes
 * RUNNING, attempt + 1, with an event. *claimed is false, and out untouched, when the queue is
 * empty or paused. Any number of connections may try at once; a job is given to one of them. lease
 * = {out->seq, out->attempt}. jobs_claim.h has the form that asks whether a job fits.
 */
int jobs_claim(struct db *db, struct arena *arena, struct job_row *out, bool *claimed,
               struct err *err);

struct job_error {
    const char *code;
    const char *message;
    const char *param; /* or NULL */
};

struct job_change {
    job_state_set from;
    enum job_state to; /* not RUNNING nor SUCCEEDED: jobs_claim and jobs_finish make those */
    int64_t attempt;   /* only while this attempt is the current one; 0: any */
    const struct job_error *error; /* with FAILED */
    struct event_new event;
};

/*
 * Change the state of a job, with its event. FAILED and CANCELLED set finished_at; the others clear
 * finished_at and the error. ERR_NOT_FOUND; ERR_CONFLICT, with nothing changed, when the job is not
 * in one of the `from` states or the attempt is another (the message says which state it is in).
 */
int jobs_change(struct db *db, const char *id, const struct job_change *change, struct err *err);

/* What a worker learns when it starts an attempt. Strings may be NULL: left as they are. */
struct job_run {
    const char *engine, *precision, *numerics_key, *base_sha256;
    int64_t threads;
};

/*
 * The functions below need the lease: ERR_CONFLICT, with nothing written, when the job no longer
 * runs in that attempt. The worker then stops.
 */
int jobs_set_run(struct db *db, struct job_lease lease, const struct job_run *run, struct err *err);

/* Is the lease good still? For writes of other tables, within their db_write. */
int jobs_check_lease(struct db *db, struct job_lease lease, struct err *err);

/*
 * Start an attempt at `step` (0: from the beginning): metric points and checkpoint rows beyond it
 * are deleted (but for checkpoints from which another unfinished job starts), progress.step becomes
 * it; at 0 all progress and the latest measures are forgotten. The folders of deleted checkpoints
 * are orphans: replaced when the step comes again, else swept.
 */
int jobs_rewind(struct db *db, struct job_lease lease, int64_t step, struct err *err);

/* Write progress and points, and merge the points' measures into the latest ones. points may be
 * empty. */
int jobs_flush(struct db *db, struct job_lease lease, const struct job_progress_row *progress,
               const struct point_row *points, size_t count, struct err *err);

/* checkpoints_insert with its event (NULL: none), under the lease. */
int jobs_add_checkpoint(struct db *db, struct job_lease lease, struct checkpoint_row *row,
                        const struct event_new *event, struct arena *arena, struct err *err);

/*
 * The end: model row, job SUCCEEDED with fine_tuned_model = model->id and its progress, event; one
 * transaction. The model's folder must be in place; when the answer is ERR_CONFLICT the caller
 * removes it.
 */
int jobs_finish(struct db *db, struct job_lease lease, struct model_row *model,
                const struct job_progress_row *progress, const struct event_new *event,
                struct err *err);

/* Name the file that holds the measures of an ended job. In the transaction of jobs_finish. */
int jobs_set_result(struct db *db, int64_t job_seq, const char *file_id, struct err *err);

/* Keep the baseline of an ended job, an object. In the transaction of jobs_finish. */
int jobs_set_baseline(struct db *db, int64_t job_seq, const char *json, struct err *err);

#endif
