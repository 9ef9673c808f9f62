/*
 * Jobs and what they leave behind; see encode.h.
 *
 * OpenAI's required keys come first, each with its own type; ours follow. The hyperparameters that
 * OpenAI's object shows are taken from the parameters in force.
 */
#include "api/encode.h"

#include "api/encode_list.h"
#include "core/base/json.h"

#include <stdlib.h>
#include <string.h>

static const char organization[] = "local";

/* A member of parameters in force; "auto" where the job has no number for it. */
static void
encode_hyperparameter(struct json_out *out, const json_t *parameters, const char *name)
{
    const json_t *value = json_object_get(parameters, name);
    if (json_is_integer(value))
        json_out_integer(out, name, json_integer_value(value));
    else if (json_is_real(value))
        json_out_real(out, name, json_real_value(value));
    else
        json_out_string(out, name, "auto");
}

static void
encode_hyperparameters(struct json_out *out, const json_t *parameters)
{
    json_out_object(out, "hyperparameters");
    encode_hyperparameter(out, parameters, "batch_size");
    encode_hyperparameter(out, parameters, "learning_rate_multiplier");
    encode_hyperparameter(out, parameters, "n_epochs");
    json_out_end_object(out);
}

static void
encode_both_hyperparameters(struct json_out *out, const struct job_info *job)
{
    struct err ignored;
    json_t *parameters = NULL;
    if (job->parameters_json != NULL)
        parameters = json_parse(job->parameters_json, strlen(job->parameters_json), true, &ignored);
    encode_hyperparameters(out, parameters);
    json_out_object(out, "method");
    json_out_string(out, "type", "supervised");
    json_out_object(out, "supervised");
    encode_hyperparameters(out, parameters);
    json_out_end_object(out);
    json_out_end_object(out);
    json_decref(parameters);
}

/* A time or count that is null while it is not known. */
static void
encode_known(struct json_out *out, const char *key, int64_t value, bool known)
{
    if (known)
        json_out_integer(out, key, value);
    else
        json_out_null(out, key);
}

static void
encode_error(struct json_out *out, const struct job_info *job)
{
    if (job->error_code == NULL) {
        json_out_null(out, "error");
        return;
    }
    json_out_object(out, "error");
    json_out_string(out, "code", job->error_code);
    json_out_string(out, "message", job->error_message);
    json_out_string(out, "param", job->error_param);
    json_out_end_object(out);
}

static void
encode_progress(struct json_out *out, const struct job_progress *progress)
{
    json_out_object(out, "progress");
    json_out_integer(out, "step", progress->step);
    json_out_integer(out, "total_steps", progress->total_steps);
    json_out_real(out, "epoch", progress->epoch);
    json_out_real(out, "percent", progress->percent);
    json_out_real(out, "seconds_elapsed", progress->seconds_elapsed);
    if (progress->seconds_left < 0)
        json_out_null(out, "seconds_left");
    else
        json_out_real(out, "seconds_left", progress->seconds_left);
    json_out_real(out, "rows_per_second", progress->rows_per_second);
    json_out_real(out, "tokens_per_second", progress->tokens_per_second);
    json_out_end_object(out);
}

static void
encode_resources(struct json_out *out, const struct job_info *job)
{
    json_out_object(out, "resources");
    json_out_integer(out, "threads", job->threads);
    json_out_string(out, "engine", job->engine);
    json_out_string(out, "precision", job->precision);
    encode_known(out, "peak_memory_bytes", job->peak_memory_bytes, job->peak_memory_bytes >= 0);
    json_out_end_object(out);
}

/* OpenAI's required keys, and its optional ones. */
static void
encode_openai_members(struct json_out *out, const struct job_info *job, int64_t now)
{
    bool estimated = job->status == JOB_RUNNING && job->progress.seconds_left >= 0;
    json_out_string(out, "id", job->id);
    json_out_string(out, "object", "fine_tuning.job");
    json_out_integer(out, "created_at", job->created_at);
    encode_known(out, "started_at", job->started_at, job->started_at > 0);
    encode_known(out, "finished_at", job->finished_at, job->finished_at > 0);
    json_out_string(out, "status", job_status_name(job->status));
    json_out_string(out, "model", job->model);
    json_out_string(out, "fine_tuned_model", job->fine_tuned_model);
    json_out_string(out, "organization_id", organization);
    json_out_string(out, "training_file", job->training_file);
    json_out_string(out, "validation_file", job->validation_file);
    json_out_string(out, "test_file", job->test_file);
    json_out_array(out, "result_files");
    json_out_end_array(out);
    json_out_integer(out, "seed", job->seed);
    encode_known(out, "trained_tokens", job->trained_tokens, job->trained_tokens >= 0);
    encode_known(out, "estimated_finish", now + (int64_t)job->progress.seconds_left, estimated);
    json_out_null(out, "integrations");
    json_out_raw(out, "metadata", job->metadata_json);
    encode_error(out, job);
    encode_both_hyperparameters(out, job);
}

