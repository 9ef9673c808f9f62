/* Changes of jobs, the queue and the machine of the fake service; see fake_service.h. */
#include "core/base/json.h"
#include "tests/support/fake_service_state.h"

#include <string.h>

static struct job_info *
find_job(struct service *service, const char *id, struct fault_list *faults)
{
    for (size_t i = 0; i < service->job_count; i++)
        if (strcmp(service->jobs[i].id, id) == 0)
            return &service->jobs[i];
    fault_add(faults, FAULT_JOB_NOT_FOUND, NULL, "No such job.");
    return NULL;
}

/* Into `to` when it is in `from`; already there: nothing; CONFLICT otherwise. */
static int
move(struct service *service, const char *id, enum job_status from, enum job_status to,
     struct job_info *out, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct job_info *job = find_job(service, id, faults);
    if (job == NULL)
        return fake_leave(service, -1);
    if (job->status != from && job->status != to)
        return fake_leave(service, fault_add(faults, FAULT_CONFLICT, "id", "Job %s is %s.", id,
                                             job_status_name(job->status)));
    job->status = to;
    job->queue_position = to == JOB_QUEUED;
    *out = *job;
    return fake_leave(service, 0);
}

static int
cancel_job(struct service *service, const char *id, struct job_info *out, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct job_info *job = find_job(service, id, faults);
    if (job == NULL)
        return fake_leave(service, -1);
    if (job->status != JOB_QUEUED && job->status != JOB_RUNNING)
        return fake_leave(service, fault_add(faults, FAULT_CONFLICT, NULL, "The job has ended."));
    job->status = JOB_CANCELLED;
    job->finished_at = 1700000400;
    *out = *job;
    return fake_leave(service, 0);
}

static int
pause_job(struct service *service, const char *id, struct arena *arena, struct job_info *out,
          struct fault_list *faults)
{
    (void)arena;
    bool runs = strcmp(id, "ftjob-running") == 0;
    return move(service, id, runs ? JOB_RUNNING : JOB_QUEUED, runs ? JOB_PAUSING : JOB_PAUSED, out,
                faults);
}

static int
resume_job(struct service *service, const char *id, struct arena *arena, struct job_info *out,
           struct fault_list *faults)
{
    (void)arena;
    return move(service, id, JOB_PAUSED, JOB_QUEUED, out, faults);
}

static int
retry_job(struct service *service, const char *id, struct arena *arena, struct job_info *out,
          struct fault_list *faults)
{
    (void)arena;
    return move(service, id, JOB_FAILED, JOB_QUEUED, out, faults);
}

static int
update_job(struct service *service, const char *id, const char *body, size_t length,
           struct arena *arena, struct job_info *out, struct fault_list *faults)
{
    struct err err;
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct job_info *job = find_job(service, id, faults);
    json_t *root = json_parse(body, length, false, &err);
    int result = job != NULL ? 0 : -1;
    if (job != NULL && root == NULL)
        result = fault_add(faults, FAULT_INVALID_JSON, NULL, "%s", err.message);
    if (result == 0) {
        const json_t *priority = json_object_get(root, "priority");
        if (priority != NULL)
            job->priority = json_integer_value(priority);
        *out = *job;
    }
    json_decref(root);
    return fake_leave(service, result);
}

static int
delete_job(struct service *service, const char *id, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct job_info *job = find_job(service, id, faults);
    if (job == NULL)
        return fake_leave(service, -1);
    if (job->finished_at == 0)
        return fake_leave(service,
                          fault_add(faults, FAULT_CONFLICT, "id", "Job %s has not ended.", id));
    job->id = "";
    return fake_leave(service, 0);
}

