/*
 * What is new of a job, and who is told of changes; see service_follow.h.
 */
#include "daemon/service_state.h"
#include "daemon/store/changes.h"
#include "daemon/store/checkpoints.h"
#include "daemon/store/events.h"
#include "daemon/store/metrics.h"

struct news_rows {
    struct job_row job;
    struct event_rows events;
    struct point_rows points;
    struct checkpoint_rows checkpoints;
};

/* The job was read before: when it has ended, nothing is written behind what is read here. */
static int
read_lists(struct db *db, const struct follow_cursor *after, size_t limit, struct arena *arena,
           struct news_rows *out, struct err *err)
{
    int64_t seq = out->job.seq;
    const struct rows_after events = {seq, after->event, limit};
    const struct rows_after checkpoints = {seq, after->checkpoint, limit};
    const struct point_query points = {.after_step = after->step, .limit = limit};
    if (events_after(db, &events, arena, &out->events, err) != 0 ||
        metrics_query(db, seq, &points, arena, &out->points, err) != 0)
        return err->code;
    return checkpoints_after(db, &checkpoints, arena, &out->checkpoints, err);
}

static void
show_lists(const struct news_rows *rows, struct arena *arena, struct follow_news *out)
{
    out->event_count = rows->events.count;
    out->events = arena_array(arena, out->event_count, sizeof *out->events);
    for (size_t i = 0; i < out->event_count; i++)
        out->events[i] = (struct follow_event){rows->events.items[i].seq,
                                               service_event_info(&rows->events.items[i])};
    out->point_count = rows->points.count;
    out->points = arena_array(arena, out->point_count, sizeof *out->points);
    for (size_t i = 0; i < out->point_count; i++)
        out->points[i] = service_metric_point(&rows->points.items[i], arena);
    out->checkpoint_count = rows->checkpoints.count;
    out->checkpoints = arena_array(arena, out->checkpoint_count, sizeof *out->checkpoints);
    for (size_t i = 0; i < out->checkpoint_count; i++)
        out->checkpoints[i] = service_checkpoint_info(&rows->checkpoints.items[i], arena);
    out->has_more = rows->events.has_more || rows->points.has_more || rows->checkpoints.has_more;
}

int
service_job_follow(struct service *service, const char *job_id, const struct follow_cursor *after,
                   size_t limit, struct arena *arena, struct follow_news *out,
                   struct fault_list *faults)
{
    struct err err;
    struct news_rows rows;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = service_read_job(service, db, job_id, arena, &rows.job, faults);
    if (code == 0 && read_lists(db, after, limit, arena, &rows, &err) != 0)
        code = fault_add_err(faults, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    *out = (struct follow_news){0};
    service_job_info(&rows.job, arena, &out->job);
    show_lists(&rows, arena, out);
    return 0;
}

int
service_job_key(struct service *service, const char *job_id, int64_t *key,
                struct fault_list *faults)
{
    struct job_row job;
    struct arena *arena = arena_new();
    struct db *db = service_acquire(service, faults);
    int code = db == NULL ? -1 : service_read_job(service, db, job_id, arena, &job, faults);
    service_release(service, db);
    if (code == 0)
        *key = job.seq;
    arena_free(arena);
    return code;
}

static void
pass_on(void *context, const struct change *change)
{
    const struct service *service = context;
    service->listener(service->listener_context,
                      &(struct service_change){change->job_seq, change->queue});
}

void
service_on_change(struct service *service, service_listener *listener, void *context)
{
    struct changes *changes = db_pool_changes(service->store.pool);
    changes_listen(changes, NULL, NULL);
    service->listener = listener;
    service->listener_context = context;
    if (listener != NULL)
        changes_listen(changes, pass_on, service);
}
