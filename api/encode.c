/* Files, models, and answers of the daemon itself; see encode.h. */
#include "api/encode.h"

/* ---- files ---------------------------------------------------------------------------------- */

static const char *const file_statuses[] = {
    [FILE_PROCESSED] = "processed", [FILE_ERROR] = "error", NULL};

static const struct field_row file_rows[] = {
    {"id", FIELD_STRING(struct file_info, id), .doc = "Names the file: \"file-\" and 24 letters."},
    {"object", FIELD_WORD("file"), .doc = "Always \"file\"."},
    {"bytes", FIELD_INTEGER(struct file_info, bytes), .doc = "Size of its content."},
    {"created_at", FIELD_TIME(struct file_info, created_at), .doc = "When it was uploaded."},
    {"expires_at", FIELD_TIME(struct file_info, expires_at), .unset = FIELD_NULL_BELOW_ONE,
     .doc = "When it will be deleted; null: it is kept until somebody does."},
    {"filename", FIELD_STRING(struct file_info, filename), .doc = "Its name, as uploaded."},
    {"purpose", FIELD_STRING(struct file_info, purpose), .doc = "What it was uploaded for."},
    {"status", FIELD_CHOICE(struct file_info, status, file_statuses),
     .doc = "\"processed\" when its rows could be read, \"error\" when they could not."},
    {"status_details", FIELD_STRING(struct file_info, status_details), .unset = FIELD_NULL_POINTER,
     .doc = "The first fault with its line; null when it was processed."},
    /* Mistral's SDK requires these three. */
    {"sample_type", FIELD_WORD("instruct"), .doc = "For Mistral's clients."},
    {"source", FIELD_WORD("upload"), .doc = "For Mistral's clients."},
    {"deleted", FIELD_JSON("false"), .doc = "For Mistral's clients."},
};
const struct field_object file_fields =
    FIELD_OBJECT("File", struct file_info, file_rows, "An uploaded data file.");

static const struct field_row file_list_rows[] = {
    FIELD_LIST_ROWS(struct file_list, &file_fields),
    FIELD_LIST_IDS(struct file_list, &file_fields),
    FIELD_LIST_MORE(struct file_list),
    {"total", FIELD_INTEGER(struct file_list, total), .doc = "Files on all pages together."},
};
const struct field_object file_list_fields =
    FIELD_OBJECT("FileList", struct file_list, file_list_rows, "A page of files.");

void
encode_file(struct json_out *out, const char *key, const struct file_info *file)
{
    fields_encode(out, key, &file_fields, file);
}

void
encode_file_list(struct json_out *out, const struct file_list *list)
{
    fields_encode(out, NULL, &file_list_fields, list);
}

/* ---- models --------------------------------------------------------------------------------- */

static const char *const model_owners[] = {"system", "user", NULL};
static const char *const model_weights[] = {"pretrained", "random", "fine-tuned", NULL};

static void
write_model_type(struct json_out *out, const char *key, const void *item)
{
    const struct model_info *model = item;
    json_out_string(out, key, model->fine_tuned ? "fine-tuned" : "base");
}

static void
write_not_fine_tuned(struct json_out *out, const char *key, const void *item)
{
    const struct model_info *model = item;
    json_out_bool(out, key, !model->fine_tuned);
}

/* Fine-tuned models can, and imported ones that know labels. */
static void
write_classifies(struct json_out *out, const char *key, const void *item)
{
    const struct model_info *model = item;
    json_out_bool(out, key, model->task != NULL);
}

static const struct field_row capabilities_rows[] = {
    {"completion_chat", FIELD_JSON("false"), .doc = "For Mistral's clients."},
    {"completion_fim", FIELD_JSON("false"), .doc = "For Mistral's clients."},
    {"function_calling", FIELD_JSON("false"), .doc = "For Mistral's clients."},
    {"vision", FIELD_JSON("false"), .doc = "For Mistral's clients."},
    {"fine_tuning", FIELD_WRITTEN(write_not_fine_tuned, "{\"type\":\"boolean\"}"),
     .doc = "Is it a base model?"},
    {"classification", FIELD_WRITTEN(write_classifies, "{\"type\":\"boolean\"}"),
     .doc = "Can it classify texts?"},
};
const struct field_object capabilities_fields = FIELD_OBJECT(
    "ModelCapabilities", struct model_info, capabilities_rows, "What a model can be asked for.");

