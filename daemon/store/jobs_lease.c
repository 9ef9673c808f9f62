/*
 * What a worker writes while it holds the lease of a job; see jobs.h. Every function is one write
 * transaction that begins with the check of the lease.
 */
#include "daemon/store/jobs.h"

#include "daemon/store/json_columns.h"
#include "daemon/store/query.h"

int
jobs_check_lease(struct db *db, struct job_lease lease, struct err *err)
{
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_JOB_LEASE);
    query_bind_integer(&query, ":job", lease.seq);
    query_bind_integer(&query, ":attempt", lease.attempt);
    int found = query_run_integer(&query, &seq, err);
    if (found == 0)
        return err_set(err, ERR_CONFLICT, "the job no longer runs in attempt %lld",
                       (long long)lease.attempt);
    return found < 0 ? found : 0;
}

struct run_of {
    struct job_lease lease;
    const struct job_run *run;
};

static int
set_run(struct db *db, void *context, struct err *err)
{
    const struct run_of *of = context;
    if (jobs_check_lease(db, of->lease, err) != 0)
        return err->code;
    struct query query = query_begin(db, STATEMENT_JOB_SET_RUN);
    query_bind_integer(&query, ":job", of->lease.seq);
    query_bind_text(&query, ":engine", of->run->engine);
    query_bind_text(&query, ":precision", of->run->precision);
    query_bind_text(&query, ":numerics_key", of->run->numerics_key);
    query_bind_text(&query, ":base_sha256", of->run->base_sha256);
    query_bind_integer(&query, ":threads", of->run->threads);
    return query_run(&query, err);
}

int
jobs_set_run(struct db *db, struct job_lease lease, const struct job_run *run, struct err *err)
{
    struct run_of of = {lease, run};
    return db_write(db, set_run, &of, err);
}

struct rewind_to {
    struct job_lease lease;
    int64_t step;
};

static int
run_for_step(struct db *db, enum statement statement, const struct rewind_to *to, struct err *err)
{
    struct query query = query_begin(db, statement);
    query_bind_integer(&query, ":job", to->lease.seq);
    query_bind_integer(&query, ":step", to->step);
    return query_run(&query, err);
}

static int
rewind_job(struct db *db, void *context, struct err *err)
{
    const struct rewind_to *to = context;
    if (jobs_check_lease(db, to->lease, err) != 0 ||
        metrics_delete_after(db, to->lease.seq, to->step, err) != 0 ||
        run_for_step(db, STATEMENT_CHECKPOINTS_DELETE_AFTER, to, err) != 0)
        return err->code;
    return run_for_step(db, STATEMENT_JOB_REWIND, to, err);
}

int
jobs_rewind(struct db *db, struct job_lease lease, int64_t step, struct err *err)
{
    struct rewind_to to = {lease, step};
    return db_write(db, rewind_job, &to, err);
}

struct flush_of {
    struct job_lease lease;
    const struct job_progress_row *progress;
    const struct point_row *points;
    size_t count;
};

/* The latest value of each measure among the points. */
static const char *
latest_text(const struct flush_of *of, struct arena *arena)
{
    struct measure_set set = {0};
    for (size_t i = 0; i < of->count; i++)
        json_columns_merge(&set, arena, of->points[i].measures, of->points[i].measure_count);
    return json_columns_measures_text(arena, set.items, set.count);
}

static int
flush(struct db *db, void *context, struct err *err)
{
    const struct flush_of *of = context;
    if (jobs_check_lease(db, of->lease, err) != 0)
        return err->code;
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_JOB_FLUSH);
    query_bind_integer(&query, ":job", of->lease.seq);
    query_bind_integer(&query, ":step", of->progress->step);
    query_bind_integer(&query, ":total_steps", of->progress->total_steps);
    query_bind_real(&query, ":epoch", of->progress->epoch);
    query_bind_real(&query, ":seconds_elapsed", of->progress->seconds_elapsed);
    query_bind_real(&query, ":rows_per_second", of->progress->rows_per_second);
    query_bind_real(&query, ":tokens_per_second", of->progress->tokens_per_second);
    query_bind_integer(&query, ":trained_tokens", of->progress->trained_tokens);
    query_bind_integer(&query, ":peak_memory_bytes", of->progress->peak_memory_bytes);
    query_bind_text(&query, ":latest", latest_text(of, arena));
    int result = query_run(&query, err);
    arena_free(arena);
    return result != 0 ? result : metrics_insert(db, of->lease.seq, of->points, of->count, err);
}

