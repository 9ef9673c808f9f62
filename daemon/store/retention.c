/* Removing what is old; see retention.h. */
#include "daemon/store/retention.h"

#include "core/base/mem.h"
#include "daemon/store/checkpoints.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/files.h"
#include "daemon/store/jobs_life.h"
#include "daemon/store/jobs_read.h"
#include "daemon/store/models.h"
#include "daemon/store/query.h"
#include "daemon/store/sweep.h"

enum { SECONDS_A_DAY = 24 * 3600 };

struct removal {
    const struct retention *retention;
    struct retention_report *report;
    struct arena *arena;
};

static bool
is_stopping(const struct removal *removal)
{
    const struct retention *retention = removal->retention;
    return retention->is_stopping != NULL && retention->is_stopping(retention->context);
}

static void
forget_model(const struct removal *removal, const char *folder)
{
    const struct retention *retention = removal->retention;
    if (retention->forget_model != NULL)
        retention->forget_model(retention->context, folder);
}

/* The latest moment that is old enough. */
static int64_t
before(const struct removal *removal, int64_t days)
{
    return removal->retention->now - days * SECONDS_A_DAY;
}

/* What a statement finds, oldest first. */
struct found {
    int64_t at; /* what its age counts from */
    int64_t seq;
    const char *id;
    const char *metric; /* of a job with checkpoints: what says which is the best; may be NULL */
};

/* The one behind *at: 1, or 0 when there is none. */
static int
find_next(const struct removal *removal, enum statement statement, int64_t limit, struct found *at,
          struct err *err)
{
    struct query query = query_begin(removal->retention->db, statement);
    query_bind_integer(&query, ":limit", limit);
    query_bind_integer(&query, ":at", at->at);
    query_bind_integer(&query, ":after", at->seq);
    int found = query_step(&query, err);
    if (found > 0) {
        at->at = query_take_integer(&query);
        at->seq = query_take_integer(&query);
        at->id = query_take_text(&query, removal->arena);
    }
    query_end(&query);
    return found;
}

/* Take one thing away: 0, or negative. */
typedef int remove_one(const struct removal *removal, const struct found *found, struct err *err);

/* All that a statement finds, one after the other by their numbers: what could not be removed now
 * (somebody needs it) is passed by. */
static int
remove_each(const struct removal *removal, enum statement statement, int64_t days, remove_one *take,
            struct err *err)
{
    struct found found = {0};
    int code = 0;
    while (days > 0 && !is_stopping(removal) &&
           (code = find_next(removal, statement, before(removal, days), &found, err)) > 0)
        if ((code = take(removal, &found, err)) != 0)
            break;
    return code;
}

/* ---- what hangs on ended jobs ---------------------------------------------------------------- */

struct batch {
    enum statement statement;
    int64_t job_seq;
    int64_t changes;
};

/* A batch of a job's rows; that the job has ended is part of each statement. */
static int
delete_batch(struct db *db, void *context, struct err *err)
{
    struct batch *batch = context;
    struct query query = query_begin(db, batch->statement);
    query_bind_integer(&query, ":job", batch->job_seq);
    query_bind_integer(&query, ":limit", RETENTION_BATCH);
    if (query_run(&query, err) != 0)
        return err->code;
    batch->changes = query_changes(db);
    return 0;
}

static int
delete_batches(const struct removal *removal, enum statement statement, int64_t job_seq,
               size_t *count, struct err *err)
{
    struct batch batch = {.statement = statement, .job_seq = job_seq, .changes = RETENTION_BATCH};
    while (batch.changes == RETENTION_BATCH && !is_stopping(removal)) {
        if (db_write(removal->retention->db, delete_batch, &batch, err) != 0)
            return err->code;
        *count += (size_t)batch.changes;
    }
    return 0;
}

static int
remove_events(const struct removal *removal, const struct found *job, struct err *err)
{
    return delete_batches(removal, STATEMENT_OLD_EVENTS_DELETE, job->seq, &removal->report->events,
                          err);
}

/* Points first: a job that is sent into the queue again meanwhile keeps the rest. A bucket whose
 * point is gone is passed by, but a point without its bucket would be in no thinned series. */
static int
remove_points(const struct removal *removal, const struct found *job, struct err *err)
{
    size_t buckets = 0;
    if (delete_batches(removal, STATEMENT_OLD_POINTS_DELETE, job->seq, &removal->report->points,
                       err) != 0)
        return err->code;
    return delete_batches(removal, STATEMENT_OLD_BUCKETS_DELETE, job->seq, &buckets, err);
}

/* Of a checkpoint or, step 0, of all resume states; its rows are gone. A job that was sent into the
 * queue again meanwhile replaces it. */
static int
remove_leftover(const struct removal *removal, const char *job_id, int64_t step, struct err *err)
{
    const struct retention *retention = removal->retention;
    int code = sweep_leftover(retention->dir, retention->db, job_id, step, err);
    return code > 0 ? 0 : code;
}