static const struct field_row model_rows[] = {
    {"id", FIELD_STRING(struct model_info, id),
     .doc = "Names the model: a folder's name, or \"ft:base:organization:suffix:job\"."},
    {"object", FIELD_WORD("model"), .doc = "Always \"model\"."},
    {"created", FIELD_TIME(struct model_info, created_at), .doc = "When it was made."},
    {"owned_by", FIELD_STRING(struct model_info, owned_by), .choices = model_owners,
     .doc = "\"system\" for base models of the operator, \"user\" for imported and fine-tuned "
            "ones."},
    {"type", FIELD_WRITTEN(write_model_type, "{\"enum\":[\"base\",\"fine-tuned\"]}"),
     .doc = "Base models are trained from, fine-tuned ones are used."},
    {"capabilities", FIELD_SAME(&capabilities_fields), .doc = "What it can be asked for."},
    {"root", FIELD_STRING(struct model_info, root), .unset = FIELD_NULL_POINTER,
     .doc = "The base model of a fine-tuned one."},
    {"job", FIELD_STRING(struct model_info, job_id), .unset = FIELD_NULL_POINTER,
     .doc = "The job that made it."},
    {"task", FIELD_STRING(struct model_info, task), .unset = FIELD_NULL_POINTER,
     .doc = "What a fine-tuned model says about a text."},
    {"weights", FIELD_STRING(struct model_info, weights), .choices = model_weights,
     .doc = "\"random\" when the folder has none: training starts from random numbers."},
    {"hidden_size", FIELD_INTEGER(struct model_info, hidden_size), .doc = "Its width."},
    {"layers", FIELD_INTEGER(struct model_info, layers), .doc = "Its depth."},
    {"parameters", FIELD_INTEGER(struct model_info, parameters), .doc = "Numbers it consists of."},
    {"max_seq_length", FIELD_INTEGER(struct model_info, max_seq_length),
     .doc = "Tokens it reads at once."},
    {"stride", FIELD_INTEGER(struct model_info, stride), .unset = FIELD_NULL_BELOW_ZERO,
     .doc = "It reads longer texts in windows, of which neighbours share so many tokens; null: "
            "longer texts are cut."},
    {"max_context_length", FIELD_INTEGER(struct model_info, max_seq_length),
     .doc = "max_seq_length, for Mistral's clients."},
    {"archived", FIELD_JSON("false"), .doc = "For Mistral's clients."},
    {"left_out", FIELD_STRINGS(struct model_info, left_out, left_out_count),
     .unset = FIELD_NULL_POINTER, .omitted = true,
     .doc = "In the answer to an import: files that were not taken, because a model needs none "
            "such."},
};
const struct field_object model_fields =
    FIELD_OBJECT("Model", struct model_info, model_rows, "A base model or a fine-tuned one.");

static const struct field_row model_list_rows[] = {
    FIELD_LIST_ROWS(struct model_list, &model_fields),
    FIELD_LIST_IDS(struct model_list, &model_fields),
    {"has_more", FIELD_JSON("false"), .doc = "Always false: all models are on one page."},
};
const struct field_object model_list_fields =
    FIELD_OBJECT("ModelList", struct model_list, model_list_rows, "All models.");

static const struct field_row model_file_rows[] = {
    {"object", FIELD_WORD("model.file"), .doc = "Always \"model.file\"."},
    {"name", FIELD_STRING(struct model_file, name), .doc = "Its name in the model's folder."},
    {"bytes", FIELD_INTEGER(struct model_file, bytes), .doc = "Its size."},
    {"sha256", FIELD_STRING(struct model_file, sha256), .doc = "Its SHA-256 in hexadecimal."},
};
const struct field_object model_file_fields =
    FIELD_OBJECT("ModelFile", struct model_file, model_file_rows, "One file of a model's folder.");

static const struct field_row model_files_rows[] = {
    FIELD_LIST_ROWS(struct model_file_list, &model_file_fields),
    {"has_more", FIELD_JSON("false"), .doc = "Always false: all files are on one page."},
};
const struct field_object model_files_fields = FIELD_OBJECT(
    "ModelFileList", struct model_file_list, model_files_rows, "The files of a model's folder.");

