/* See encode_evaluation.h. Measures come as JSON (daemon/service_evaluations.h): which there are is
 * the task's matter. */
#include "api/encode_evaluation.h"

static const char *const statuses[] = {[EVALUATION_QUEUED] = "queued",
                                       [EVALUATION_RUNNING] = "running",
                                       [EVALUATION_SUCCEEDED] = "succeeded",
                                       [EVALUATION_FAILED] = "failed",
                                       NULL};

static const struct field_row error_rows[] = {
    {"code", FIELD_STRING(struct evaluation_info, error_code),
     .doc =
         "What kind of failure it was: \"invalid_file\", \"invalid_model\", \"model_not_found\", "
         "\"file_not_found\", \"not_supported_yet\", \"out_of_memory\", \"crashed\" or "
         "\"internal\"."},
    {"message", FIELD_STRING(struct evaluation_info, error_message), .unset = FIELD_NULL_POINTER,
     .doc = "What is wrong, and what to do."},
    {"param", FIELD_STRING(struct evaluation_info, error_param), .unset = FIELD_NULL_POINTER,
     .doc = "What of the request it is about."},
};
static const struct field_object error_fields = FIELD_OBJECT(
    "EvaluationError", struct evaluation_info, error_rows, "Why an evaluation failed.");

#define DOCUMENT_JSON(member)                                                                      \
    FIELD_RAW(struct evaluation_info, document.member), .unset = FIELD_NULL_POINTER, .omitted = true
#define NUMBER "{\"type\":[\"number\",\"null\"]}"
#define COUNT  "{\"type\":\"integer\"}"
#define TEXT   "{\"type\":\"string\"}"
#define SAID   "{\"type\":[\"string\",\"number\",\"array\",\"null\"]}"

