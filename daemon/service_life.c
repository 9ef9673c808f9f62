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

/* What clients may ask, and the words for it. */
static const struct verb {
    enum job_action action;
    const char *done;       /* "cannot be <done>" */
    const char *event;      /* of the change */
    job_state_set repeated; /* states in which there is nothing left to do */
} verbs[] = {
    {JOB_ACTION_CANCEL, "cancelled", "The job was cancelled.", 0},
    {JOB_ACTION_PAUSE, "paused", "The job was paused.",
     1u << JOB_STATE_PAUSING | 1u << JOB_STATE_PAUSED},
    {JOB_ACTION_RESUME, "resumed",
     "The job was resumed: it waits in the queue and goes on from its newest saved state.",
     1u << JOB_STATE_QUEUED | 1u << JOB_STATE_RUNNING},
    {JOB_ACTION_RETRY, "sent into the queue again", NULL, 0},
};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static const struct verb *
verb_of(enum job_action action)
{
    size_t i = 0;
    while (i + 1 < VERB_COUNT && verbs[i].action != action)
        i++;
    return &verbs[i];
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
    if (job_state_is_final(status))
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
struct wish {
    struct service *service;
    struct db *db;
    const char *id;
    struct arena *arena;
    const struct verb *verb;
};

/* One try from the state that was read: ERR_CONFLICT when the row was changed meanwhile. */
static int
change_from(const struct wish *wish, const struct job_row *row, enum job_status to, struct err *err)
{
    const char *event = wish->verb->event;
    if (to == JOB_PAUSING)
        event = "The job is being paused: it stops when its state is saved.";
    if (wish->verb->action == JOB_ACTION_RETRY)
        return jobs_retry(wish->db, wish->id, 1u << row->state, err);
    const struct job_change change = {
        .from = 1u << row->state,
        .to = (enum job_state)to,
        .event = {.level = EVENT_INFO, .type = EVENT_MESSAGE, .message = event},
    };
    return jobs_change(wish->db, wish->id, &change, err);
}

/* Until the change is made, was made before, or is refused. *out: the row as it is afterwards. */
static int
apply(const struct wish *wish, struct job_row *out, struct fault_list *faults)
{
    struct err err = {0};
    for (size_t i = 0; i < CHANGE_ATTEMPTS; i++) {
        enum job_status to;
        if (service_read_job(wish->service, wish->db, wish->id, wish->arena, out, faults) != 0)
            return -1;
        if (((wish->verb->repeated >> out->state) & 1u) != 0)
            return 0;
        if (!job_state_next((enum job_status)out->state, wish->verb->action, &to))
            return fault_state(faults, out, wish->verb->done);
        int code = change_from(wish, out, to, &err);
        if (code == 0)
            return service_read_job(wish->service, wish->db, wish->id, wish->arena, out, faults);
        if (code == ERR_INVALID)
            return fault_add(faults, FAULT_CONFLICT, "id",
                             "Job %s cannot be sent into the queue again: there is %s any more. "
                             "Upload it and create a new job.",
                             wish->id, err.message);
        if (code != ERR_CONFLICT)
            return service_fault_job(faults, wish->id, &err);
    }
    return fault_add_err(faults, &err);
}

static int
act(const struct wish *wish, struct job_info *out, struct fault_list *faults)
{
    struct service *service = wish->service;
    struct job_row row;
    struct wish with_db = *wish;
    with_db.db = service_acquire(service, faults);
    if (with_db.db == NULL)
        return -1;
    int code = apply(&with_db, &row, faults);
    service_release(service, with_db.db);
    if (code != 0)
        return -1;
    if (service->workers != NULL && wish->verb->action == JOB_ACTION_CANCEL)
        workers_cancel(service->workers, wish->id);
    if (service->workers != NULL && wish->verb->action == JOB_ACTION_PAUSE)
        workers_pause(service->workers, wish->id);
    scheduler_wake(service->scheduler);
    log_info("%s job=%s status=%s", job_action_name(wish->verb->action), wish->id,
             job_status_name((enum job_status)row.state));
    service_job_info(&row, wish->arena, out);
    return 0;
}

int
service_job_cancel(struct service *service, const char *id, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    const struct wish wish = {service, NULL, id, arena, verb_of(JOB_ACTION_CANCEL)};
    return act(&wish, out, faults);
}

int
service_job_pause(struct service *service, const char *id, struct arena *arena,
                  struct job_info *out, struct fault_list *faults)
{
    const struct wish wish = {service, NULL, id, arena, verb_of(JOB_ACTION_PAUSE)};
    return act(&wish, out, faults);
}

int
service_job_resume(struct service *service, const char *id, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    const struct wish wish = {service, NULL, id, arena, verb_of(JOB_ACTION_RESUME)};
    return act(&wish, out, faults);
}

int
service_job_retry(struct service *service, const char *id, struct arena *arena,
                  struct job_info *out, struct fault_list *faults)
{
    const struct wish wish = {service, NULL, id, arena, verb_of(JOB_ACTION_RETRY)};
    return act(&wish, out, faults);
}

int
service_job_update(struct service *service, const char *id, const char *body, size_t length,
                   struct arena *arena, struct job_info *out, struct fault_list *faults)
{
    struct err err;
    struct job_update update;
    struct job_row row;
    if (job_params_parse_update(body, length, arena, &update, faults) != 0)
        return -1;
    const struct job_patch patch = {update.has_metadata, update.metadata_json, update.has_priority,
                                    update.priority};
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = jobs_patch(db, id, &patch, &err) == 0 ? 0 : service_fault_job(faults, id, &err);
    if (code == 0)
        code = service_read_job(service, db, id, arena, &row, faults);
    service_release(service, db);
    if (code != 0)
        return -1;
    scheduler_wake(service->scheduler);
    log_info("update job=%s", id);
    service_job_info(&row, arena, out);
    return 0;
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
        return fault_add(faults, FAULT_IN_USE, "id",
                         "%s, which has not ended: wait for it or cancel it first.", err->message);
    if (service_read_job(service, db, id, faults->arena, &row, faults) != 0)
        return -1;
    return fault_state(faults, &row, "deleted");
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

int
service_job_delete(struct service *service, const char *id, struct fault_list *faults)
{
    struct err err;
    bool in_use = false;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = 0;
    if (jobs_delete(db, id, &in_use, &err) != 0)
        code = fault_delete(service, db, id, in_use, &err, faults);
    service_release(service, db);
    if (code != 0)
        return -1;
    log_info("delete job=%s", id);
    wait_for_worker(service, id);
    forget_checkpoints(service, id);
    if (data_dir_remove_job(service->store.dir, id, &err) != 0)
        log_warn("remove job=%s error=\"%s\"", id, err.message); /* swept at the next start */
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
    int code = queue_set_paused(db, paused, &err) == 0 ? read_queue(service, db, out, faults)
                                                       : fault_add_err(faults, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    log_info("queue paused=%s", paused ? "yes" : "no");
    scheduler_wake(service->scheduler);
    return 0;
}
