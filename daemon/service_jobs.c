/*
 * Jobs: listing and reading. Creating is service_create.c's, changing service_life.c's.
 */
#include "daemon/service_state.h"

/* Seconds that are left at the pace so far; < 0 while that cannot be said. */
static double
seconds_left(const struct job_row *row)
{
    const struct job_progress_row *progress = &row->progress;
    if (row->state == JOB_STATE_SUCCEEDED)
        return 0;
    if (row->state != JOB_STATE_RUNNING || progress->step <= 0 || progress->total_steps <= 0)
        return -1;
    int64_t left = progress->total_steps - progress->step;
    return progress->seconds_elapsed / (double)progress->step * (double)left;
}

static struct job_progress
progress_info(const struct job_row *row)
{
    const struct job_progress_row *progress = &row->progress;
    double total = (double)progress->total_steps;
    return (struct job_progress){
        .step = progress->step,
        .total_steps = progress->total_steps,
        .epoch = progress->epoch,
        .percent = total > 0 ? 100.0 * (double)progress->step / total : 0,
        .seconds_elapsed = progress->seconds_elapsed,
        .seconds_left = seconds_left(row),
        .rows_per_second = progress->rows_per_second,
        .tokens_per_second = progress->tokens_per_second,
    };
}

void
service_job_info(const struct job_row *row, struct arena *arena, struct job_info *out)
{
    *out = (struct job_info){
        .id = row->id,
        .status = (enum job_status)row->state,
        .created_at = row->created_at,
        .started_at = row->started_at,
        .finished_at = row->finished_at,
        .model = row->model,
        .training_file = row->training_file,
        .validation_file = row->validation_file,
        .test_file = row->test_file,
        .suffix = row->suffix,
        .seed = row->seed,
        .metadata_json = row->metadata_json,
        .fine_tuned_model = row->fine_tuned_model,
        .result_file = row->result_file,
        .error_code = row->error_code,
        .error_message = row->error_message,
        .error_param = row->error_param,
        .trained_tokens = row->state == JOB_STATE_SUCCEEDED ? row->progress.trained_tokens : -1,
        .task = row->task,
        .labels_json = row->labels_json,
        .parameters_json = row->parameters_json,
        .baseline_json = row->baseline_json,
        .progress = progress_info(row),
        .metrics = service_named_values(row->measures, row->measure_count, arena),
        .metric_count = row->measure_count,
        .engine = row->engine,
        .precision = row->precision,
        .threads = row->threads,
        .peak_memory_bytes = row->progress.peak_memory_bytes,
        .estimated_memory_bytes = row->estimated_memory_bytes,
        .epoch_rows = row->epoch_rows,
        .attempt = row->attempt,
        .queue_position = row->queue_position,
        .priority = row->priority,
    };
}

int
service_fault_job(struct fault_list *faults, const char *id, const struct err *err)
{
    if (err->code != ERR_NOT_FOUND)
        return fault_add_err(faults, err);
    return fault_add(
        faults, FAULT_JOB_NOT_FOUND, "id",
        "There is no job '%.100s'. GET /v1/fine_tuning/jobs lists those that there are.", id);
}

int
service_read_job(struct service *service, struct db *db, const char *id, struct arena *arena,
                 struct job_row *out, struct fault_list *faults)
{
    struct err err;
    (void)service;
    return jobs_get(db, id, arena, out, &err) == 0 ? 0 : service_fault_job(faults, id, &err);
}

int
service_jobs_list(struct service *service, const struct page *page,
                  const struct metadata_filter *filters, size_t filter_count, struct arena *arena,
                  struct job_list *out, struct fault_list *faults)
{
    struct err err;
    struct job_rows rows;
    struct list_query query = service_list_query(page);
    struct job_metadata_filter *pairs = arena_array(arena, filter_count, sizeof *pairs);
    for (size_t i = 0; i < filter_count; i++)
        pairs[i] = (struct job_metadata_filter){filters[i].key, filters[i].value};
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = jobs_page(db, &query, pairs, filter_count, arena, &rows, &err);
    service_release(service, db);
    if (code != 0)
        return service_fault_page(faults, page, &err);
    *out = (struct job_list){
        .items = arena_array(arena, rows.count, sizeof *out->items),
        .count = rows.count,
        .has_more = rows.has_more,
    };
    for (size_t i = 0; i < rows.count; i++)
        service_job_info(&rows.items[i], arena, &out->items[i]);
    return 0;
}

int
service_job_get(struct service *service, const char *id, struct arena *arena, struct job_info *out,
                struct fault_list *faults)
{
    struct job_row row;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = service_read_job(service, db, id, arena, &row, faults);
    service_release(service, db);
    if (code == 0)
        service_job_info(&row, arena, out);
    return code;
}
