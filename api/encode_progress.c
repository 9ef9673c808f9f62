/*
 * What a job leaves behind while it runs: events, metric points, checkpoints; see encode.h.
 *
 * Events and checkpoints carry the metrics also under the names that readers of the hosted API look
 * for.
 */
#include "api/encode.h"

#include "core/base/json.h"

#include <stdlib.h>
#include <string.h>

/* OpenAI's name of one of our metrics. */
static const struct {
    const char *alias, *metric;
} metric_aliases[] = {
    {"train_mean_token_accuracy", "train_accuracy"},
    {"valid_mean_token_accuracy", "valid_accuracy"},
    {"full_valid_loss", "valid_loss"},
    {"full_valid_mean_token_accuracy", "valid_accuracy"},
};

enum { METRIC_ALIAS_COUNT = sizeof metric_aliases / sizeof metric_aliases[0] };

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
write_event_data(struct json_out *out, const char *to, const void *item)
{
    const struct event_info *event = item;
    struct err ignored;
    json_t *data = NULL;
    if (event->data_json != NULL && strcmp(event->type, "metrics") == 0)
        data = json_parse(event->data_json, strlen(event->data_json), true, &ignored);
    if (!json_is_object(data)) {
        json_out_raw(out, to, event->data_json);
        json_decref(data);
        return;
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_out_object(out, to);
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

static const char *const levels[] = {"info", "warn", "error", NULL};
static const char *const event_types[] = {"message", "metrics", NULL};

static const struct field_row event_rows[] = {
    {"id", FIELD_STRING(struct event_info, id), .doc = "Names the event."},
    {"object", FIELD_WORD("fine_tuning.job.event"), .doc = "Always \"fine_tuning.job.event\"."},
    {"created_at", FIELD_TIME(struct event_info, created_at), .doc = "When it happened."},
    {"level", FIELD_STRING(struct event_info, level), .choices = levels, .doc = "How grave it is."},
    {"message", FIELD_STRING(struct event_info, message), .doc = "What happened, in a sentence."},
    {"code", FIELD_STRING(struct event_info, code), .unset = FIELD_NULL_POINTER,
     .doc = "Its kind, a word that stays the same; null of events from before there were any."},
    {"type", FIELD_STRING(struct event_info, type), .choices = event_types,
     .doc = "\"metrics\" when data holds measures."},
    {"data", FIELD_WRITTEN(write_event_data, "{\"type\":[\"object\",\"null\"]}"),
     .doc = "Of a metrics event: the measures, also under OpenAI's names; of a warning about the "
            "data: its code."},
};
const struct field_object event_fields = FIELD_OBJECT(
    "FineTuningJobEvent", struct event_info, event_rows, "Something that happened to a job.");

static const struct field_row event_list_rows[] = {
    FIELD_LIST_ROWS(struct event_list, &event_fields),
    FIELD_LIST_IDS(struct event_list, &event_fields),
    FIELD_LIST_MORE(struct event_list),
};
const struct field_object event_list_fields =
    FIELD_OBJECT("FineTuningJobEventList", struct event_list, event_list_rows, "A page of events.");

void
encode_event_list(struct json_out *out, const struct event_list *list)
{
    fields_encode(out, NULL, &event_list_fields, list);
}

static const struct field_row metric_rows[] = {
    {"object", FIELD_WORD("fine_tuning.job.metric"), .doc = "Always \"fine_tuning.job.metric\"."},
    {"step", FIELD_INTEGER(struct metric_point, step), .doc = "After this step."},
    {"epoch", FIELD_REAL(struct metric_point, epoch), .doc = "Epochs done, with the fraction."},
    {"created_at", FIELD_TIME(struct metric_point, created_at), .doc = "When it was measured."},
    {"values", FIELD_NUMBERS(struct metric_point, values, value_count),
     .doc = "Each metric that was measured, by name."},
};
const struct field_object metric_fields = FIELD_OBJECT("FineTuningJobMetric", struct metric_point,
                                                       metric_rows, "What one step measured.");

static const struct field_row metric_list_rows[] = {
    FIELD_LIST_ROWS(struct metric_list, &metric_fields),
    {"has_more", FIELD_BOOLEAN(struct metric_list, has_more),
     .doc = "Are there more? Ask again with after_step set to the last step."},
    {"last_step", FIELD_INTEGER(struct metric_list, last_step), .unset = FIELD_NULL_BELOW_ZERO,
     .doc = "Of the whole series; null while it is empty."},
};
const struct field_object metric_list_fields =
    FIELD_OBJECT("FineTuningJobMetricList", struct metric_list, metric_list_rows,
                 "Metric points, ascending by step.");

void
encode_metric_list(struct json_out *out, const struct metric_list *list)
{
    fields_encode(out, NULL, &metric_list_fields, list);
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
write_checkpoint_metrics(struct json_out *out, const char *key, const void *item)
{
    const struct checkpoint_info *checkpoint = item;
    json_out_object(out, key);
    json_out_integer(out, "step", checkpoint->step);
    for (size_t i = 0; i < checkpoint->metric_count; i++)
        json_out_real(out, checkpoint->metrics[i].name, checkpoint->metrics[i].value);
    for (size_t i = 0; i < METRIC_ALIAS_COUNT; i++) {
        const struct named_value *value = find_value(checkpoint, metric_aliases[i].metric);
        if (value != NULL)
            json_out_real(out, metric_aliases[i].alias, value->value);
    }
    json_out_end_object(out);
}

static const struct field_row checkpoint_rows[] = {
    {"id", FIELD_STRING(struct checkpoint_info, id), .doc = "Names the checkpoint."},
    {"object", FIELD_WORD("fine_tuning.job.checkpoint"),
     .doc = "Always \"fine_tuning.job.checkpoint\"."},
    {"created_at", FIELD_TIME(struct checkpoint_info, created_at), .doc = "When it was saved."},
    {"fine_tuned_model_checkpoint", FIELD_STRING(struct checkpoint_info, model),
     .doc = "The model's id with \":ckpt-step-N\" behind it."},
    {"step_number", FIELD_INTEGER(struct checkpoint_info, step), .doc = "After this step."},
    {"fine_tuning_job_id", FIELD_STRING(struct checkpoint_info, job_id), .doc = "Its job."},
    {"metrics",
     FIELD_WRITTEN(write_checkpoint_metrics,
                   "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"number\","
                   "\"null\"]}}"),
     .doc = "What it measured, also under OpenAI's names."},
};
const struct field_object checkpoint_fields =
    FIELD_OBJECT("FineTuningJobCheckpoint", struct checkpoint_info, checkpoint_rows,
                 "A model saved while its job ran.");

static const struct field_row checkpoint_list_rows[] = {
    FIELD_LIST_ROWS(struct checkpoint_list, &checkpoint_fields),
    FIELD_LIST_IDS(struct checkpoint_list, &checkpoint_fields),
    FIELD_LIST_MORE(struct checkpoint_list),
};
const struct field_object checkpoint_list_fields =
    FIELD_OBJECT("FineTuningJobCheckpointList", struct checkpoint_list, checkpoint_list_rows,
                 "A page of checkpoints.");

void
encode_checkpoint_list(struct json_out *out, const struct checkpoint_list *list)
{
    fields_encode(out, NULL, &checkpoint_list_fields, list);
}
