/*
 * How a run ends: what a failure is called, and the transaction that closes the job.
 *
 * An end that the database refuses (a full disk) is tried again until it is written: a job must not
 * stay `running` with nobody running it. When the daemon stops meanwhile the row stays as it is and
 * the next start puts it back into the queue.
 */
#include "daemon/work/trainer_run.h"

#include <string.h>

#include "daemon/fault.h"
#include "daemon/log.h"
#include "daemon/store/evaluations.h"
#include "daemon/work/clock.h"
#include "daemon/work/job_state.h"
#include "daemon/work/measures.h"
#include "daemon/work/results.h"

enum {
    END_RETRY_MS = 2000,
    FINISH_PATIENCE_MS = 60 * 1000 /* how long a finished model waits for the database */
};

_Static_assert((int)JOB_STATE_COUNT == (int)JOB_STATUS_COUNT &&
                   (int)JOB_STATE_QUEUED == (int)JOB_QUEUED &&
                   (int)JOB_STATE_RUNNING == (int)JOB_RUNNING &&
                   (int)JOB_STATE_PAUSING == (int)JOB_PAUSING &&
                   (int)JOB_STATE_PAUSED == (int)JOB_PAUSED &&
                   (int)JOB_STATE_SUCCEEDED == (int)JOB_SUCCEEDED &&
                   (int)JOB_STATE_FAILED == (int)JOB_FAILED &&
                   (int)JOB_STATE_CANCELLED == (int)JOB_CANCELLED,
               "store and service number the states alike");

/* What a job's error is called when the kind of error says it all; the codes are part of the API.
 */
static const struct {
    enum err_code kind;
    const char *code;
    const char *message; /* NULL: the error's own */
} failures[] = {
    {ERR_MEMORY, "out_of_memory",
     "The job did not fit into memory: make batch_size or max_seq_length smaller, or take a "
     "smaller model."},
    {ERR_DIVERGED, "diverged", NULL},
};

/* How the row shall leave the hands of this run. */
struct run_end {
    enum job_action action;
    const struct job_error *error; /* of a failure */
    struct event_new event;
    struct event_new paused_event; /* instead, when the job becomes paused */
};

enum run_outcome
run_fail(struct run *run, const char *code, const char *param, const struct err *err)
{
    struct job_error *failure = &run->failure;
    if (err->code == ERR_FULL) { /* waited for, never written: a job does not fail of a full disk */
        failure->code = fault_code_name(FAULT_DISK_FULL);
        failure->message = arena_copy_string(run->arena, err->message);
        return RUN_FULL;
    }
    *failure = (struct job_error){.code = code, .param = param};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (failures[i].kind == err->code)
            *failure = (struct job_error){failures[i].code, failures[i].message, NULL};
    if (failure->code == NULL)
        *failure =
            (struct job_error){fault_code_name(FAULT_INTERNAL),
                               "The daemon failed to carry out the job; its log says why.", NULL};
    if (failure->message == NULL)
        failure->message = arena_copy_string(run->arena, err->message);
    log_warn("fail job=%s code=%s error=\"%s\"", run->job->id, failure->code, err->message);
    return RUN_FAILED;
}

enum run_outcome
run_fail_store(struct run *run, const struct err *err)
{
    return err->code == ERR_CONFLICT ? RUN_LOST : run_fail(run, NULL, NULL, err);
}

/* A job whose run ends is one of these, for a client may pause it meanwhile. */
static const enum job_status held[] = {JOB_RUNNING, JOB_PAUSING};

/* Ask the state table, then the store: both know only legal changes. */
static int
change_state(struct run *run, const struct run_end *end, struct err *err)
{
    int code = err_set(err, ERR_INTERNAL, "a running job cannot %s", job_action_name(end->action));
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        enum job_status to;
        if (!job_state_next(held[i], end->action, &to))
            continue;
        struct job_change change = {
            .from = 1u << held[i],
            .to = (enum job_state)to,
            .attempt = run->job->attempt,
            .error = end->error,
            .event = to == JOB_PAUSED ? end->paused_event : end->event,
        };
        code = jobs_change(run->db, run->job->id, &change, err);
        if (code != ERR_CONFLICT)
            break;
    }
    return code;
}

