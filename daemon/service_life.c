/*
 * Jobs that exist: cancelling, pausing, resuming, sending again, changing, deleting; and the queue.
 *
 * The state table is asked which state an action leads to, the store changes the row only from the
 * state that was read, and a change that somebody else made meanwhile makes us ask again. The row
 * first, then the worker: see work/worker.c.
 */
#include "core/base/buf.h"
#include "daemon/job_params.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/jobs_claim.h"
#include "daemon/store/jobs_life.h"
#include "daemon/work/clock.h"
#include "daemon/work/job_state.h"

enum {
    CHANGE_ATTEMPTS = 16, /* how often a change may be lost to another one before we give up */
    WORKER_PATIENCE_MS = 10000
};

/* Changes of state that clients may ask for, by enum job_wish_kind, and the words for them. */
static const struct verb {
    enum job_action action;
    const char *done;       /* "cannot be <done>" */
    enum event_kind kind;   /* of the change, */
    const char *event;      /* and its sentence */
    job_state_set repeated; /* states in which there is nothing left to do */
} verbs[] = {
    [JOB_WISH_CANCEL] = {JOB_ACTION_CANCEL, "cancelled", EVENT_CANCELLED, "The job was cancelled.",
                         0},
    [JOB_WISH_PAUSE] = {JOB_ACTION_PAUSE, "paused", EVENT_PAUSED, "The job was paused.",
                        1u << JOB_STATE_PAUSING | 1u << JOB_STATE_PAUSED},
    [JOB_WISH_RESUME] =
        {JOB_ACTION_RESUME, "resumed", EVENT_RESUMED,
         "The job was resumed: it waits in the queue and goes on from its newest saved state.",
         1u << JOB_STATE_QUEUED | 1u << JOB_STATE_RUNNING},
    [JOB_WISH_RETRY] = {JOB_ACTION_RETRY, "sent into the queue again", EVENT_RETRIED, NULL, 0},
};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

/* NULL for what changes no state. */
static const struct verb *
verb_of(enum job_wish_kind kind)
{
    return (size_t)kind < VERB_COUNT ? &verbs[kind] : NULL;
}

