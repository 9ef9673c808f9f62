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
#include "daemon/work/clock.h"
#include "daemon/work/job_state.h"
#include "daemon/work/measures.h"

enum {
    END_RETRY_MS = 2000,
    FINISH_PATIENCE_MS = 60 * 1000 /* how long a finished model waits for the database */
};

_Static_assert((int)JOB_STATE_COUNT == (int)JOB_STATUS_COUNT &&
                   (int)JOB_STATE_QUEUED == (int)JOB_QUEUED &&
                   (int)JOB_STATE_RUNNING == (int)JOB_RUNNING &&
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
    {ERR_FULL, "disk_full",
     "The disk that holds the data directory is full: free some space and submit the job again."},
    {ERR_DIVERGED, "diverged", NULL},
};

enum run_outcome
run_fail(struct run *run, const char *code, const char *param, const struct err *err)
{
    struct job_error *failure = &run->failure;
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

/* Ask the state table, then the store: both know only legal changes. */
static int
change_state(struct run *run, enum job_action action, const struct job_error *error,
             const struct event_new *event, struct err *err)
{
    enum job_status to;
    if (!job_state_next(JOB_RUNNING, action, &to))
        return err_set(err, ERR_INTERNAL, "a running job cannot %s", job_action_name(action));
    struct job_change change = {
        .from = 1u << JOB_STATE_RUNNING,
        .to = (enum job_state)to,
        .attempt = run->job->attempt,
        .error = error,
        .event = *event,
    };
    return jobs_change(run->db, run->job->id, &change, err);
}

/* Until it is written, no longer ours, or the daemon stops. */
static void
persist_change(struct run *run, enum job_action action, const struct job_error *error,
               const struct event_new *event)
{
    struct err err;
    int code;
    do {
        code = change_state(run, action, error, event, &err);
        if (code == 0 || code == ERR_CONFLICT || code == ERR_NOT_FOUND)
            return;
        log_error("write end of job=%s action=%s error=\"%s\"", run->job->id,
                  job_action_name(action), err.message);
    } while (scheduler_pause(run->trainer->scheduler, END_RETRY_MS));
}

static void
write_failure(struct run *run)
{
    struct event_new event = {
        .level = EVENT_ERROR,
        .type = EVENT_MESSAGE,
        .message = arena_printf(run->arena, "The job failed (%s): %s", run->failure.code,
                                run->failure.message),
    };
    persist_change(run, JOB_ACTION_FAIL, &run->failure, &event);
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

static int
finish_job(struct run *run, struct err *err)
{
    struct snapshots *snapshots = &run->snapshots;
    const char *numbers = measures_sentence(snapshots->final_values, run->arena);
    struct event_new event = {
        .level = EVENT_INFO,
        .type = EVENT_MESSAGE,
        .message = arena_printf(run->arena, "The job succeeded: model %s is ready%s%s.",
                                snapshots->model_id, numbers[0] != '\0' ? "; " : "", numbers),
    };
    struct job_progress_row progress = recorder_progress(&run->recorder);
    if (recorder_flush(&run->recorder, err) != 0)
        return err->code;
    return jobs_finish(run->db, run->recorder.lease, &snapshots->final, &progress, &event, err);
}

/*
 * A trained model is worth some patience; after it the folder goes and the job has failed. When the
 * daemon stops meanwhile, the row stays `running` and the next start runs the job again.
 */
static void
write_success(struct run *run)
{
    struct err err;
    int64_t since = clock_now_ms();
    int code;
    while ((code = finish_job(run, &err)) != 0 && code != ERR_CONFLICT) {
        log_error("write end of job=%s action=succeed error=\"%s\"", run->job->id, err.message);
        if (clock_now_ms() - since > FINISH_PATIENCE_MS) {
            run_fail(run, NULL, NULL, &err);
            write_failure(run);
            break;
        }
        if (!scheduler_pause(run->trainer->scheduler, END_RETRY_MS))
            break;
    }
    if (code != 0)
        snapshots_drop_final(&run->snapshots);
}

static void
write_requeue(struct run *run)
{
    struct event_new event = {
        .level = EVENT_INFO,
        .type = EVENT_MESSAGE,
        .message = "The daemon stopped while the job was running: it is back in the queue and will "
                   "start from its beginning.",
    };
    persist_change(run, JOB_ACTION_REQUEUE, NULL, &event);
}

void
run_write_end(struct run *run, enum run_outcome outcome)
{
    static const char *const words[] = {
        [RUN_SUCCEEDED] = "succeeded",
        [RUN_FAILED] = "failed",
        [RUN_STOPPED] = "stopped",
        [RUN_LOST] = "cancelled",
    };
    switch (outcome) {
    case RUN_SUCCEEDED:
        write_success(run);
        break;
    case RUN_FAILED:
        flush_rest(run);
        write_failure(run);
        break;
    case RUN_STOPPED:
        flush_rest(run);
        write_requeue(run);
        break;
    case RUN_LOST:
        break;
    }
    if (outcome != RUN_SUCCEEDED)
        snapshots_drop_final(&run->snapshots);
    log_info("end job=%s attempt=%lld outcome=%s", run->job->id, (long long)run->job->attempt,
             words[outcome]);
}
