/* Following a job of the fake service, and telling of changes; see fake_service.h. */
#include "tests/support/fake_service_state.h"

#include <stdlib.h>
#include <string.h>

/* Called with the lock held; FAKE_MAX_JOBS when there is none. */
static size_t
find(const struct service *service, const char *id)
{
    for (size_t i = 0; i < service->job_count; i++)
        if (strcmp(service->jobs[i].id, id) == 0)
            return i;
    return FAKE_MAX_JOBS;
}

static void
add_lists(const struct fake_series *series, const struct follow_cursor *after, size_t limit,
          struct arena *arena, struct follow_news *out)
{
    out->events = arena_array(arena, limit, sizeof *out->events);
    for (int64_t i = after->event + 1; i <= series->events && out->event_count < limit; i++)
        out->events[out->event_count++] = (struct follow_event){
            i,
            {.id = arena_printf(arena, "ftevent-%d", (int)i),
             .created_at = 1700000200 + i,
             .level = "info",
             .message = "Something\nhappened.",
             .type = "message"},
        };
    out->points = arena_array(arena, limit, sizeof *out->points);
    for (int64_t i = after->step < 0 ? 1 : after->step + 1;
         i <= series->points && out->point_count < limit; i++) {
        struct named_value *value = arena_alloc(arena, sizeof *value);
        *value = (struct named_value){"train_loss", (double)i / 2};
        out->points[out->point_count++] = (struct metric_point){
            .step = i, .epoch = (double)i / 100, .values = value, .value_count = 1};
    }
    out->checkpoints = arena_array(arena, 1, sizeof *out->checkpoints);
    if (series->checkpoint_step > 0 && series->checkpoint_step > after->checkpoint)
        out->checkpoints[out->checkpoint_count++] = (struct checkpoint_info){
            .id = "ftckpt_two", .model = "ft:tiny", .step = series->checkpoint_step, .job_id = "j"};
    out->has_more = out->event_count == limit || out->point_count == limit;
}

int
service_job_follow(struct service *service, const char *job_id, const struct follow_cursor *after,
                   size_t limit, struct arena *arena, struct follow_news *out,
                   struct fault_list *faults)
{
    *out = (struct follow_news){0};
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    size_t i = find(service, job_id);
    if (i == FAKE_MAX_JOBS)
        return fake_leave(service, fault_add(faults, FAULT_JOB_NOT_FOUND, NULL, "No such job."));
    out->job = service->jobs[i];
    add_lists(&service->series[i], after, limit, arena, out);
    return fake_leave(service, 0);
}

int
service_job_key(struct service *service, const char *job_id, int64_t *key,
                struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    size_t i = find(service, job_id);
    *key = (int64_t)i + 1;
    if (i == FAKE_MAX_JOBS)
        return fake_leave(service, fault_add(faults, FAULT_JOB_NOT_FOUND, NULL, "No such job."));
    return fake_leave(service, 0);
}

void
service_on_change(struct service *service, service_listener *listener, void *context)
{
    pthread_mutex_lock(&service->mutex);
    service->listener = listener;
    service->listener_context = context;
    pthread_mutex_unlock(&service->mutex);
}

/* ---- what tests ask for -----------------------------------------------------------------------
 */

/* Called with the lock held. */
static size_t
running(const struct service *service)
{
    size_t i = find(service, "ftjob-running");
    if (i == FAKE_MAX_JOBS)
        abort();
    return i;
}

/* Called with the lock held. */
static void
tell(struct service *service)
{
    const struct service_change change = {.key = (int64_t)running(service) + 1};
    if (service->listener != NULL)
        service->listener(service->listener_context, &change);
}

void
fake_service_add_progress(struct service *service, int64_t events, int64_t points)
{
    pthread_mutex_lock(&service->mutex);
    size_t i = running(service);
    service->series[i].events += events;
    service->series[i].points += points;
    service->jobs[i].progress.step += points;
    tell(service);
    pthread_mutex_unlock(&service->mutex);
}

void
fake_service_add_checkpoint(struct service *service)
{
    pthread_mutex_lock(&service->mutex);
    struct fake_series *series = &service->series[running(service)];
    series->checkpoint_step = series->points;
    tell(service);
    pthread_mutex_unlock(&service->mutex);
}

void
fake_service_end_job(struct service *service)
{
    pthread_mutex_lock(&service->mutex);
    service->jobs[running(service)].status = JOB_SUCCEEDED;
    tell(service);
    pthread_mutex_unlock(&service->mutex);
}

void
fake_service_rename_event(struct service *service, const char *message)
{
    pthread_mutex_lock(&service->mutex);
    strncpy(service->event_message, message, sizeof service->event_message - 1);
    tell(service);
    pthread_mutex_unlock(&service->mutex);
}

void
fake_service_tell(struct service *service)
{
    pthread_mutex_lock(&service->mutex);
    tell(service);
    pthread_mutex_unlock(&service->mutex);
}
