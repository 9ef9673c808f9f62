/* Moderations; see encode_moderation.h. */
#include "api/encode_moderation.h"

/* What a model says of one input. */
struct verdict {
    const struct classify_result *result;
    size_t input;
};

static const float *
scores_of(const struct verdict *verdict)
{
    return verdict->result->scores + verdict->input * verdict->result->label_count;
}

static bool
is_flagged(const struct verdict *verdict, size_t label)
{
    return scores_of(verdict)[label] >= verdict->result->thresholds[label];
}

static void
write_flagged(struct json_out *out, const char *key, const void *item)
{
    const struct verdict *verdict = item;
    bool flagged = false;
    for (size_t i = 0; i < verdict->result->label_count; i++)
        flagged |= is_flagged(verdict, i);
    json_out_bool(out, key, flagged);
}

static void
write_categories(struct json_out *out, const char *key, const void *item)
{
    const struct verdict *verdict = item;
    json_out_object(out, key);
    for (size_t i = 0; i < verdict->result->label_count; i++)
        json_out_bool(out, verdict->result->labels[i], is_flagged(verdict, i));
    json_out_end_object(out);
}

static void
write_scores(struct json_out *out, const char *key, const void *item)
{
    const struct verdict *verdict = item;
    json_out_object(out, key);
    for (size_t i = 0; i < verdict->result->label_count; i++)
        json_out_float(out, verdict->result->labels[i], scores_of(verdict)[i]);
    json_out_end_object(out);
}

static void
write_input_types(struct json_out *out, const char *key, const void *item)
{
    const struct verdict *verdict = item;
    json_out_object(out, key);
    for (size_t i = 0; i < verdict->result->label_count; i++)
        json_out_raw(out, verdict->result->labels[i], "[\"text\"]");
    json_out_end_object(out);
}

#define EACH_LABEL(schema) "{\"type\":\"object\",\"additionalProperties\":" schema "}"

static const struct field_row verdict_rows[] = {
    {"flagged", FIELD_WRITTEN(write_flagged, "{\"type\":\"boolean\"}"),
     .doc = "Does any label reach its threshold?"},
    {"categories", FIELD_WRITTEN(write_categories, EACH_LABEL("{\"type\":\"boolean\"}")),
     .doc = "Does the label reach its threshold, which was tuned on the validation rows?"},
    {"category_scores",
     FIELD_WRITTEN(write_scores,
                   EACH_LABEL("{\"type\":[\"number\",\"null\"],\"minimum\":0,\"maximum\":1}")),
     .doc = "Its probability."},
    {"category_applied_input_types",
     FIELD_WRITTEN(write_input_types,
                   EACH_LABEL("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}")),
     .doc = "Always \"text\"."},
};
static const struct field_object verdict_fields =
    FIELD_OBJECT("ModerationResult", struct verdict, verdict_rows, "Of one input.");

struct moderation {
    const char *id;
    const char *model;
    const struct verdict *verdicts;
    size_t count;
};

static const struct field_row moderation_rows[] = {
    {"id", FIELD_STRING(struct moderation, id), .doc = "Of this answer; it is not stored."},
    {"model", FIELD_STRING(struct moderation, model), .doc = "That answered, never an alias."},
    {"results", FIELD_LIST(struct moderation, verdicts, count, &verdict_fields),
     .doc = "One an input."},
};
const struct field_object moderation_fields =
    FIELD_OBJECT("Moderation", struct moderation, moderation_rows, "Which labels the texts have.");

void
encode_moderation(struct json_out *out, const char *id, const struct classify_result *result)
{
    struct verdict verdicts[CLASSIFY_MAX_INPUTS];
    struct moderation moderation = {id, result->model, verdicts, result->input_count};
    for (size_t i = 0; i < result->input_count; i++)
        verdicts[i] = (struct verdict){result, i};
    fields_encode(out, NULL, &moderation_fields, &moderation);
}