/* "it can be cancelled or paused": what the table lets a client do in this state. */
static const char *
possibilities(enum job_status status, struct arena *arena)
{
    struct buf text = {0};
    for (size_t i = 0; i < VERB_COUNT; i++) {
        enum job_status to;
        if (job_state_next(status, verbs[i].action, &to))
            buf_printf(&text, "%s%s", text.length > 0 ? " or " : "", verbs[i].done);
    }
    if (jobs_state_is_final((enum job_state)status))
        buf_printf(&text, "%sdeleted", text.length > 0 ? " or " : "");
    const char *copy = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

static int
fault_state(struct fault_list *faults, const struct job_row *row, const char *done)
{
    enum job_status status = (enum job_status)row->state;
    return fault_add(
        faults, FAULT_CONFLICT, "id", "Job %s is %s, so it cannot be %s%s; it can be %s.", row->id,
        job_status_name(status), done, status == JOB_PAUSING ? " until it is paused" : "",
        possibilities(status, faults->arena));
}

/* Where a client's wish meets the row. */
struct meeting {
    struct service *service;
    struct db *db;
    const struct job_wish *wish;
    const struct verb *verb;   /* of a change of state */
    struct job_update *update; /* of JOB_WISH_UPDATE */
    struct arena *arena;
    struct job_row row;     /* as it is afterwards; before a deletion */
    bool changed;           /* is all as was wished, even if `row` could not be read afterwards? */
    struct job_lease lease; /* of a change of state: the attempt that it is about, */
    enum job_status to;     /* and where it led */
    struct fault_list *faults;
};

static int
read_row(struct meeting *meeting)
{
    return service_read_job(meeting->service, meeting->db, meeting->wish->id, meeting->arena,
                            &meeting->row, meeting->faults);
}

/* One try from the state that was read: ERR_CONFLICT when the row was changed meanwhile. */
static int
change_from(const struct meeting *meeting, enum job_status to, struct err *err)
{
    const struct verb *verb = meeting->verb;
    const struct job_row *row = &meeting->row;
    const char *event = verb->event;
    if (to == JOB_PAUSING)
        event = "The job is being paused: it stops when its state is saved.";
    if (verb->action == JOB_ACTION_RETRY)
        return jobs_retry(meeting->db, meeting->wish->id, 1u << row->state, err);
    const struct job_change change = {
        .from = 1u << row->state,
        .to = (enum job_state)to,
        .attempt = row->attempt,
        .event = {.kind = to == JOB_PAUSING ? EVENT_PAUSING : verb->kind, .message = event},
    };
    return jobs_change(meeting->db, meeting->wish->id, &change, err);
}

static void
note_change(struct meeting *meeting, enum job_status to)
{
    meeting->changed = true;
    meeting->lease = (struct job_lease){meeting->row.seq, meeting->row.attempt};
    meeting->to = to;
}

/* Until the change is made, was made before, or is refused. */
static int
change_state(struct meeting *meeting)
{
    struct err err = {0};
    const struct verb *verb = meeting->verb;
    for (size_t i = 0; i < CHANGE_ATTEMPTS; i++) {
        enum job_status to;
        if (read_row(meeting) != 0)
            return -1;
        if (((verb->repeated >> meeting->row.state) & 1u) != 0) {
            note_change(meeting, (enum job_status)meeting->row.state);
            return 0;
        }
        if (!job_state_next((enum job_status)meeting->row.state, verb->action, &to))
            return fault_state(meeting->faults, &meeting->row, verb->done);
        int code = change_from(meeting, to, &err);
        if (code == 0) {
            note_change(meeting, to);
            return read_row(meeting);
        }
        if (code == ERR_INVALID)
            return fault_add(meeting->faults, FAULT_CONFLICT, "id",
                             "Job %s cannot be sent into the queue again: there is %s any more. "
                             "Upload it and create a new job.",
                             meeting->wish->id, err.message);
        if (code != ERR_CONFLICT)
            return service_fault_job(meeting->faults, meeting->wish->id, &err);
    }
    return fault_add_err(meeting->faults, &err);
}

static int
patch(struct meeting *meeting)
{
    struct err err;
    const struct job_update *update = meeting->update;
    const struct job_patch wanted = {update->has_metadata, update->metadata_json,
                                     update->has_priority, update->priority};
    if (jobs_patch(meeting->db, meeting->wish->id, &wanted, &err) != 0)
        return service_fault_job(meeting->faults, meeting->wish->id, &err);
    meeting->changed = true;
    return read_row(meeting);
}

/* Why the row stays. */
static int
fault_delete(struct service *service, struct db *db, const char *id, bool in_use,
             const struct err *err, struct fault_list *faults)
{
    struct job_row row;
    if (err->code != ERR_CONFLICT)
        return service_fault_job(faults, id, err);
    if (in_use)
        return fault_add(faults, FAULT_IN_USE, "id", "Not deleted: %s.", err->message);
    if (service_read_job(service, db, id, faults->arena, &row, faults) != 0)
        return -1;
    return fault_state(faults, &row, "deleted");
}

static int
delete_row(struct meeting *meeting)
{
    struct err err;
    bool in_use = false;
    const char *id = meeting->wish->id;
    meeting->changed = jobs_delete(meeting->db, id, &in_use, &err) == 0;
    if (meeting->changed)
        return 0;
    return fault_delete(meeting->service, meeting->db, id, in_use, &err, meeting->faults);
}

static int
do_it(struct meeting *meeting)
{
    switch (meeting->wish->kind) {
    case JOB_WISH_CANCEL:
    case JOB_WISH_PAUSE:
    case JOB_WISH_RESUME:
    case JOB_WISH_RETRY:
        return change_state(meeting);
    case JOB_WISH_UPDATE:
        return patch(meeting);
    case JOB_WISH_DELETE:
        return delete_row(meeting);
    }
    return -1;
}

/* Condition and change in one transaction. */
static int
do_it_if(struct db *db, void *context, struct err *err)
{
    struct meeting *meeting = context;
    const struct job_condition *condition = meeting->wish->condition;
    struct job_info now;
    (void)db;
    if (read_row(meeting) != 0)
        return err_set(err, ERR_CONFLICT, "the job cannot be read");
    service_job_info(&meeting->row, meeting->arena, &now);
    if (!condition->holds(condition->context, &now)) {
        fault_add(meeting->faults, FAULT_PRECONDITION_FAILED, NULL,
                  "Job %s has changed since you read it: GET it again, decide again, and send "
                  "If-Match with its new ETag, or without If-Match.",
                  meeting->wish->id);
        return err_set(err, ERR_CONFLICT, "the job has changed");
    }
    return do_it(meeting) == 0 ? 0 : err_set(err, ERR_CONFLICT, "the change was refused");
}

/* With a connection for as long as it takes. */
static int
meet(struct meeting *meeting)
{
    struct err err;
    size_t before = meeting->faults->count;
    meeting->db = service_acquire(meeting->service, meeting->faults);
    if (meeting->db == NULL)
        return -1;
    bool conditional = meeting->wish->condition != NULL;
    int code = conditional ? db_write(meeting->db, do_it_if, meeting, &err) : do_it(meeting);
    service_release(meeting->service, meeting->db);
    if (code != 0 && conditional) /* it was undone */
        meeting->changed = false;
    if (code != 0 && meeting->faults->count == before) /* of the transaction itself */
        fault_add_err(meeting->faults, &err);
    return code == 0 ? 0 : -1;
}

/*
 * A worker that still tidies up behind the job, or ends its cancelled run, uses its folder. It
 * notices soon; whatever it should leave behind nevertheless is swept at the next start.
 */
static void
wait_for_worker(struct service *service, const char *id)
{
    int64_t deadline = clock_now_ms() + WORKER_PATIENCE_MS;
    bool go_on = true;
    while (go_on && service->workers != NULL && clock_now_ms() < deadline) {
        uint64_t generation = scheduler_generation(service->scheduler);
        if (!workers_have(service->workers, id))
            return;
        go_on = scheduler_wait_for(service->scheduler, generation, WORKER_PATIENCE_MS);
    }
}

/* They may be loaded. */
static void
forget_checkpoints(struct service *service, const char *id)
{
    struct arena *arena = arena_new();
    if (service->predictor != NULL)
        predictor_thread_forget(service->predictor,
                                data_dir_job_path(service->store.dir, id, arena));
    arena_free(arena);
}

static void
log_change(const struct meeting *meeting)
{
    const struct job_wish *wish = meeting->wish;
    if (wish->kind == JOB_WISH_UPDATE || wish->kind == JOB_WISH_DELETE)
        log_info("%s job=%s", wish->kind == JOB_WISH_UPDATE ? "update" : "delete", wish->id);
    else
        log_info("%s job=%s status=%s", job_action_name(meeting->verb->action), wish->id,
                 job_status_name(meeting->to));
}

/* The row has been changed: what else there is to do, whatever the client is told. */
static void
follow_up(const struct meeting *meeting)
{
    struct service *service = meeting->service;
    const char *id = meeting->wish->id;
    struct err err;
    switch (meeting->wish->kind) {
    case JOB_WISH_CANCEL:
        if (service->workers != NULL)
            workers_cancel(service->workers, meeting->lease);
        break;
    case JOB_WISH_PAUSE:
        if (service->workers != NULL && meeting->to == JOB_PAUSING)
            workers_pause(service->workers, meeting->lease);
        break;
    case JOB_WISH_DELETE:
        wait_for_worker(service, id);
        forget_checkpoints(service, id);
        if (data_dir_remove_job(service->store.dir, id, &err) != 0)
            log_warn("remove job=%s error=\"%s\"", id, err.message); /* swept at the next start */
        return;
    case JOB_WISH_RESUME:
    case JOB_WISH_RETRY:
    case JOB_WISH_UPDATE:
        break;
    }
    scheduler_wake(service->scheduler);
}

int
service_job_change(struct service *service, const struct job_wish *wish, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    struct job_update update;
    struct meeting meeting = {.service = service,
                              .wish = wish,
                              .verb = verb_of(wish->kind),
                              .update = &update,
                              .arena = arena,
                              .faults = faults};
    if (wish->kind == JOB_WISH_UPDATE &&
        job_params_parse_update(wish->body, wish->length, arena, &update, faults) != 0)
        return -1;
    int code = meet(&meeting);
    if (meeting.changed) {
        log_change(&meeting);
        follow_up(&meeting);
    }
    if (code != 0)
        return -1;
    if (wish->kind != JOB_WISH_DELETE)
        service_job_info(&meeting.row, arena, out);
    return 0;
}

/* ---- the queue ------------------------------------------------------------------------------- */

static int
read_queue(struct service *service, struct db *db, struct queue_info *out,
           struct fault_list *faults)
{
    struct err err;
    struct queue_row row;
    if (queue_get(db, &row, &err) != 0)
        return fault_add_err(faults, &err);
    *out = (struct queue_info){
        .paused = row.paused_at > 0,
        .paused_at = row.paused_at,
        .queued = row.queued,
        .running = row.running,
        .pausing = row.pausing,
        .paused_jobs = row.paused_jobs,
        .workers = service->options.workers > 0 ? (int64_t)service->options.workers : 1,
    };
    return 0;
}

int
service_queue_get(struct service *service, struct queue_info *out, struct fault_list *faults)
{
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = read_queue(service, db, out, faults);
    service_release(service, db);
    return code;
}

int
service_queue_set_paused(struct service *service, bool paused, struct queue_info *out,
                         struct fault_list *faults)
{
    struct err err;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = queue_set_paused(db, paused, &err);
    if (code == 0) { /* then it is, whether it can be told or not */
        log_info("queue paused=%s", paused ? "yes" : "no");
        scheduler_wake(service->scheduler);
    }
    code = code == 0 ? read_queue(service, db, out, faults) : fault_add_err(faults, &err);
    service_release(service, db);
    return code == 0 ? 0 : -1;
}