static const struct field_row evaluation_rows[] = {
    {"id", FIELD_STRING(struct evaluation_info, id), .unset = FIELD_NULL_POINTER, .omitted = true,
     .doc = "Names the evaluation; absent in one of a job."},
    {"object", FIELD_WORD("evaluation"), .doc = "Always \"evaluation\"."},
    {"status", FIELD_CHOICE(struct evaluation_info, status, statuses),
     .doc = "\"succeeded\" when there are measures."},
    {"created_at", FIELD_TIME(struct evaluation_info, created_at), .doc = "When it was asked for."},
    {"started_at", FIELD_TIME(struct evaluation_info, started_at), .unset = FIELD_NULL_BELOW_ONE,
     .doc = "When computing began."},
    {"finished_at", FIELD_TIME(struct evaluation_info, finished_at), .unset = FIELD_NULL_BELOW_ONE,
     .doc = "When it ended."},
    {"model", FIELD_STRING(struct evaluation_info, model), .unset = FIELD_NULL_POINTER,
     .doc = "The model that was measured."},
    {"file", FIELD_STRING(struct evaluation_info, file), .unset = FIELD_NULL_POINTER,
     .doc = "The labelled rows; null: rows of the job's training file that were held out."},
    {"compare_to", FIELD_STRING(struct evaluation_info, compare_to), .unset = FIELD_NULL_POINTER,
     .doc = "The other model, when two are compared."},
    {"error", FIELD_SAME(&error_fields), .offset = offsetof(struct evaluation_info, error_code),
     .unset = FIELD_NULL_POINTER, .doc = "Why it failed."},
    {"task", FIELD_STRING(struct evaluation_info, document.task), .unset = FIELD_NULL_POINTER,
     .doc = "What the model says."},
    {"rows", FIELD_INTEGER(struct evaluation_info, document.rows), .unset = FIELD_NULL_BELOW_ZERO,
     .doc = "How many were measured."},
    {"measures", DOCUMENT_JSON(measures_json),
     .schema = "{\"type\":\"object\",\"additionalProperties\":" NUMBER "}",
     .doc = "By name. classification: accuracy; macro_, micro_ and weighted_ precision, recall and "
            "f1; mcc, kappa, log_loss, roc_auc, average_precision, top_3, top_5. multi_label: "
            "accuracy (rows with all labels right), hamming_loss, the same averages, log_loss, "
            "roc_auc, average_precision. regression: mse, mae, r2, pearson, spearman, means over "
            "the numbers. token_classification: accuracy, log_loss and averages of tokens; where "
            "labels mark entities, entity_ and strict_ precision, recall and f1 as seqeval has "
            "them. null where the rows do not define one, or there are more than 16,777,216 scores "
            "(rows by labels) to rank."},
    {"measures_at_half", DOCUMENT_JSON(measures_at_half_json),
     .schema = "{\"type\":\"object\",\"additionalProperties\":" NUMBER "}",
     .doc = "Of multi_label: the same with 0.5 in place of the model's tuned thresholds."},
    {"intervals", DOCUMENT_JSON(intervals_json),
     .schema =
         "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":" NUMBER "}}",
     .doc = "[low, high] that hold a measure with 95 % probability, by 1,000 bootstrap samples of "
            "rows, of token_classification of whole rows. classification: accuracy, macro_f1. "
            "multi_label: accuracy, micro_f1, macro_f1. regression: mse, mae, r2, pearson, "
            "spearman. token_classification: accuracy and, where labels mark entities, entity_f1, "
            "strict_f1. [null, null] where a sample does not define the measure, and above "
            "1,048,576 numbers of a regression or true and predicted labels (macro_f1) of a "
            "multi_label."},
    {"per_class", DOCUMENT_JSON(per_class_json),
     .schema = "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"label\":" TEXT
               ",\"precision\":" NUMBER ",\"recall\":" NUMBER ",\"f1\":" NUMBER
               ",\"support\":" COUNT ",\"predicted\":" COUNT ",\"threshold\":" NUMBER "}}}",
     .doc = "One for each label, in the model's order (of more than 1,000 classes those with the "
            "most rows), for each type of entity, or for each number with its measures."},
    {"confusion", DOCUMENT_JSON(confusion_json),
     .schema = "{\"type\":\"object\",\"properties\":{\"labels\":{\"type\":[\"array\",\"null\"]},"
               "\"matrix\":{\"type\":[\"array\",\"null\"]},\"pairs\":{\"type\":\"array\"}}}",
     .doc = "matrix[i][j]: rows of labels[i] that were predicted as labels[j]; null for more than "
            "100 labels. pairs: the most frequent confusions, at most 100."},
    {"calibration", DOCUMENT_JSON(calibration_json),
     .schema = "{\"type\":\"object\",\"properties\":{\"ece\":" NUMBER ",\"brier\":" NUMBER
               ",\"temperature\":" NUMBER ",\"bins\":{\"type\":\"array\"},\"scaled\":{\"type\":"
               "[\"object\",\"null\"]}}}",
     .doc = "How far probabilities can be believed: expected calibration error, Brier score, 15 "
            "bins of confidence; scaled: the same with logits divided by the model's temperature, "
            "which was fitted on validation rows. Of multi_label each probability of a label "
            "counts: rows are such probabilities, confidence is their mean, accuracy the share of "
            "labels that are there; it has no temperature. Absent for other tasks."},
    {"error_count", FIELD_INTEGER(struct evaluation_info, document.error_count),
     .unset = FIELD_NULL_BELOW_ZERO, .omitted = true, .doc = "Rows that were predicted wrongly."},
    {"errors", DOCUMENT_JSON(errors_json),
     .schema = "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"line\":" COUNT
               ",\"text\":" TEXT ",\"text_pair\":" TEXT ",\"token\":" TEXT ",\"target\":" TEXT
               ",\"label\":" SAID ",\"predicted\":" SAID ",\"probability\":" NUMBER "}}}",
     .doc =
         "The most confident errors, or the greatest distances of numbers, at most 50; texts are "
         "cut at 500 bytes."},
    {"comparison", DOCUMENT_JSON(comparison_json),
     .schema = "{\"type\":\"object\",\"properties\":{\"model\":" TEXT ",\"measures\":{\"type\":"
               "\"object\"},\"only_this_right\":" COUNT ",\"only_other_right\":" COUNT
               ",\"this_nearer\":" COUNT ",\"other_nearer\":" COUNT ",\"p_value\":" NUMBER
               ",\"test\":{\"type\":[\"string\",\"null\"]},\"unit\":" TEXT "}}",
     .doc =
         "The other model's measures, and how probable such a difference is when none of the "
         "two is better (p_value). test: \"mcnemar\", exact, by rows (unit) that one model alone "
         "has right; a row of several labels, or a sentence (unit \"sentences\") as far as the "
         "models see it, is right when all of it is. \"wilcoxon_signed_rank\" for regression, by "
         "the distances of rows, means over their numbers. null for models of different "
         "tasks."},
};
const struct field_object evaluation_fields =
    FIELD_OBJECT("Evaluation", struct evaluation_info, evaluation_rows,
                 "How well a model does on labelled rows.");