void
encode_job(struct json_out *out, const char *key, const struct job_info *job, int64_t now)
{
    json_out_object(out, key);
    encode_openai_members(out, job, now);
    json_out_string(out, "suffix", job->suffix);
    json_out_string(out, "task", job->task);
    json_out_array(out, "labels");
    for (size_t i = 0; i < job->label_count; i++)
        json_out_string(out, NULL, job->labels[i]);
    json_out_end_array(out);
    encode_progress(out, &job->progress);
    encode_named_values(out, "metrics", job->metrics, job->metric_count);
    encode_resources(out, job);
    encode_known(out, "estimated_memory_bytes", job->estimated_memory_bytes,
                 job->estimated_memory_bytes >= 0);
    json_out_integer(out, "attempt", job->attempt);
    encode_known(out, "queue_position", job->queue_position, job->queue_position > 0);
    json_out_integer(out, "priority", job->priority);
    json_out_raw(out, "parameters", job->parameters_json);
    json_out_end_object(out);
}

void
encode_job_list(struct json_out *out, const struct job_list *list, int64_t now)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++)
        encode_job(out, NULL, &list->items[i], now);
    encode_list_end(out, list->count > 0 ? list->items[0].id : NULL,
                    list->count > 0 ? list->items[list->count - 1].id : NULL, list->has_more);
    json_out_end_object(out);
}

static void
encode_json_value(struct json_out *out, const char *key, const json_t *value)
{
    if (json_is_real(value)) {
        json_out_real(out, key, json_real_value(value));
        return;
    }
    char *text = json_text(value);
    json_out_raw(out, key, text);
    free(text);
}

/*
 * The data of a metrics event as it is, with OpenAI's aliases added to its members. When it is not
 * an object, or has the alias already, nothing is added.
 */
static void
encode_event_data(struct json_out *out, const struct event_info *event)
{
    struct err ignored;
    json_t *data = NULL;
    if (event->data_json != NULL && strcmp(event->type, "metrics") == 0)
        data = json_parse(event->data_json, strlen(event->data_json), true, &ignored);
    if (!json_is_object(data)) {
        json_out_raw(out, "data", event->data_json);
        json_decref(data);
        return;
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_out_object(out, "data");
    json_object_foreach (data, key, value)
        encode_json_value(out, key, value);
    for (size_t i = 0; i < METRIC_ALIAS_COUNT; i++) {
        value = json_object_get(data, metric_aliases[i].metric);
        if (json_is_number(value) && json_object_get(data, metric_aliases[i].alias) == NULL)
            json_out_real(out, metric_aliases[i].alias, json_number_value(value));
    }
    json_out_end_object(out);
    json_decref(data);
}

static void
encode_event(struct json_out *out, const struct event_info *event)
{
    json_out_object(out, NULL);
    json_out_string(out, "id", event->id);
    json_out_string(out, "object", "fine_tuning.job.event");
    json_out_integer(out, "created_at", event->created_at);
    json_out_string(out, "level", event->level);
    json_out_string(out, "message", event->message);
    json_out_string(out, "type", event->type);
    encode_event_data(out, event);
    json_out_end_object(out);
}

void
encode_event_list(struct json_out *out, const struct event_list *list)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++)
        encode_event(out, &list->items[i]);
    encode_list_end(out, list->count > 0 ? list->items[0].id : NULL,
                    list->count > 0 ? list->items[list->count - 1].id : NULL, list->has_more);
    json_out_end_object(out);
}

void
encode_metric_list(struct json_out *out, const struct metric_list *list)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++) {
        const struct metric_point *point = &list->items[i];
        json_out_object(out, NULL);
        json_out_string(out, "object", "fine_tuning.job.metric");
        json_out_integer(out, "step", point->step);
        json_out_real(out, "epoch", point->epoch);
        json_out_integer(out, "created_at", point->created_at);
        encode_named_values(out, "values", point->values, point->value_count);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_bool(out, "has_more", list->has_more);
    encode_known(out, "last_step", list->last_step, list->last_step >= 0);
    json_out_end_object(out);
}

static const struct named_value *
find_value(const struct checkpoint_info *checkpoint, const char *name)
{
    for (size_t i = 0; i < checkpoint->metric_count; i++) {
        if (strcmp(checkpoint->metrics[i].name, name) == 0)
            return &checkpoint->metrics[i];
    }
    return NULL;
}

static void
encode_checkpoint(struct json_out *out, const struct checkpoint_info *checkpoint)
{
    json_out_object(out, NULL);
    json_out_string(out, "id", checkpoint->id);
    json_out_string(out, "object", "fine_tuning.job.checkpoint");
    json_out_integer(out, "created_at", checkpoint->created_at);
    json_out_string(out, "fine_tuned_model_checkpoint", checkpoint->model);
    json_out_integer(out, "step_number", checkpoint->step);
    json_out_string(out, "fine_tuning_job_id", checkpoint->job_id);
    json_out_object(out, "metrics");
    json_out_integer(out, "step", checkpoint->step);
    for (size_t i = 0; i < checkpoint->metric_count; i++)
        json_out_real(out, checkpoint->metrics[i].name, checkpoint->metrics[i].value);
    for (size_t i = 0; i < METRIC_ALIAS_COUNT; i++) {
        const struct named_value *value = find_value(checkpoint, metric_aliases[i].metric);
        if (value != NULL)
            json_out_real(out, metric_aliases[i].alias, value->value);
    }
    json_out_end_object(out);
    json_out_end_object(out);
}

void
encode_checkpoint_list(struct json_out *out, const struct checkpoint_list *list)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++)
        encode_checkpoint(out, &list->items[i]);
    encode_list_end(out, list->count > 0 ? list->items[0].id : NULL,
                    list->count > 0 ? list->items[list->count - 1].id : NULL, list->has_more);
    json_out_end_object(out);
}