static int
remove_resume_states(const struct removal *removal, const struct found *job, struct err *err)
{
    struct batch batch = {.statement = STATEMENT_OLD_RESUME_STATES_DELETE, .job_seq = job->seq};
    if (db_write(removal->retention->db, delete_batch, &batch, err) != 0)
        return err->code;
    removal->report->resume_states += (size_t)batch.changes;
    return batch.changes > 0 ? remove_leftover(removal, job->id, 0, err) : 0;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* ERR_CONFLICT when the job does not rest any more: its run needs its checkpoints. */
static int
delete_checkpoint(struct db *db, void *context, struct err *err)
{
    const struct checkpoint_row *row = context;
    struct job_standing job = {0};
    if (jobs_find_standing(db, row->job_id, &job, err) != 0)
        return err->code;
    if (!jobs_state_is_final(job.state))
        return err_set(err, ERR_CONFLICT, "job %s was sent into the queue again", row->job_id);
    return checkpoints_delete(db, row->id, err);
}

static int
remove_checkpoint(const struct removal *removal, struct checkpoint_row *row, struct err *err)
{
    const struct retention *retention = removal->retention;
    int code = db_write(retention->db, delete_checkpoint, row, err);
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND)
        return 0;
    if (code != 0)
        return code;
    removal->report->checkpoints++;
    forget_model(removal,
                 data_dir_checkpoint_path(retention->dir, row->job_id, row->step, removal->arena));
    return remove_leftover(removal, row->job_id, row->step, err);
}

/* Rows come newest first. */
static int
thin_checkpoints(const struct removal *removal, const struct found *job, struct err *err)
{
    struct checkpoint_rows rows;
    const struct list_query all = {.limit = LIST_LIMIT_MAX};
    size_t keep = (size_t)removal->retention->rules.checkpoints;
    if (checkpoints_page(removal->retention->db, job->seq, &all, removal->arena, &rows, err) != 0)
        return err->code;
    size_t best = checkpoints_best(&rows, job->metric);
    for (size_t i = keep; i < rows.count; i++)
        if (i != best && remove_checkpoint(removal, &rows.items[i], err) != 0)
            return err->code;
    return 0;
}

/* The next ended job that has more than are to stay. */
static int
find_crowded(const struct removal *removal, struct found *at, struct err *err)
{
    struct query query = query_begin(removal->retention->db, STATEMENT_OLD_CHECKPOINTS);
    query_bind_integer(&query, ":keep", removal->retention->rules.checkpoints);
    query_bind_integer(&query, ":after", at->seq);
    int found = query_step(&query, err);
    if (found > 0) {
        at->seq = query_take_integer(&query);
        at->id = query_take_text(&query, removal->arena);
        at->metric = query_take_text(&query, removal->arena);
    }
    query_end(&query);
    return found;
}

static int
thin_all_checkpoints(const struct removal *removal, struct err *err)
{
    struct found job = {0};
    int code = 0;
    while (removal->retention->rules.checkpoints > 0 && !is_stopping(removal) &&
           (code = find_crowded(removal, &job, err)) > 0)
        if ((code = thin_checkpoints(removal, &job, err)) != 0)
            break;
    return code;
}

/* ---- whole things ---------------------------------------------------------------------------- */

static int
remove_job(const struct removal *removal, const struct found *job, struct err *err)
{
    bool in_use = false;
    const struct data_dir *dir = removal->retention->dir;
    int code = jobs_delete(removal->retention->db, job->id, &in_use, err);
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND) /* needed, sent again, or gone by now */
        return 0;
    if (code != 0)
        return code;
    removal->report->jobs++;
    forget_model(removal, data_dir_job_path(dir, job->id, removal->arena));
    return data_dir_remove_job(dir, job->id, err);
}

/* One that has ended stays so. Its document goes with its row. */
static int
remove_evaluation(const struct removal *removal, const struct found *evaluation, struct err *err)
{
    int code = evaluations_delete(removal->retention->db, evaluation->id, err);
    if (code == 0)
        removal->report->evaluations++;
    return code == ERR_NOT_FOUND ? 0 : code;
}

static int
remove_file(const struct removal *removal, const struct found *file, struct err *err)
{
    int code = files_delete(removal->retention->db, file->id, err);
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND)
        return 0;
    if (code != 0)
        return code;
    removal->report->files++;
    return data_dir_remove_file(removal->retention->dir, file->id, err);
}

static int
remove_model(const struct removal *removal, const struct found *found, struct err *err)
{
    const struct retention *retention = removal->retention;
    struct model_row model;
    int code = models_get(retention->db, found->id, removal->arena, &model, err);
    if (code == 0)
        code = models_delete(retention->db, found->id, err);
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND)
        return 0;
    if (code != 0)
        return code;
    removal->report->models++;
    forget_model(removal, data_dir_model_path(retention->dir, model.job_id, removal->arena));
    return data_dir_remove_model(retention->dir, model.job_id, err);
}

int
retention_run(const struct retention *retention, struct retention_report *out, struct err *err)
{
    const struct retention_rules *rules = &retention->rules;
    struct removal removal = {retention, out, arena_new()};
    int code = 0;
    *out = (struct retention_report){0};
    if (remove_each(&removal, STATEMENT_OLD_JOBS, rules->jobs_days, remove_job, err) != 0 ||
        remove_each(&removal, STATEMENT_OLD_JOBS_WITH_EVENTS, rules->events_days, remove_events,
                    err) != 0 ||
        remove_each(&removal, STATEMENT_OLD_JOBS_WITH_POINTS, rules->metrics_days, remove_points,
                    err) != 0 ||
        remove_each(&removal, STATEMENT_OLD_JOBS_WITH_STATES, rules->resume_days,
                    remove_resume_states, err) != 0 ||
        thin_all_checkpoints(&removal, err) != 0 ||
        remove_each(&removal, STATEMENT_OLD_EVALUATIONS, rules->evaluations_days, remove_evaluation,
                    err) != 0 ||
        remove_each(&removal, STATEMENT_OLD_MODELS, rules->models_days, remove_model, err) != 0 ||
        remove_each(&removal, STATEMENT_OLD_FILES, rules->files_days, remove_file, err) != 0)
        code = err_prefix(err, "remove what is old");
    arena_free(removal.arena);
    return code;
}
