/* Orphans; see sweep.h. Only names of our own making are touched, and only when no row has them. */
#include "daemon/store/sweep.h"

#include "daemon/store/checkpoints.h"
#include "daemon/store/events.h"
#include "daemon/store/files.h"
#include "daemon/store/ids.h"
#include "daemon/store/jobs_read.h"
#include "daemon/store/query.h"
#include "daemon/store/resume_states.h"
#include "daemon/store/uploads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sweep {
    const struct data_dir *dir;
    struct db *db;
    struct sweep_report report;
    const char *job_id; /* whose checkpoints and resume states are visited, */
    int64_t job_seq;    /* and its row */
};

static const char checkpoint_prefix[] = "step-";

/* 1 when the statement finds a row by :id (its integer goes to *value), 0 when not, or negative. */
static int
find(struct sweep *sweep, enum statement statement, const char *id, int64_t *value, struct err *err)
{
    struct query query = query_begin(sweep->db, statement);
    query_bind_text(&query, ":id", id);
    return query_run_integer(&query, value, err);
}

static int
visit_file(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t seq = 0;
    int found = ids_is_valid(ID_FILE, name) ? find(sweep, STATEMENT_FILE_SEQ, name, &seq, err) : 1;
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.files++;
    return data_dir_remove_file(sweep->dir, name, err);
}

static int
visit_model(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t seq = 0;
    int found =
        ids_is_valid(ID_JOB, name) ? find(sweep, STATEMENT_MODEL_OF_JOB, name, &seq, err) : 1;
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.models++;
    return data_dir_remove_model(sweep->dir, name, err);
}

static int
visit_upload(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t seq = 0;
    int found = ids_is_valid(ID_UPLOAD, name)
                    ? find(sweep, STATEMENT_UPLOAD_IS_PENDING, name, &seq, err)
                    : 1;
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.uploads++;
    return data_dir_remove_upload(sweep->dir, name, err);
}

/* The N of "step-N" in the one spelling that we write, or -1. */
static int64_t
parse_step(const char *name)
{
    size_t length = strlen(checkpoint_prefix);
    if (strncmp(name, checkpoint_prefix, length) != 0)
        return -1;
    long long step = strtoll(name + length, NULL, 10);
    char again[64];
    snprintf(again, sizeof again, "%s%lld", checkpoint_prefix, step);
    return step >= 0 && strcmp(again, name) == 0 ? step : -1;
}

static int
visit_checkpoint(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t step = parse_step(name);
    if (step < 0)
        return 0;
    int64_t seq = 0;
    struct query query = query_begin(sweep->db, STATEMENT_CHECKPOINT_BY_STEP);
    query_bind_integer(&query, ":job", sweep->job_seq);
    query_bind_integer(&query, ":step", step);
    int found = query_run_integer(&query, &seq, err);
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.checkpoints++;
    return data_dir_remove_checkpoint(sweep->dir, sweep->job_id, step, err);
}

static int
visit_resume_state(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t step = 0;
    bool pending = false;
    if (!resume_states_parse_name(name, &step, &pending))
        return 0;
    int found = resume_states_find(sweep->db, sweep->job_seq, step, pending, err);
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.resume_states++;
    return data_dir_remove_resume_state(sweep->dir, sweep->job_id, name, err);
}

static int
append_damage(struct db *db, void *context, struct err *err)
{
    const struct sweep *sweep = context;
    const struct event_new event = {
        .kind = EVENT_STATE_DAMAGED,
        .level = EVENT_WARN,
        .message = "Where a folder of this job belongs, for its checkpoints or resume states, the "
                   "start found something else and removed it. What the folder held is gone."};
    return events_append(db, sweep->job_seq, &event, err);
}

static int
clear_way(struct sweep *sweep, struct err *err)
{
    size_t removed = 0;
    if (data_dir_clear_job(sweep->dir, sweep->job_id, &removed, err) != 0)
        return err->code;
    return removed > 0 ? db_write(sweep->db, append_damage, sweep, err) : 0;
}

