/*
 * Jobs and what they leave behind; see encode.h.
 *
 * OpenAI's required keys come first, each with its own type; ours follow. The hyperparameters that
 * OpenAI's object shows are taken from the parameters in force.
 */
#include "api/encode.h"

#include "core/base/decimal.h"

#include <string.h>

static const char organization[] = "local";

static const char *
skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
        at++;
    return at;
}

/*
 * Append the number that a flat object of parameters has under a quoted name, "auto" when it has
 * none. The text is searched: a page may have a thousand jobs, and parsing all their parameters for
 * three numbers would take longer than everything else. A quoted name that a colon follows is a
 * key: in a string the quotes would be escaped.
 */
static void
encode_hyperparameter(struct json_out *out, const char *name, const char *json, const char *quoted)
{
    const char *end = NULL;
    for (const char *at = json; at != NULL && (at = strstr(at, quoted)) != NULL;) {
        at = skip_blanks(at + strlen(quoted));
        if (*at != ':')
            continue;
        at = skip_blanks(at + 1);
        double value = decimal_read(at, &end);
        if (end > at) {
            json_out_real(out, name, value);
            return;
        }
        break;
    }
    json_out_string(out, name, "auto");
}

/* A job shows them in two places: in the second they are copied from the first. */
static void
write_hyperparameters(struct json_out *out, const char *key, const void *item)
{
    const struct job_info *job = item;
    if (out->again.item == item) {
        json_out_copy(out, key, out->again.at, out->again.length);
        return;
    }
    json_out_object(out, key);
    size_t opened = out->buf->length - 1;
    encode_hyperparameter(out, "batch_size", job->parameters_json, "\"batch_size\"");
    encode_hyperparameter(out, "learning_rate_multiplier", job->parameters_json,
                          "\"learning_rate_multiplier\"");
    encode_hyperparameter(out, "n_epochs", job->parameters_json, "\"n_epochs\"");
    json_out_end_object(out);
    out->again.item = item;
    out->again.at = opened;
    out->again.length = out->buf->length - opened;
}

#define NUMBER_OR_AUTO "{\"anyOf\":[{\"type\":\"number\"},{\"const\":\"auto\"}]}"
#define HYPERPARAMETERS                                                                            \
    "{\"type\":\"object\",\"properties\":{\"batch_size\":" NUMBER_OR_AUTO                          \
    ",\"learning_rate_multiplier\":" NUMBER_OR_AUTO ",\"n_epochs\":" NUMBER_OR_AUTO                \
    "},\"required\":[\"batch_size\",\"learning_rate_multiplier\",\"n_epochs\"]}"

static const struct field_row supervised_rows[] = {
    {FIELD_NAMED("hyperparameters"), FIELD_WRITTEN(write_hyperparameters, HYPERPARAMETERS),
     .doc = "OpenAI's three; all that is in force stands in parameters."},
};
const struct field_object supervised_fields =
    FIELD_OBJECT("SupervisedMethod", struct job_info, supervised_rows, "OpenAI's place for them.");

/* It stands among the parameters, as print_row of daemon/job_params_store.c writes them. */
static void
write_method(struct json_out *out, const char *key, const void *item)
{
    const struct job_info *job = item;
    const char *probe = job->parameters_json != NULL
                            ? strstr(job->parameters_json, "\"method\":\"linear_probe\"")
                            : NULL;
    json_out_string(out, key, probe != NULL ? "linear_probe" : "supervised");
}

static const struct field_row method_rows[] = {
    {FIELD_NAMED("type"),
     FIELD_WRITTEN(write_method, "{\"enum\":[\"supervised\",\"linear_probe\"]}"),
     .doc = "How the model comes about."},
    {FIELD_NAMED("supervised"), FIELD_SAME(&supervised_fields), .doc = "Its hyperparameters."},
};
const struct field_object method_fields =
    FIELD_OBJECT("FineTuningMethod", struct job_info, method_rows, "How the model is trained.");

