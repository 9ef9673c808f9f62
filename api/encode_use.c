/* What models say about texts; see encode.h. */
#include "api/encode.h"

static void
encode_scores(struct json_out *out, const struct classify_result *result, size_t input)
{
    const float *scores = result->scores + input * result->label_count;
    json_out_object(out, NULL);
    json_out_object(out, result->target);
    json_out_object(out, "scores");
    for (size_t i = 0; i < result->label_count; i++)
        json_out_float(out, result->labels[i], scores[i]);
    json_out_end_object(out);
    json_out_end_object(out);
    json_out_end_object(out);
}

/* An answer is not stored: its id comes from the request. */
struct classification {
    const char *id;
    const struct classify_result *result;
};

static void
write_model(struct json_out *out, const char *key, const void *item)
{
    const struct classification *answer = item;
    json_out_string(out, key, answer->result->model);
}

static void
write_results(struct json_out *out, const char *key, const void *item)
{
    const struct classification *answer = item;
    json_out_array(out, key);
    for (size_t i = 0; i < answer->result->input_count; i++)
        encode_scores(out, answer->result, i);
    json_out_end_array(out);
}

static void
write_tokens(struct json_out *out, const char *key, const void *item)
{
    const struct classification *answer = item;
    json_out_integer(out, key, (int64_t)answer->result->tokens);
}

static const struct field_row usage_rows[] = {
    {"prompt_tokens", FIELD_WRITTEN(write_tokens, "{\"type\":\"integer\"}"),
     .doc = "What the model read, special tokens counted."},
    {"completion_tokens", FIELD_JSON("0"), .doc = "Always 0: nothing is generated."},
    {"total_tokens", FIELD_WRITTEN(write_tokens, "{\"type\":\"integer\"}"), .doc = "Their sum."},
};
const struct field_object classification_usage_fields =
    FIELD_OBJECT("ClassificationUsage", struct classification, usage_rows, "Tokens.");

static const struct field_row classification_rows[] = {
    {"id", FIELD_STRING(struct classification, id), .doc = "Of this answer; it is not stored."},
    {"object", FIELD_WORD("classification"), .doc = "Always \"classification\"."},
    {"model", FIELD_WRITTEN(write_model, "{\"type\":\"string\"}"), .doc = "That was asked."},
    {"results",
     FIELD_WRITTEN(write_results,
                   "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":"
                   "{\"type\":\"object\",\"required\":[\"scores\"],\"properties\":{\"scores\":"
                   "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"number\",\"null\"]"
                   "}}}}}}"),
     .doc = "For each input the scores of the labels, below the target's name (\"label\"): "
            "probabilities that add up to 1, of multi_label each by itself, or regression's "
            "numbers."},
    {"usage", FIELD_SAME(&classification_usage_fields), .doc = "Tokens that were read."},
};
const struct field_object classification_fields = FIELD_OBJECT(
    "Classification", struct classification, classification_rows, "What a model says of texts.");

void
encode_classification(struct json_out *out, const char *id, const struct classify_result *result)
{
    struct classification answer = {.id = id, .result = result};
    fields_encode(out, NULL, &classification_fields, &answer);
}
