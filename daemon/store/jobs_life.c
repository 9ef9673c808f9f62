/* Jobs that exist; see jobs_life.h. */
#include "daemon/store/jobs_life.h"

#include "daemon/store/jobs_read.h"
#include "daemon/store/use.h"

#include <stdio.h>
#include <string.h>

/* What a job is made of, as far as it may be missing later. */
struct parts {
    int64_t seq, priority;
    const char *model;
    const char *files[3];
};

static int
read_parts(struct db *db, const char *id, struct arena *arena, struct parts *out, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_PARTS);
    query_bind_text(&query, ":id", id);
    int found = query_step(&query, err);
    if (found > 0) {
        out->seq = query_take_integer(&query);
        out->priority = query_take_integer(&query);
        out->model = query_take_text(&query, arena);
        for (size_t i = 0; i < 3; i++)
            out->files[i] = query_take_text(&query, arena);
    }
    query_end(&query);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no job '%.64s'", id);
    return found < 0 ? found : 0;
}

struct patch_of {
    const char *id;
    const struct job_patch *patch;
    struct arena *arena;
};

static int
patch_row(struct db *db, void *context, struct err *err)
{
    const struct patch_of *of = context;
    const struct job_patch *patch = of->patch;
    struct parts parts = {0};
    if (read_parts(db, of->id, of->arena, &parts, err) != 0)
        return err->code;
    struct query query = query_begin(db, STATEMENT_JOB_PATCH);
    query_bind_integer(&query, ":job", parts.seq);
    query_bind_integer(&query, ":has_priority", patch->has_priority);
    query_bind_integer(&query, ":priority", patch->priority);
    query_bind_integer(&query, ":has_metadata", patch->has_metadata);
    query_bind_text(&query, ":metadata", patch->metadata_json);
    if (query_run(&query, err) != 0)
        return err->code;
    if (!patch->has_priority || patch->priority == parts.priority)
        return 0;
    const struct event_new event = {
        .kind = EVENT_PRIORITY_CHANGED,
        .message = arena_printf(of->arena, "The priority was changed from %lld to %lld.",
                                (long long)parts.priority, (long long)patch->priority)};
    return events_append(db, parts.seq, &event, err);
}

int
jobs_patch(struct db *db, const char *id, const struct job_patch *patch, struct err *err)
{
    struct patch_of of = {id, patch, arena_new()};
    int result = db_write(db, patch_row, &of, err);
    arena_free(of.arena);
    return result;
}

struct retry_of {
    const char *id;
    job_state_set from;
    struct arena *arena;
};

/* What the job needs must still be there. */
static int
check_parts(struct db *db, const struct parts *parts, struct err *err)
{
    const struct job_new needs = {
        .model = parts->model,
        .training_file = parts->files[0],
        .validation_file = parts->files[1],
        .test_file = parts->files[2],
    };
    int code = jobs_check_needs(db, &needs, err);
    if (code == ERR_NOT_FOUND)
        code = err->code = ERR_INVALID; /* the job itself is there */
    return code;
}

static int
retry(struct db *db, void *context, struct err *err)
{
    const struct retry_of *of = context;
    struct parts parts = {0};
    const struct job_change change = {
        .from = of->from,
        .to = JOB_STATE_QUEUED,
        .event = {.kind = EVENT_RETRIED,
                  .message = "The job was sent into the queue again. It goes on from its newest "
                             "saved state, or starts from its beginning when there is none."},
    };
    if (read_parts(db, of->id, of->arena, &parts, err) != 0 ||
        jobs_change(db, of->id, &change, err) != 0 || check_parts(db, &parts, err) != 0)
        return err->code;
    struct query query = query_begin(db, STATEMENT_JOB_FORGET_ENDS);
    query_bind_integer(&query, ":job", parts.seq);
    return query_run(&query, err);
}

int
jobs_retry(struct db *db, const char *id, job_state_set from, struct err *err)
{
    struct retry_of of = {id, from, arena_new()};
    int result = db_write(db, retry, &of, err);
    arena_free(of.arena);
    return result;
}

struct deletion {
    const char *id;
    bool in_use;
};

/* ERR_CONFLICT while a job starts from one of its checkpoints, or an evaluation measures one. */
static int
check_checkpoints(struct db *db, int64_t seq, struct deletion *deletion, struct err *err)
{
    char what[96];
    struct query query = query_begin(db, STATEMENT_JOB_CHECKPOINT_USER);
    query_bind_integer(&query, ":job", seq);
    snprintf(what, sizeof what, "a checkpoint of job %.64s", deletion->id);
    int code = use_refuse(&query, what, err);
    deletion->in_use = code == ERR_CONFLICT;
    return code;
}

static int
delete_row(struct db *db, void *context, struct err *err)
{
    struct deletion *deletion = context;
    struct job_standing standing = {0};
    if (jobs_find_standing(db, deletion->id, &standing, err) != 0)
        return err->code;
    if (!jobs_state_is_final(standing.state))
        return err_set(err, ERR_CONFLICT, "job %s is %s", deletion->id,
                       jobs_state_name(standing.state));
    if (check_checkpoints(db, standing.seq, deletion, err) != 0)
        return err->code;
    struct query query = query_begin(db, STATEMENT_JOB_DELETE);
    query_bind_integer(&query, ":job", standing.seq);
    return query_run(&query, err);
}

int
jobs_delete(struct db *db, const char *id, bool *in_use, struct err *err)
{
    struct deletion deletion = {.id = id};
    int result = db_write(db, delete_row, &deletion, err);
    *in_use = deletion.in_use;
    return result;
}