int
jobs_flush(struct db *db, struct job_lease lease, const struct job_progress_row *progress,
           const struct point_row *points, size_t count, struct err *err)
{
    struct flush_of of = {lease, progress, points, count};
    return db_write(db, flush, &of, err);
}

struct checkpoint_of {
    struct job_lease lease;
    struct checkpoint_row *row;
    const struct event_new *event;
    struct arena *arena;
};

static int
add_checkpoint(struct db *db, void *context, struct err *err)
{
    const struct checkpoint_of *of = context;
    if (jobs_check_lease(db, of->lease, err) != 0 ||
        checkpoints_insert(db, of->lease.seq, of->row, of->arena, err) != 0)
        return err->code;
    return of->event == NULL ? 0 : events_append(db, of->lease.seq, of->event, err);
}

int
jobs_add_checkpoint(struct db *db, struct job_lease lease, struct checkpoint_row *row,
                    const struct event_new *event, struct arena *arena, struct err *err)
{
    struct checkpoint_of of = {lease, row, event, arena};
    return db_write(db, add_checkpoint, &of, err);
}

struct result_of {
    int64_t job_seq;
    const char *file_id;
};

static int
set_result(struct db *db, void *context, struct err *err)
{
    const struct result_of *of = context;
    struct query query = query_begin(db, STATEMENT_JOB_SET_RESULT);
    query_bind_integer(&query, ":job", of->job_seq);
    query_bind_text(&query, ":file", of->file_id);
    return query_run(&query, err);
}

int
jobs_set_result(struct db *db, int64_t job_seq, const char *file_id, struct err *err)
{
    struct result_of of = {job_seq, file_id};
    return db_write(db, set_result, &of, err);
}

struct baseline_of {
    int64_t job_seq;
    const char *json;
};

static int
set_baseline(struct db *db, void *context, struct err *err)
{
    const struct baseline_of *of = context;
    struct query query = query_begin(db, STATEMENT_JOB_SET_BASELINE);
    query_bind_integer(&query, ":job", of->job_seq);
    query_bind_text(&query, ":baseline", of->json);
    return query_run(&query, err);
}

int
jobs_set_baseline(struct db *db, int64_t job_seq, const char *json, struct err *err)
{
    struct baseline_of of = {job_seq, json};
    return db_write(db, set_baseline, &of, err);
}

struct finish_of {
    struct job_lease lease;
    struct model_row *model;
    const struct job_progress_row *progress;
    const struct event_new *event;
};

static int
mark_succeeded(struct db *db, const struct finish_of *of, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_SUCCEED);
    query_bind_integer(&query, ":job", of->lease.seq);
    query_bind_integer(&query, ":now", query_now());
    query_bind_text(&query, ":model", of->model->id);
    return query_run(&query, err);
}

static int
finish(struct db *db, void *context, struct err *err)
{
    const struct finish_of *of = context;
    if (jobs_flush(db, of->lease, of->progress, NULL, 0, err) != 0 ||
        models_insert(db, of->model, err) != 0 || mark_succeeded(db, of, err) != 0)
        return err->code;
    return events_append(db, of->lease.seq, of->event, err);
}

int
jobs_finish(struct db *db, struct job_lease lease, struct model_row *model,
            const struct job_progress_row *progress, const struct event_new *event, struct err *err)
{
    struct finish_of of = {lease, model, progress, event};
    return db_write(db, finish, &of, err);
}