/* Until it is written, no longer ours, or the daemon stops; the refusals are said once. */
static void
persist_change(struct run *run, const struct run_end *end)
{
    struct err err;
    bool said = false;
    do {
        int code = change_state(run, end, &err);
        if (code == 0 || code == ERR_CONFLICT || code == ERR_NOT_FOUND)
            return;
        if (said)
            continue;
        said = true;
        log_error("write end of job=%s action=%s error=\"%s\"", run->job->id,
                  job_action_name(end->action), err.message);
    } while (scheduler_pause(run->trainer->scheduler, END_RETRY_MS));
}

static void
write_failure(struct run *run)
{
    struct event_new event = {
        .kind = EVENT_FAILED,
        .level = EVENT_ERROR,
        .message = arena_printf(run->arena, "The job failed (%s): %s", run->failure.code,
                                run->failure.message),
    };
    const struct run_end end = {
        .action = JOB_ACTION_FAIL, .error = &run->failure, .event = event, .paused_event = event};
    persist_change(run, &end);
}

/* What waits in the recorder (points of the last second) goes first, as far as the database lets
 * it. */
static void
flush_rest(struct run *run)
{
    struct err err;
    int code = recorder_flush(&run->recorder, &err);
    if (code != 0 && code != ERR_CONFLICT)
        log_warn("record job=%s error=\"%s\"", run->job->id, err.message);
}

/* What the last transaction of a job holds. */
struct finish {
    struct run *run;
    const struct job_progress_row *progress;
    const struct event_new *event;
    struct file_row results;
};

static int
insert_evaluations(struct db *db, const struct run *run, struct err *err)
{
    const char *documents[JOB_EVALUATION_PARTS] = {
        [JOB_EVALUATION_VALIDATION] = run->snapshots.validation_json,
        [JOB_EVALUATION_TEST] = run->snapshots.test_json,
    };
    for (int part = 0; part < JOB_EVALUATION_PARTS; part++)
        if (documents[part] != NULL &&
            job_evaluations_insert(db, run->recorder.lease.seq, (enum job_evaluation_part)part,
                                   documents[part], err) != 0)
            return err->code;
    return 0;
}

static int
finish_rows(struct db *db, void *context, struct err *err)
{
    struct finish *finish = context;
    struct job_lease lease = finish->run->recorder.lease;
    if (jobs_finish(db, lease, &finish->run->snapshots.final, finish->progress, finish->event,
                    err) != 0 ||
        resume_states_delete_all(db, lease.seq, err) != 0 ||
        insert_evaluations(db, finish->run, err) != 0)
        return err->code;
    const char *baseline = finish->run->baseline_json;
    if (baseline != NULL && jobs_set_baseline(db, lease.seq, baseline, err) != 0)
        return err->code;
    return results_insert(db, lease.seq, &finish->results, err);
}

/* Model, job and the file of its measures appear together. */
static int
finish_with_results(struct finish *finish, struct err *err)
{
    struct run *run = finish->run;
    const struct store *store = run->trainer->store;
    const struct results_job job = {run->recorder.lease.seq, run->plan.task};
    if (results_store(store, run->db, &job, run->arena, &finish->results, err) != 0)
        return err->code;
    int code = db_write(run->db, finish_rows, finish, err);
    if (code != 0)
        results_drop(store, &finish->results);
    return code;
}