/* ---- after a crash --------------------------------------------------------------------------- */

struct interrupted {
    int64_t seq, attempt, crashes, idle_ends;
    const char *id;
    enum job_state state;
};

struct recovering {
    struct job_recovery *recovery;
    struct arena *arena;
};

/* The first job that was left running or pausing, or 0 when none is left. */
static int
find_interrupted(struct db *db, struct arena *arena, struct interrupted *out, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_INTERRUPTED_FIRST);
    int found = query_step(&query, err);
    if (found > 0) {
        out->seq = query_take_integer(&query);
        out->id = query_take_text(&query, arena);
        const char *status = query_take_text(&query, arena);
        out->attempt = query_take_integer(&query);
        out->crashes = query_take_integer(&query);
        out->idle_ends = query_take_integer(&query);
        if (jobs_read_state(status, &out->state, err) != 0)
            found = err->code;
    }
    query_end(&query);
    return found;
}

static bool
has_crashed(const struct job_recovery *recovery, const char *id)
{
    for (size_t i = 0; i < recovery->crashed_count; i++)
        if (strcmp(recovery->crashed[i], id) == 0)
            return true;
    return false;
}

/* Count this end: as a crash, or as one more that brought no new resume state, or neither. */
static int
count_end(struct db *db, struct interrupted *job, bool crashed, struct err *err)
{
    int64_t seen = 0;
    int64_t newest = 0;
    struct query query = query_begin(db, STATEMENT_JOB_RESUME_SEEN);
    query_bind_integer(&query, ":job", job->seq);
    int found = query_step(&query, err);
    if (found > 0) {
        seen = query_take_integer(&query);
        newest = query_take_integer(&query);
    }
    query_end(&query);
    if (found < 0)
        return found;
    job->crashes += crashed;
    job->idle_ends = newest > seen ? 0 : job->idle_ends + !crashed;
    query = query_begin(db, STATEMENT_JOB_COUNT_END);
    query_bind_integer(&query, ":job", job->seq);
    query_bind_integer(&query, ":crashes", job->crashes);
    query_bind_integer(&query, ":idle_ends", job->idle_ends);
    query_bind_integer(&query, ":resume_seen", newest > seen ? newest : seen);
    return query_run(&query, err);
}

/* Why the job is not tried again, or NULL. */
static const char *
verdict(const struct interrupted *job, struct arena *arena)
{
    if (job->crashes >= JOBS_CRASHES_MAX)
        return arena_printf(arena,
                            "The daemon crashed %lld times while it worked on this job, so it is "
                            "not started again. Look at its data and parameters, or try another "
                            "engine; POST to the job's /retry runs it once more.",
                            (long long)job->crashes);
    if (job->idle_ends >= JOBS_IDLE_ENDS_MAX)
        return arena_printf(arena,
                            "The daemon ended %lld times in a row while this job ran, before a "
                            "state of it could be saved: it was killed, or the machine ran out of "
                            "memory or power. Make batch_size or max_seq_length smaller if memory "
                            "is short; POST to the job's /retry runs it once more.",
                            (long long)job->idle_ends);
    return NULL;
}

static const char *
describe_return(const struct interrupted *job, bool crashed, struct arena *arena)
{
    const char *what = crashed ? "The daemon crashed while it worked on the job, in attempt"
                               : "The daemon was interrupted during attempt";
    const char *then = job->state == JOB_STATE_PAUSING
                           ? "the job is paused, as was asked; resumed, it goes on from its newest "
                             "saved state"
                           : "the job is back in the queue";
    return arena_printf(arena, "%s %lld: %s", what, (long long)job->attempt, then);
}

static int
recover_job(struct db *db, struct recovering *recovering, struct interrupted *job, struct err *err)
{
    struct arena *arena = recovering->arena;
    bool crashed = has_crashed(recovering->recovery, job->id);
    if (count_end(db, job, crashed, err) != 0)
        return err->code;
    const char *failure = verdict(job, arena);
    const struct job_error error = {.code = "crashed", .message = failure};
    struct job_change change = {
        .from = 1u << job->state,
        .to = job->state == JOB_STATE_PAUSING ? JOB_STATE_PAUSED : JOB_STATE_QUEUED,
        .event = {.kind = crashed ? EVENT_CRASHED : EVENT_INTERRUPTED,
                  .level = EVENT_WARN,
                  .message = describe_return(job, crashed, arena)},
    };
    if (failure != NULL) {
        change.to = JOB_STATE_FAILED;
        change.error = &error;
        change.event.kind = EVENT_FAILED;
        change.event.level = EVENT_ERROR;
        change.event.message = arena_printf(arena, "The job failed (crashed): %s", failure);
        recovering->recovery->failed++;
    } else {
        recovering->recovery->recovered++;
    }
    return jobs_change(db, job->id, &change, err);
}

static int
recover_all(struct db *db, void *context, struct err *err)
{
    struct recovering *recovering = context;
    struct interrupted job = {0};
    int found = 0;
    while ((found = find_interrupted(db, recovering->arena, &job, err)) > 0)
        if (recover_job(db, recovering, &job, err) != 0)
            return err->code;
    return found;
}

int
jobs_recover(struct db *db, struct job_recovery *recovery, struct err *err)
{
    struct recovering recovering = {recovery, arena_new()};
    recovery->recovered = recovery->failed = 0;
    int result = db_write(db, recover_all, &recovering, err);
    arena_free(recovering.arena);
    if (result == 0)
        return 0;
    recovery->recovered = recovery->failed = 0;
    return err_prefix(err, "put interrupted jobs back into the queue");
}
