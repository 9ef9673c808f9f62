/* Jobs of the fake service and what they leave behind; see fake_service.h. */
#include "core/base/json.h"
#include "tests/support/fake_service_state.h"

#include <stdlib.h>
#include <string.h>

static struct job_info *
store_job(struct service *service, const char *id, enum job_status status)
{
    if (service->job_count == FAKE_MAX_JOBS)
        abort();
    struct job_info *job = &service->jobs[service->job_count++];
    *job = (struct job_info){
        .id = arena_copy_string(service->arena, id),
        .status = status,
        .created_at = 1700000100 + (int64_t)service->job_count,
        .model = "tiny",
        .training_file = "file-one",
        .seed = 42,
        .trained_tokens = -1,
        .task = "classification",
        .labels_json = "[\"bad\",\"good\",\"l\xc3\xa4uft\"]",
        .parameters_json = "{\"n_epochs\":3,\"batch_size\":16,\"learning_rate_multiplier\":1.0,"
                           "\"learning_rate\":0.0002}",
        .progress = {.total_steps = 100, .seconds_left = -1},
        .peak_memory_bytes = -1,
        .estimated_memory_bytes = 3 << 20,
        .epoch_rows = 96,
    };
    return job;
}

void
fake_store_jobs(struct service *service)
{
    struct job_info *job = store_job(service, "ftjob-done", JOB_SUCCEEDED);
    job->started_at = 1700000200;
    job->finished_at = 1700000300;
    job->fine_tuned_model = FAKE_MODEL;
    job->trained_tokens = 12345;
    job->metadata_json = "{\"team\":\"a b\"}";
    job->metrics = fake_metrics;
    job->metric_count = FAKE_METRICS;
    job->engine = "openblas";
    job->precision = "fp32";
    job->threads = 2;
    job->peak_memory_bytes = 1 << 20;
    job->estimated_memory_bytes = -1; /* accepted by a program that did not tell it */
    job->epoch_rows = -1;
    job->attempt = 1;
    job = store_job(service, "ftjob-failed", JOB_FAILED);
    job->finished_at = 1700000300;
    job->error_code = "diverged";
    job->error_message = "The loss is not finite.";
    job = store_job(service, "ftjob-running", JOB_RUNNING);
    job->started_at = 1700000200;
    job->progress.seconds_left = 30;
    job = store_job(service, "ftjob-queued", JOB_QUEUED);
    job->queue_position = 1;
}

const char *
job_status_name(enum job_status status)
{
    static const char *const names[] = {"queued",    "running", "pausing",  "paused",
                                        "succeeded", "failed",  "cancelled"};
    return names[status];
}

int
service_job_create(struct service *service, const char *body, size_t length, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    struct err err;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    json_t *root = json_parse(body, length, false, &err);
    if (root == NULL)
        return fake_leave(service, fault_add(faults, FAULT_INVALID_JSON, NULL, "%s", err.message));
    const char *model = json_string_value(json_object_get(root, "model"));
    int result = 0;
    if (model == NULL)
        result = fault_add(faults, FAULT_MISSING_PARAMETER, "model", "'model' is missing.");
    else if (strcmp(model, "tiny") != 0)
        result = fault_add(faults, FAULT_MODEL_NOT_FOUND, "model", "No such model.");
    if (result == 0) {
        char *id = arena_printf(arena, "ftjob-%zu", service->job_count);
        *out = *store_job(service, id, JOB_QUEUED);
    }
    json_decref(root);
    return fake_leave(service, result);
}

/* The only filter that matches anything is metadata[team]=a b. */
static bool
job_matches(const struct job_info *job, const struct metadata_filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (job->metadata_json == NULL || strcmp(filters[i].key, "team") != 0 ||
            strcmp(filters[i].value, "a b") != 0)
            return false;
    }
    return true;
}

int
service_jobs_list(struct service *service, const struct page *page,
                  const struct metadata_filter *filters, size_t filter_count, struct arena *arena,
                  struct job_list *out, struct fault_list *faults)
{
    *out = (struct job_list){0};
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    out->items = arena_array(arena, service->job_count, sizeof *out->items);
    bool skipping = page->after != NULL;
    for (size_t i = 0; i < service->job_count; i++) {
        size_t at = page->ascending ? i : service->job_count - 1 - i;
        const struct job_info *job = &service->jobs[at];
        if (!job_matches(job, filters, filter_count))
            continue;
        if (skipping)
            skipping = strcmp(job->id, page->after) != 0;
        else if (out->count == page->limit)
            out->has_more = true;
        else
            out->items[out->count++] = *job;
    }
    return fake_leave(service, 0);
}

