/* Files, models, answers of the daemon itself, and what lists have in common; see encode.h. */
#include "api/encode.h"

#include "api/encode_list.h"

const struct metric_alias metric_aliases[METRIC_ALIAS_COUNT] = {
    {"train_mean_token_accuracy", "train_accuracy"},
    {"valid_mean_token_accuracy", "valid_accuracy"},
    {"full_valid_loss", "valid_loss"},
    {"full_valid_mean_token_accuracy", "valid_accuracy"},
};

void
encode_list_begin(struct json_out *out)
{
    json_out_object(out, NULL);
    json_out_string(out, "object", "list");
    json_out_array(out, "data");
}

void
encode_list_end(struct json_out *out, const char *first_id, const char *last_id, bool has_more)
{
    json_out_end_array(out);
    json_out_string(out, "first_id", first_id);
    json_out_string(out, "last_id", last_id);
    json_out_bool(out, "has_more", has_more);
}

void
encode_named_values(struct json_out *out, const char *key, const struct named_value *values,
                    size_t count)
{
    json_out_object(out, key);
    for (size_t i = 0; i < count; i++)
        json_out_real(out, values[i].name, values[i].value);
    json_out_end_object(out);
}

void
encode_file(struct json_out *out, const char *key, const struct file_info *file)
{
    json_out_object(out, key);
    json_out_string(out, "id", file->id);
    json_out_string(out, "object", "file");
    json_out_integer(out, "bytes", file->bytes);
    json_out_integer(out, "created_at", file->created_at);
    json_out_null(out, "expires_at");
    json_out_string(out, "filename", file->filename);
    json_out_string(out, "purpose", file->purpose);
    json_out_string(out, "status", file->status == FILE_PROCESSED ? "processed" : "error");
    json_out_string(out, "status_details", file->status_details);
    /* Mistral's SDK requires these three. */
    json_out_string(out, "sample_type", "instruct");
    json_out_string(out, "source", "upload");
    json_out_bool(out, "deleted", false);
    json_out_end_object(out);
}

void
encode_file_list(struct json_out *out, const struct file_list *list)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++)
        encode_file(out, NULL, &list->items[i]);
    encode_list_end(out, list->count > 0 ? list->items[0].id : NULL,
                    list->count > 0 ? list->items[list->count - 1].id : NULL, list->has_more);
    json_out_integer(out, "total", list->total);
    json_out_end_object(out);
}

static void
encode_capabilities(struct json_out *out, const struct model_info *model)
{
    json_out_object(out, "capabilities");
    json_out_bool(out, "completion_chat", false);
    json_out_bool(out, "completion_fim", false);
    json_out_bool(out, "function_calling", false);
    json_out_bool(out, "vision", false);
    json_out_bool(out, "fine_tuning", !model->fine_tuned);
    json_out_bool(out, "classification", model->fine_tuned);
    json_out_end_object(out);
}

void
encode_model(struct json_out *out, const char *key, const struct model_info *model)
{
    json_out_object(out, key);
    json_out_string(out, "id", model->id);
    json_out_string(out, "object", "model");
    json_out_integer(out, "created", model->created_at);
    json_out_string(out, "owned_by", model->owned_by);
    json_out_string(out, "type", model->fine_tuned ? "fine-tuned" : "base");
    encode_capabilities(out, model);
    json_out_string(out, "root", model->root);
    json_out_string(out, "job", model->job_id);
    json_out_string(out, "task", model->task);
    json_out_string(out, "weights", model->weights);
    json_out_integer(out, "hidden_size", model->hidden_size);
    json_out_integer(out, "layers", model->layers);
    json_out_integer(out, "parameters", model->parameters);
    json_out_integer(out, "max_seq_length", model->max_seq_length);
    json_out_integer(out, "max_context_length", model->max_seq_length); /* Mistral's name */
    json_out_bool(out, "archived", false);
    json_out_end_object(out);
}

void
encode_model_list(struct json_out *out, const struct model_list *list)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++)
        encode_model(out, NULL, &list->items[i]);
    encode_list_end(out, list->count > 0 ? list->items[0].id : NULL,
                    list->count > 0 ? list->items[list->count - 1].id : NULL, false);
    json_out_end_object(out);
}

void
encode_model_files(struct json_out *out, const struct model_file_list *list)
{
    encode_list_begin(out);
    for (size_t i = 0; i < list->count; i++) {
        json_out_object(out, NULL);
        json_out_string(out, "object", "model.file");
        json_out_string(out, "name", list->items[i].name);
        json_out_integer(out, "bytes", list->items[i].bytes);
        json_out_string(out, "sha256", list->items[i].sha256);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_bool(out, "has_more", false);
    json_out_end_object(out);
}

void
encode_deleted(struct json_out *out, const char *object, const char *id)
{
    json_out_object(out, NULL);
    json_out_string(out, "id", id);
    json_out_string(out, "object", object);
    json_out_bool(out, "deleted", true);
    json_out_end_object(out);
}

static void
encode_scores(struct json_out *out, const struct classify_result *result, size_t input)
{
    const float *scores = result->probabilities + input * result->label_count;
    json_out_object(out, NULL);
    json_out_object(out, result->target);
    json_out_object(out, "scores");
    for (size_t i = 0; i < result->label_count; i++)
        json_out_float(out, result->labels[i], scores[i]);
    json_out_end_object(out);
    json_out_end_object(out);
    json_out_end_object(out);
}

void
encode_classification(struct json_out *out, const char *id, const struct classify_result *result)
{
    json_out_object(out, NULL);
    json_out_string(out, "id", id);
    json_out_string(out, "object", "classification");
    json_out_string(out, "model", result->model);
    json_out_array(out, "results");
    for (size_t i = 0; i < result->input_count; i++)
        encode_scores(out, result, i);
    json_out_end_array(out);
    json_out_object(out, "usage");
    json_out_integer(out, "prompt_tokens", (int64_t)result->tokens);
    json_out_integer(out, "completion_tokens", 0);
    json_out_integer(out, "total_tokens", (int64_t)result->tokens);
    json_out_end_object(out);
    json_out_end_object(out);
}

void
encode_alive(struct json_out *out)
{
    json_out_object(out, NULL);
    json_out_string(out, "status", "ok");
    json_out_end_object(out);
}

void
encode_health(struct json_out *out, const struct health *health)
{
    json_out_object(out, NULL);
    json_out_string(out, "status", health->ready ? "ready" : "not_ready");
    json_out_object(out, "checks");
    for (size_t i = 0; i < health->count; i++)
        json_out_string(out, health->checks[i].name, health->checks[i].state);
    json_out_end_object(out);
    json_out_end_object(out);
}

void
encode_version(struct json_out *out, const struct version_info *version)
{
    json_out_object(out, NULL);
    json_out_string(out, "version", version->version);
    json_out_string(out, "commit", version->commit);
    json_out_string(out, "api", "v1");
    json_out_integer(out, "schema", version->schema);
    json_out_integer(out, "format", version->format);
    json_out_integer(out, "numerics", version->numerics);
    json_out_array(out, "engines");
    json_out_string(out, NULL, version->engine);
    json_out_end_array(out);
    json_out_string(out, "cpu", version->cpu);
    json_out_end_object(out);
}