static const struct field_row error_rows[] = {
    {FIELD_NAMED("code"), FIELD_STRING(struct job_info, error_code),
     .doc = "What kind of failure it was."},
    {FIELD_NAMED("message"), FIELD_STRING(struct job_info, error_message),
     .unset = FIELD_NULL_POINTER, .doc = "What happened, and what to do."},
    {FIELD_NAMED("param"), FIELD_STRING(struct job_info, error_param), .unset = FIELD_NULL_POINTER,
     .doc = "The parameter at fault, if one is."},
};
const struct field_object job_error_fields =
    FIELD_OBJECT("FineTuningJobError", struct job_info, error_rows, "Why a job failed.");

static const struct field_row progress_rows[] = {
    {FIELD_NAMED("step"), FIELD_INTEGER(struct job_progress, step), .doc = "Steps that are done."},
    {FIELD_NAMED("total_steps"), FIELD_INTEGER(struct job_progress, total_steps),
     .doc = "Steps in all."},
    {FIELD_NAMED("epoch"), FIELD_REAL(struct job_progress, epoch),
     .doc = "Epochs done, with the fraction."},
    {FIELD_NAMED("percent"), FIELD_REAL(struct job_progress, percent),
     .doc = "Of the steps, 0 to 100."},
    {FIELD_NAMED("seconds_elapsed"), FIELD_REAL(struct job_progress, seconds_elapsed),
     .doc = "Since training began."},
    {FIELD_NAMED("seconds_left"), FIELD_REAL(struct job_progress, seconds_left),
     .unset = FIELD_NULL_BELOW_ZERO, .doc = "Until it ends, estimated; null while unknown."},
    {FIELD_NAMED("rows_per_second"), FIELD_REAL(struct job_progress, rows_per_second),
     .doc = "Speed in rows."},
    {FIELD_NAMED("tokens_per_second"), FIELD_REAL(struct job_progress, tokens_per_second),
     .doc = "Speed in tokens, special ones counted, padding not."},
};
const struct field_object progress_fields = FIELD_OBJECT(
    "FineTuningJobProgress", struct job_progress, progress_rows, "How far a job has come.");

static const struct field_row resources_rows[] = {
    {FIELD_NAMED("threads"), FIELD_INTEGER(struct job_info, threads), .doc = "Compute threads."},
    {FIELD_NAMED("engine"), FIELD_STRING(struct job_info, engine), .unset = FIELD_NULL_POINTER,
     .doc = "What computes matrix products; null before it ran."},
    {FIELD_NAMED("precision"), FIELD_STRING(struct job_info, precision),
     .unset = FIELD_NULL_POINTER, .doc = "Number format of the products; null before it ran."},
    {FIELD_NAMED("peak_memory_bytes"), FIELD_INTEGER(struct job_info, peak_memory_bytes),
     .unset = FIELD_NULL_BELOW_ZERO,
     .doc = "The most memory that the daemon's process had used when the job ran last; null while "
            "unknown."},
};
const struct field_object resources_fields =
    FIELD_OBJECT("FineTuningJobResources", struct job_info, resources_rows, "What a job uses.");

static const char *const statuses[] = {"queued",    "running", "pausing",   "paused",
                                       "succeeded", "failed",  "cancelled", NULL};

static void
write_status(struct json_out *out, const char *key, const void *item)
{
    const struct job_info *job = item;
    json_out_string(out, key, job_status_name(job->status));
}

static void
write_organization(struct json_out *out, const char *key, const void *item)
{
    (void)item;
    json_out_string(out, key, organization);
}

static void
write_estimated_finish(struct json_out *out, const char *key, const void *item)
{
    const struct job_info *job = item;
    if (job->status == JOB_RUNNING && job->progress.seconds_left >= 0)
        json_out_integer(out, key, out->now + (int64_t)job->progress.seconds_left);
    else
        json_out_null(out, key);
}

