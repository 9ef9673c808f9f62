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

int
service_job_pause(struct service *service, const char *id, struct arena *arena,
                  struct job_info *out, struct fault_list *faults)
{
    (void)arena;
    bool runs = strcmp(id, "ftjob-running") == 0;
    return move(service, id, runs ? JOB_RUNNING : JOB_QUEUED, runs ? JOB_PAUSING : JOB_PAUSED, out,
                faults);
}

int
service_job_resume(struct service *service, const char *id, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    (void)arena;
    return move(service, id, JOB_PAUSED, JOB_QUEUED, out, faults);
}

int
service_job_retry(struct service *service, const char *id, struct arena *arena,
                  struct job_info *out, struct fault_list *faults)
{
    (void)arena;
    return move(service, id, JOB_FAILED, JOB_QUEUED, out, faults);
}

int
service_job_update(struct service *service, const char *id, const char *body, size_t length,
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

int
service_job_delete(struct service *service, const char *id, struct fault_list *faults)
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
        .rows = 90,
        .validation_rows = 10,
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