static const struct field_row evaluation_list_rows[] = {
    FIELD_LIST_ROWS(struct evaluation_list, &evaluation_fields),
    FIELD_LIST_IDS(struct evaluation_list, &evaluation_fields),
    FIELD_LIST_MORE(struct evaluation_list),
};
const struct field_object evaluation_list_fields =
    FIELD_OBJECT("EvaluationList", struct evaluation_list, evaluation_list_rows,
                 "A page of evaluations, without per_class, confusion, calibration and errors.");

static void
write_part(struct json_out *out, const char *key, bool has, const struct evaluation_info *part)
{
    if (has)
        fields_encode(out, key, &evaluation_fields, part);
    else
        json_out_null(out, key);
}

static void
write_validation(struct json_out *out, const char *key, const void *item)
{
    const struct job_evaluation *evaluation = item;
    write_part(out, key, evaluation->has_validation, &evaluation->validation);
}

static void
write_test(struct json_out *out, const char *key, const void *item)
{
    const struct job_evaluation *evaluation = item;
    write_part(out, key, evaluation->has_test, &evaluation->test);
}

#define EVALUATION_OR_NULL                                                                         \
    "{\"anyOf\":[{\"$ref\":\"#/components/schemas/Evaluation\"},{\"type\":\"null\"}]}"

static const struct field_row job_evaluation_rows[] = {
    {"object", FIELD_WORD("fine_tuning.job.evaluation"),
     .doc = "Always \"fine_tuning.job.evaluation\"."},
    {"job_id", FIELD_STRING(struct job_evaluation, job_id), .doc = "The job."},
    {"model", FIELD_STRING(struct job_evaluation, model), .unset = FIELD_NULL_POINTER,
     .doc = "The model that it made; null before that."},
    {"validation", FIELD_WRITTEN(write_validation, EVALUATION_OR_NULL),
     .doc = "Of that model on the validation rows; null without such, and before the job has "
            "succeeded."},
    {"test", FIELD_WRITTEN(write_test, EVALUATION_OR_NULL), .doc = "The same on the test rows."},
};
const struct field_object job_evaluation_fields =
    FIELD_OBJECT("FineTuningJobEvaluation", struct job_evaluation, job_evaluation_rows,
                 "What a job measured of the model that it made.");

void
encode_evaluation(struct json_out *out, const struct evaluation_info *evaluation)
{
    fields_encode(out, NULL, &evaluation_fields, evaluation);
}

void
encode_evaluation_list(struct json_out *out, const struct evaluation_list *list)
{
    fields_encode(out, NULL, &evaluation_list_fields, list);
}

void
encode_job_evaluation(struct json_out *out, const struct job_evaluation *evaluation)
{
    fields_encode(out, NULL, &job_evaluation_fields, evaluation);
}