static struct job_info *
find_job(struct service *service, const char *id, struct fault_list *faults)
{
    for (size_t i = 0; i < service->job_count; i++) {
        if (strcmp(service->jobs[i].id, id) == 0)
            return &service->jobs[i];
    }
    fault_add(faults, FAULT_JOB_NOT_FOUND, NULL, "No such job.");
    return NULL;
}

int
service_job_get(struct service *service, const char *id, struct arena *arena, struct job_info *out,
                struct fault_list *faults)
{
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    const struct job_info *job = find_job(service, id, faults);
    if (job != NULL)
        *out = *job;
    return fake_leave(service, job == NULL ? -1 : 0);
}

int
service_job_events(struct service *service, const char *job_id, const struct page *page,
                   struct arena *arena, struct event_list *out, struct fault_list *faults)
{
    *out = (struct event_list){0};
    int result = fake_enter(service, faults);
    if (result == 0 && find_job(service, job_id, faults) == NULL)
        result = -1;
    const char *message = arena_copy_string(arena, service->event_message);
    fake_leave(service, 0);
    out->items = arena_array(arena, page->limit, sizeof *out->items);
    int64_t after = page->after == NULL ? (page->ascending ? -1 : FAKE_EVENTS)
                                        : strtoll(page->after + strlen("ftevent-"), NULL, 10);
    for (int64_t step = page->ascending ? 1 : -1, i = after + step;
         result == 0 && i >= 0 && i < FAKE_EVENTS; i += step) {
        if (out->count == page->limit) {
            out->has_more = true;
            break;
        }
        out->items[out->count++] = (struct event_info){
            .id = arena_printf(arena, "ftevent-%d", (int)i),
            .created_at = 1700000200 + i,
            .code = "note",
            .level = "info",
            .message = message,
            .type = i == 0 ? "metrics" : "message",
            .data_json = i == 0 ? "{\"step\":7,\"train_accuracy\":0.9,\"valid_loss\":0.1}" : NULL,
        };
    }
    return result;
}

int
service_job_metrics(struct service *service, const char *job_id, const struct metric_query *query,
                    struct arena *arena, struct metric_list *out, struct fault_list *faults)
{
    *out = (struct metric_list){.last_step = FAKE_METRIC_POINTS};
    int result = fake_enter(service, faults);
    if (result == 0 && find_job(service, job_id, faults) == NULL)
        result = -1;
    fake_leave(service, 0);
    out->items = arena_array(arena, query->limit, sizeof *out->items);
    int64_t first = query->after_step < 1 ? 1 : query->after_step + 1;
    for (int64_t step = first; result == 0 && step <= FAKE_METRIC_POINTS; step++) {
        if (out->count == query->limit) {
            out->has_more = true;
            break;
        }
        bool one = query->name_count == 1 && strcmp(query->names[0], "valid_loss") == 0;
        out->items[out->count++] = (struct metric_point){
            .step = step,
            .epoch = (double)step / 100,
            .created_at = 1700000200,
            .values = one ? &fake_metrics[2] : fake_metrics,
            .value_count = one ? 1 : FAKE_METRICS,
        };
    }
    return result;
}

int
service_job_checkpoints(struct service *service, const char *job_id, const struct page *page,
                        struct arena *arena, struct checkpoint_list *out, struct fault_list *faults)
{
    (void)page;
    *out = (struct checkpoint_list){0};
    int result = fake_enter(service, faults);
    const struct job_info *job = result == 0 ? find_job(service, job_id, faults) : NULL;
    if (job != NULL && job->status == JOB_SUCCEEDED) {
        out->items = arena_array(arena, 1, sizeof *out->items);
        out->items[out->count++] = (struct checkpoint_info){
            .id = "ftckpt_one",
            .created_at = 1700000250,
            .model = FAKE_MODEL ":ckpt-step-50",
            .step = 50,
            .job_id = job->id,
            .metrics = fake_metrics,
            .metric_count = FAKE_METRICS,
        };
    }
    return fake_leave(service, job == NULL ? -1 : 0);
}
