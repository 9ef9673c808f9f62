/*
 * How a job goes: events, metric points, checkpoints.
 */
#include "daemon/service_state.h"
#include "daemon/store/checkpoints.h"
#include "daemon/store/events.h"
#include "daemon/store/metrics.h"

struct event_info
service_event_info(const struct event_row *row)
{
    return (struct event_info){
        .id = row->id,
        .created_at = row->created_at,
        .level = row->level,
        .message = row->message,
        .type = row->type,
        .data_json = row->data_json,
        .code = row->code,
    };
}

struct metric_point
service_metric_point(const struct point_row *row, struct arena *arena)
{
    return (struct metric_point){
        .step = row->step,
        .epoch = row->epoch,
        .created_at = row->created_at,
        .values = service_named_values(row->measures, row->measure_count, arena),
        .value_count = row->measure_count,
    };
}

struct checkpoint_info
service_checkpoint_info(const struct checkpoint_row *row, struct arena *arena)
{
    return (struct checkpoint_info){
        .id = row->id,
        .created_at = row->created_at,
        .model = row->model,
        .step = row->step,
        .job_id = row->job_id,
        .metrics = service_named_values(row->measures, row->measure_count, arena),
        .metric_count = row->measure_count,
    };
}

int
service_job_events(struct service *service, const char *job_id, const struct page *page,
                   struct arena *arena, struct event_list *out, struct fault_list *faults)
{
    struct err err;
    struct job_row job;
    struct event_rows rows;
    struct list_query query = service_list_query(page);
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = service_read_job(service, db, job_id, arena, &job, faults);
    if (code == 0 && events_page(db, job.seq, &query, arena, &rows, &err) != 0)
        code = service_fault_page(faults, page, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    *out = (struct event_list){
        .items = arena_array(arena, rows.count, sizeof *out->items),
        .count = rows.count,
        .has_more = rows.has_more,
    };
    for (size_t i = 0; i < rows.count; i++)
        out->items[i] = service_event_info(&rows.items[i]);
    return 0;
}

int
service_job_metrics(struct service *service, const char *job_id, const struct metric_query *query,
                    struct arena *arena, struct metric_list *out, struct fault_list *faults)
{
    struct err err;
    struct job_row job;
    struct point_rows rows;
    struct page limits = {.limit = query->limit};
    struct point_query points = {
        .after_step = query->after_step,
        .limit = service_list_query(&limits).limit,
        .names = query->names,
        .name_count = query->name_count,
    };
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = service_read_job(service, db, job_id, arena, &job, faults);
    if (code == 0 && (query->thinned ? metrics_thin : metrics_query)(db, job.seq, &points, arena,
                                                                     &rows, &err) != 0)
        code = fault_add_err(faults, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    *out = (struct metric_list){
        .items = arena_array(arena, rows.count, sizeof *out->items),
        .count = rows.count,
        .has_more = rows.has_more,
        .last_step = rows.last_step,
    };
    for (size_t i = 0; i < rows.count; i++)
        out->items[i] = service_metric_point(&rows.items[i], arena);
    return 0;
}

int
service_job_checkpoints(struct service *service, const char *job_id, const struct page *page,
                        struct arena *arena, struct checkpoint_list *out, struct fault_list *faults)
{
    struct err err;
    struct job_row job;
    struct checkpoint_rows rows;
    struct list_query query = service_list_query(page);
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = service_read_job(service, db, job_id, arena, &job, faults);
    if (code == 0 && checkpoints_page(db, job.seq, &query, arena, &rows, &err) != 0)
        code = service_fault_page(faults, page, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    *out = (struct checkpoint_list){
        .items = arena_array(arena, rows.count, sizeof *out->items),
        .count = rows.count,
        .has_more = rows.has_more,
    };
    for (size_t i = 0; i < rows.count; i++)
        out->items[i] = service_checkpoint_info(&rows.items[i], arena);
    return 0;
}