static int
visit_job(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    if (!ids_is_valid(ID_JOB, name))
        return 0;
    int found = find(sweep, STATEMENT_JOB_SEQ, name, &sweep->job_seq, err);
    if (found < 0)
        return found;
    if (found > 0) {
        sweep->job_id = name;
        if (clear_way(sweep, err) != 0 ||
            data_dir_each_checkpoint(sweep->dir, name, visit_checkpoint, sweep, err) != 0)
            return err->code;
        return data_dir_each_resume_state(sweep->dir, name, visit_resume_state, sweep, err);
    }
    sweep->report.jobs++;
    return data_dir_remove_job(sweep->dir, name, err);
}

int
sweep_run(const struct data_dir *dir, struct db *db, struct sweep_report *out, struct err *err)
{
    struct sweep sweep = {.dir = dir, .db = db};
    int result = 0;
    if (data_dir_each(dir, DATA_DIR_FILES, visit_file, &sweep, err) != 0 ||
        data_dir_each(dir, DATA_DIR_MODELS, visit_model, &sweep, err) != 0 ||
        data_dir_each(dir, DATA_DIR_UPLOADS, visit_upload, &sweep, err) != 0 ||
        data_dir_each(dir, DATA_DIR_JOBS, visit_job, &sweep, err) != 0)
        result = err_prefix(err, "remove stored files that nothing names");
    *out = sweep.report;
    return result;
}

int
sweep_job(const struct data_dir *dir, struct db *db, const char *job_id, struct err *err)
{
    struct sweep sweep = {.dir = dir, .db = db};
    return visit_job(&sweep, job_id, err);
}

/* ---- one folder ------------------------------------------------------------------------------ */

struct leftover {
    const struct data_dir *dir;
    const char *job_id;
    int64_t step;
    const char *aside; /* where it goes */
    bool in_use;
};

/* Does a row name it, by now? 1 or 0, or negative. */
static int
is_named(struct db *db, const struct leftover *leftover, int64_t job_seq, struct err *err)
{
    if (leftover->step > 0)
        return checkpoints_find(db, job_seq, leftover->step, err);
    struct resume_state_rows rows;
    struct arena *arena = arena_new();
    int code = resume_states_list(db, job_seq, arena, &rows, err);
    arena_free(arena);
    return code != 0 ? code : rows.count > 0;
}

/* The folders of a deleted job belong to whoever deleted it. */
static int
set_aside(struct db *db, void *context, struct err *err)
{
    struct leftover *leftover = context;
    struct job_standing job = {0};
    int code = jobs_find_standing(db, leftover->job_id, &job, err);
    if (code != 0)
        return code == ERR_NOT_FOUND ? 0 : code;
    leftover->in_use = !jobs_state_is_final(job.state);
    int named = leftover->in_use ? 1 : is_named(db, leftover, job.seq, err);
    if (named != 0)
        return named < 0 ? named : 0;
    return leftover->step > 0 ? data_dir_set_checkpoint_aside(leftover->dir, leftover->job_id,
                                                              leftover->step, leftover->aside, err)
                              : data_dir_set_resume_states_aside(leftover->dir, leftover->job_id,
                                                                 leftover->aside, err);
}

int
sweep_leftover(const struct data_dir *dir, struct db *db, const char *job_id, int64_t step,
               struct err *err)
{
    struct arena *arena = arena_new();
    struct leftover leftover = {
        .dir = dir, .job_id = job_id, .step = step, .aside = data_dir_tmp_path(dir, arena)};
    int code = db_write(db, set_aside, &leftover, err);
    if (code == 0)
        code = leftover.in_use ? 1 : data_dir_remove_tmp(dir, leftover.aside, err);
    arena_free(arena);
    return code;
}

/* ---- what has expired ------------------------------------------------------------------------ */

/* Row first, as always; another thread or a new job may have been faster. */
static int
expire_file(const struct data_dir *dir, struct db *db, const char *id, struct err *err)
{
    int code = files_delete(db, id, err);
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND)
        return 0;
    return code == 0 ? data_dir_remove_file(dir, id, err) : code;
}

int
sweep_expired(const struct data_dir *dir, struct db *db, struct err *err)
{
    struct arena *arena = arena_new();
    const char *id = NULL;
    int result = 0;
    while ((result = files_find_expired(db, arena, &id, err)) > 0)
        if ((result = expire_file(dir, db, id, err)) != 0)
            break;
    arena_free(arena);
    if (result == 0)
        result = uploads_sweep(db, dir, err);
    return result == 0 ? 0 : err_prefix(err, "remove what has expired");
}