/* As the real one asks it: of the job as it is then. */
static int
check_condition(struct service *service, const struct job_wish *wish, struct fault_list *faults)
{
    if (wish->condition == NULL)
        return 0;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    const struct job_info *job = find_job(service, wish->id, faults);
    int result = job != NULL ? 0 : -1;
    if (job != NULL && !wish->condition->holds(wish->condition->context, job))
        result = fault_add(faults, FAULT_PRECONDITION_FAILED, NULL, "It has changed.");
    return fake_leave(service, result);
}

int
service_job_change(struct service *service, const struct job_wish *wish, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    if (check_condition(service, wish, faults) != 0)
        return -1;
    switch (wish->kind) {
    case JOB_WISH_CANCEL:
        return cancel_job(service, wish->id, out, faults);
    case JOB_WISH_PAUSE:
        return pause_job(service, wish->id, arena, out, faults);
    case JOB_WISH_RESUME:
        return resume_job(service, wish->id, arena, out, faults);
    case JOB_WISH_RETRY:
        return retry_job(service, wish->id, arena, out, faults);
    case JOB_WISH_UPDATE:
        return update_job(service, wish->id, wish->body, wish->length, arena, out, faults);
    case JOB_WISH_DELETE:
        return delete_job(service, wish->id, faults);
    }
    return -1;
}

int
service_job_estimate(struct service *service, const char *body, size_t length, struct arena *arena,
                     struct job_estimate *out, struct fault_list *faults)
{
    struct err err;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    json_t *root = json_parse(body, length, false, &err);
    const char *model = json_string_value(json_object_get(root, "model"));
    int result = 0;
    if (model == NULL)
        result = fault_add(faults, FAULT_MISSING_PARAMETER, "model", "'model' is missing.");
    json_decref(root);
    *out = (struct job_estimate){
        .parameters_json = "{\"n_epochs\":3}",
        .task = "classification",
        .rows = 90,
        .validation_rows = 10,
        .epoch_rows = 120,
        .tokens = 2000,
        .total_steps = 18,
        .seconds = 1.5,
        .peak_memory_bytes = 64 << 20,
        .disk_bytes = 1 << 20,
        .warnings = arena_array(arena, 1, sizeof *out->warnings),
        .warning_count = 1,
    };
    out->warnings[0] = (struct estimate_warning){"random_weights", "It starts at random."};
    return fake_leave(service, result);
}

static struct queue_info
queue_of(const struct service *service)
{
    struct queue_info queue = {.paused = service->queue_paused_at > 0,
                               .paused_at = service->queue_paused_at,
                               .workers = 1};
    for (size_t i = 0; i < service->job_count; i++) {
        queue.queued += service->jobs[i].status == JOB_QUEUED;
        queue.running += service->jobs[i].status == JOB_RUNNING;
        queue.pausing += service->jobs[i].status == JOB_PAUSING;
        queue.paused_jobs += service->jobs[i].status == JOB_PAUSED;
    }
    return queue;
}

int
service_queue_get(struct service *service, struct queue_info *out, struct fault_list *faults)
{
    int result = fake_enter(service, faults);
    *out = queue_of(service);
    return fake_leave(service, result);
}

int
service_queue_set_paused(struct service *service, bool paused, struct queue_info *out,
                         struct fault_list *faults)
{
    int result = fake_enter(service, faults);
    if (result == 0)
        service->queue_paused_at = paused ? 1700000500 : 0;
    *out = queue_of(service);
    return fake_leave(service, result);
}

int
service_system(struct service *service, struct arena *arena, struct system_info *out,
               struct fault_list *faults)
{
    (void)arena;
    int result = fake_enter(service, faults);
    *out = (struct system_info){
        .cpu = "a processor",
        .processors = 4,
        .threads_per_job = 2,
        .memory_total = 8000,
        .memory_free = 4000,
        .memory_used = 1000,
        .disk_total = 90000,
        .disk_free = 60000,
        .disk_min_free = 100,
        .queue = queue_of(service),
        .engine = "native",
        .engine_rate = 50.5,
        .uptime = 12,
    };
    return fake_leave(service, result);
}