static void
write_result_files(struct json_out *out, const char *key, const void *item)
{
    const struct job_info *job = item;
    json_out_array(out, key);
    if (job->result_file != NULL)
        json_out_string(out, NULL, job->result_file);
    json_out_end_array(out);
}

#define NUMBER_OR_NULL "{\"type\":[\"number\",\"null\"]}"
#define BASELINE                                                                                   \
    "{\"type\":[\"object\",\"null\"],\"properties\":{\"metric\":{\"type\":\"string\"},"            \
    "\"majority\":" NUMBER_OR_NULL ",\"linear_probe\":" NUMBER_OR_NULL                             \
    ",\"model\":" NUMBER_OR_NULL                                                                   \
    "},\"required\":[\"metric\",\"majority\",\"linear_probe\",\"model\"]}"

static const struct field_row job_rows[] = {
    {FIELD_NAMED("id"), FIELD_STRING(struct job_info, id),
     .doc = "Names the job: \"ftjob-\" and 24 letters."},
    {FIELD_NAMED("object"), FIELD_WORD("fine_tuning.job"), .doc = "Always \"fine_tuning.job\"."},
    {FIELD_NAMED("created_at"), FIELD_TIME(struct job_info, created_at),
     .doc = "When it was accepted."},
    {FIELD_NAMED("started_at"), FIELD_TIME(struct job_info, started_at),
     .unset = FIELD_NULL_BELOW_ONE, .doc = "When its latest attempt began."},
    {FIELD_NAMED("finished_at"), FIELD_TIME(struct job_info, finished_at),
     .unset = FIELD_NULL_BELOW_ONE, .doc = "When it ended."},
    {FIELD_NAMED("status"), FIELD_WRITTEN(write_status, NULL), .choices = statuses,
     .doc = "Where it stands."},
    {FIELD_NAMED("model"), FIELD_STRING(struct job_info, model),
     .doc = "The model it starts from."},
    {FIELD_NAMED("fine_tuned_model"), FIELD_STRING(struct job_info, fine_tuned_model),
     .unset = FIELD_NULL_POINTER, .doc = "The model it made."},
    {FIELD_NAMED("organization_id"), FIELD_WRITTEN(write_organization, "{\"type\":\"string\"}"),
     .doc = "Always \"local\"."},
    {FIELD_NAMED("training_file"), FIELD_STRING(struct job_info, training_file),
     .doc = "Rows learned from."},
    {FIELD_NAMED("validation_file"), FIELD_STRING(struct job_info, validation_file),
     .unset = FIELD_NULL_POINTER, .doc = "Rows measured after each epoch."},
    {FIELD_NAMED("test_file"), FIELD_STRING(struct job_info, test_file),
     .unset = FIELD_NULL_POINTER, .doc = "Rows measured once, with the saved model."},
    {FIELD_NAMED("result_files"),
     FIELD_WRITTEN(write_result_files, "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"),
     .doc = "The id of a file with its measures as CSV, when it succeeded."},
    {FIELD_NAMED("seed"), FIELD_INTEGER(struct job_info, seed),
     .doc = "Same job, files and seed: same model."},
    {FIELD_NAMED("trained_tokens"), FIELD_INTEGER(struct job_info, trained_tokens),
     .unset = FIELD_NULL_BELOW_ZERO, .doc = "Tokens learned from; null until it has finished."},
    {FIELD_NAMED("estimated_finish"),
     FIELD_WRITTEN(write_estimated_finish, "{\"type\":[\"integer\",\"null\"]}"),
     .doc = "When it will end, as unix time; null while unknown."},
    {FIELD_NAMED("integrations"), FIELD_JSON("null"), .doc = "Always null."},
    {FIELD_NAMED("metadata"), FIELD_RAW(struct job_info, metadata_json),
     .unset = FIELD_NULL_POINTER,
     .schema = "{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":\"string\"}}",
     .doc = "Pairs of strings given when it was created."},
    {FIELD_NAMED("error"), FIELD_SAME(&job_error_fields),
     .offset = offsetof(struct job_info, error_code), .unset = FIELD_NULL_POINTER,
     .doc = "Why it failed; null unless it did."},
    {FIELD_NAMED("hyperparameters"), FIELD_WRITTEN(write_hyperparameters, HYPERPARAMETERS),
     .doc = "OpenAI's three; all that is in force stands in parameters."},
    {FIELD_NAMED("method"), FIELD_SAME(&method_fields), .doc = "The same in OpenAI's newer place."},
    {FIELD_NAMED("suffix"), FIELD_STRING(struct job_info, suffix), .unset = FIELD_NULL_POINTER,
     .doc = "Part of the fine-tuned model's name."},
    {FIELD_NAMED("task"), FIELD_STRING(struct job_info, task), .unset = FIELD_NULL_POINTER,
     .doc = "What the model learns to say."},
    {FIELD_NAMED("labels"), FIELD_RAW(struct job_info, labels_json),
     .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
     .doc = "In the order of ids."},
    {FIELD_NAMED("progress"), FIELD_WITHIN(struct job_info, progress, &progress_fields),
     .doc = "How far it has come."},
    {FIELD_NAMED("metrics"), FIELD_NUMBERS(struct job_info, metrics, metric_count),
     .doc = "The latest value of each metric."},
    {FIELD_NAMED("baseline"), FIELD_RAW(struct job_info, baseline_json),
     .unset = FIELD_NULL_POINTER, .schema = BASELINE,
     .doc = "What simple models say of the rows that the model was measured on: the most frequent "
            "answer, and a linear probe of the untouched base model; null until it has succeeded, "
            "or without such rows."},
    {FIELD_NAMED("resources"), FIELD_SAME(&resources_fields), .doc = "What it uses."},
    {FIELD_NAMED("estimated_memory_bytes"), FIELD_INTEGER(struct job_info, estimated_memory_bytes),
     .unset = FIELD_NULL_BELOW_ZERO, .doc = "Of the peak, foretold when it was created."},
    {FIELD_NAMED("epoch_rows"), FIELD_INTEGER(struct job_info, epoch_rows),
     .unset = FIELD_NULL_BELOW_ZERO,
     .doc = "Rows that an epoch visits: those to learn from, and more where oversample repeats "
            "some or long texts are read in windows; null of jobs accepted before it was told."},
    {FIELD_NAMED("attempt"), FIELD_INTEGER(struct job_info, attempt),
     .doc = "1 for the first; 0 before it ran."},
    {FIELD_NAMED("queue_position"), FIELD_INTEGER(struct job_info, queue_position),
     .unset = FIELD_NULL_BELOW_ONE, .doc = "1 runs next; null when it is not queued."},
    {FIELD_NAMED("priority"), FIELD_INTEGER(struct job_info, priority),
     .doc = "Greater ones run first."},
    {FIELD_NAMED("parameters"), FIELD_RAW(struct job_info, parameters_json),
     .unset = FIELD_NULL_POINTER, .doc = "Every value in force, chosen ones included."},
};
const struct field_object job_fields =
    FIELD_OBJECT("FineTuningJob", struct job_info, job_rows, "A training job.");

static const struct field_row job_list_rows[] = {
    FIELD_LIST_ROWS(struct job_list, &job_fields),
    FIELD_LIST_IDS(struct job_list, &job_fields),
    FIELD_LIST_MORE(struct job_list),
};
const struct field_object job_list_fields =
    FIELD_OBJECT("FineTuningJobList", struct job_list, job_list_rows, "A page of jobs.");

void
encode_job(struct json_out *out, const char *key, const struct job_info *job, int64_t now)
{
    out->now = now;
    out->again.item = NULL;
    fields_encode(out, key, &job_fields, job);
}

void
encode_job_list(struct json_out *out, const struct job_list *list, int64_t now)
{
    out->now = now;
    out->again.item = NULL;
    fields_encode(out, NULL, &job_list_fields, list);
}