void
encode_model(struct json_out *out, const char *key, const struct model_info *model)
{
    fields_encode(out, key, &model_fields, model);
}

void
encode_model_list(struct json_out *out, const struct model_list *list)
{
    fields_encode(out, NULL, &model_list_fields, list);
}

void
encode_model_files(struct json_out *out, const struct model_file_list *list)
{
    fields_encode(out, NULL, &model_files_fields, list);
}

/* ---- what was deleted ----------------------------------------------------------------------- */

struct deleted {
    const char *id, *object;
};

static const struct field_row deleted_rows[] = {
    {"id", FIELD_STRING(struct deleted, id), .doc = "What it was called."},
    {"object", FIELD_STRING(struct deleted, object), .doc = "What kind of thing it was."},
    {"deleted", FIELD_JSON("true"), .doc = "Always true."},
};
const struct field_object deleted_fields =
    FIELD_OBJECT("Deleted", struct deleted, deleted_rows, "Something that is gone now.");

void
encode_deleted(struct json_out *out, const char *object, const char *id)
{
    struct deleted deleted = {.id = id, .object = object};
    fields_encode(out, NULL, &deleted_fields, &deleted);
}

/* ---- the daemon itself ---------------------------------------------------------------------- */

static const struct field_row alive_rows[] = {
    {"status", FIELD_WORD("ok"), .doc = "Always \"ok\"."},
};
const struct field_object alive_fields =
    FIELD_OBJECT("Alive", char, alive_rows, "The process answers.");

static const char *const readiness[] = {"not_ready", "ready", NULL};

static void
write_readiness(struct json_out *out, const char *key, const void *item)
{
    const struct health *health = item;
    json_out_string(out, key, readiness[health->ready]);
}

static void
write_checks(struct json_out *out, const char *key, const void *item)
{
    const struct health *health = item;
    json_out_object(out, key);
    for (size_t i = 0; i < health->count; i++)
        json_out_string(out, health->checks[i].name, health->checks[i].state);
    json_out_end_object(out);
}

static const struct field_row health_rows[] = {
    {"status", FIELD_WRITTEN(write_readiness, "{\"enum\":[\"ready\",\"not_ready\"]}"),
     .doc = "Can it take work?"},
    {"checks",
     FIELD_WRITTEN(write_checks,
                   "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"),
     .doc = "Each check by name: \"ok\", or what is wrong."},
};
const struct field_object health_fields =
    FIELD_OBJECT("Health", struct health, health_rows, "Whether the daemon can take work.");

static void
write_engines(struct json_out *out, const char *key, const void *item)
{
    const struct version_info *version = item;
    json_out_array(out, key);
    json_out_string(out, NULL, version->engine);
    json_out_end_array(out);
}

static const struct field_row version_rows[] = {
    {"version", FIELD_STRING(struct version_info, version), .doc = "Of the program."},
    {"commit", FIELD_STRING(struct version_info, commit), .doc = "It was built from."},
    {"api", FIELD_WORD("v1"), .doc = "Of this interface."},
    {"schema", FIELD_INTEGER(struct version_info, schema), .doc = "Of the database."},
    {"format", FIELD_INTEGER(struct version_info, format), .doc = "Of the data directory."},
    {"numerics", FIELD_INTEGER(struct version_info, numerics),
     .doc = "Raised when a trained model's bits change."},
    {"engines",
     FIELD_WRITTEN(write_engines, "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"),
     .doc = "What computes matrix products."},
    {"cpu", FIELD_STRING(struct version_info, cpu), .doc = "The processor's name."},
};
const struct field_object version_fields =
    FIELD_OBJECT("Version", struct version_info, version_rows, "Versions, engine and processor.");

void
encode_alive(struct json_out *out)
{
    fields_encode(out, NULL, &alive_fields, "");
}

void
encode_health(struct json_out *out, const struct health *health)
{
    fields_encode(out, NULL, &health_fields, health);
}

void
encode_version(struct json_out *out, const struct version_info *version)
{
    fields_encode(out, NULL, &version_fields, version);
}