static int
finish_job(void *context, struct err *err)
{
    struct run *run = context;
    struct snapshots *snapshots = &run->snapshots;
    const char *numbers = measures_sentence(snapshots->final_values, run->arena);
    struct event_new event = {
        .kind = EVENT_SUCCEEDED,
        .message = arena_printf(run->arena, "The job succeeded: model %s is ready%s%s.",
                                snapshots->model_id, numbers[0] != '\0' ? "; " : "", numbers),
    };
    struct job_progress_row progress = recorder_progress(&run->recorder);
    if (recorder_flush(&run->recorder, err) != 0)
        return err->code;
    struct finish finish = {.run = run, .progress = &progress, .event = &event};
    return finish_with_results(&finish, err);
}

/*
 * The last transaction. A trained model is worth some patience, and a full disk all there is; a
 * client may pause the job or cancel it meanwhile. When the daemon stops, or it is paused, the job
 * goes on from its newest state and makes the same model again.
 */
static enum run_outcome
write_success(struct run *run)
{
    struct err err;
    int64_t since = clock_now_ms();
    int code;
    while ((code = room_try(&run->room, finish_job, run, &err)) != 0) {
        if (code == ERR_CONFLICT)
            return RUN_LOST;
        if (code == ERR_STOPPED)
            return run_stop_outcome(run);
        log_error("write end of job=%s action=succeed error=\"%s\"", run->job->id, err.message);
        if (clock_now_ms() - since > FINISH_PATIENCE_MS)
            return run_fail(run, NULL, NULL, &err);
        if (!scheduler_pause(run->trainer->scheduler, END_RETRY_MS))
            return RUN_STOPPED;
    }
    state_keeper_remove_folders(&run->states);
    return RUN_SUCCEEDED;
}

/* Where the next attempt will start, as a clause. */
static const char *
next_start(const struct run *run)
{
    struct err noted;
    struct resume_state_rows rows;
    if (resume_states_list(run->db, run->job->seq, run->arena, &rows, &noted) != 0)
        return "go on from its newest saved state";
    if (rows.count == 0)
        return "start from its beginning";
    return arena_printf(run->arena, "go on from step %lld", (long long)rows.items[0].step);
}

/*
 * Paused when a client asked for that, else back into the queue; nothing when the job is no longer
 * ours. The row decides, not why the run ended: no job stays `running` with nobody running it.
 */
static void
write_interruption(struct run *run, const char *why)
{
    const char *start = next_start(run);
    const struct run_end end = {
        .action = JOB_ACTION_REQUEUE,
        .event = {.kind = EVENT_STOPPED,
                  .message = arena_printf(run->arena,
                                          "%s while the job was running: it is back in the queue "
                                          "and will %s.",
                                          why, start)},
        .paused_event = {.kind = EVENT_PAUSED,
                         .message = arena_printf(run->arena,
                                                 "The job is paused; resumed, it will %s.", start)},
    };
    persist_change(run, &end);
}

void
run_write_end(struct run *run, enum run_outcome outcome)
{
    static const char *const words[] = {
        [RUN_SUCCEEDED] = "succeeded", [RUN_FAILED] = "failed",  [RUN_STOPPED] = "stopped",
        [RUN_PAUSED] = "paused",       [RUN_LOST] = "cancelled", [RUN_FULL] = "full",
    };
    if (outcome == RUN_SUCCEEDED)
        outcome = write_success(run);
    switch (outcome) {
    case RUN_FAILED:
    case RUN_FULL: /* which go_through has waited for */
        flush_rest(run);
        write_failure(run);
        break;
    case RUN_STOPPED:
        flush_rest(run);
        write_interruption(run, "The daemon stopped");
        break;
    case RUN_PAUSED:
    case RUN_LOST:
        flush_rest(run);
        write_interruption(run, "The run was ended");
        break;
    case RUN_SUCCEEDED:
        break;
    }
    if (outcome != RUN_SUCCEEDED)
        snapshots_drop_final(&run->snapshots);
    log_info("end job=%s attempt=%lld outcome=%s", run->job->id, (long long)run->job->attempt,
             words[outcome]);
}
