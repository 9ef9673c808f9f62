/* What the routes of evaluations say of themselves; see operation.h. */
#include "api/operations_evaluations.h"

#include "api/encode.h"
#include "api/encode_evaluation.h"

static const struct input_row create_body[] = {
    {"model", INPUT_TEXT, .required = true, .min = 1, .max = 256,
     .doc = "A fine-tuned model, a checkpoint, or a base model with a classifier."},
    {"file", INPUT_TEXT, .required = true, .min = 1, .max = 64,
     .doc = "The id of an uploaded file with labelled rows, whose labels are the model's."},
    {"compare_to", INPUT_TEXT, .min = 1, .max = 256,
     .doc = "Another model to measure on the same rows, and to test against the first."},
    {0},
};

const struct operation evaluation_create_operation = {
    .id = "evaluations.create",
    .group = "Use",
    .summary = "Measure a model on a labelled file",
    .doc = "It waits in a queue of its own and is computed beside jobs; ask again until its status "
           "is \"succeeded\" or \"failed\". A restart of the daemon loses none. Until then its "
           "file and "
           "models cannot be deleted.",
    .body = create_body,
    .answers =
        (const struct answer_row[]){{201, &evaluation_fields, NULL, "The evaluation, queued."},
                                    {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_FILE_NOT_FOUND,
                               FAULT_MODEL_NOT_FINE_TUNED, FAULT_QUEUE_FULL, FAULT_DISK_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::x1\",\"file\":\"file-abc123\"}",
};

static const struct input_row list_query[] = {
    INPUT_PAGE(20, 100),
    {0},
};

const struct operation evaluations_list_operation = {
    .id = "evaluations.list",
    .group = "Use",
    .summary = "List evaluations",
    .query = list_query,
    .answers = (const struct answer_row[]){{200, &evaluation_list_fields, NULL, "A page."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_INVALID_CURSOR),
};

const struct operation evaluation_get_operation = {
    .id = "evaluations.retrieve",
    .group = "Use",
    .summary = "Show an evaluation",
    .answers = (const struct answer_row[]){{200, &evaluation_fields, NULL, "The evaluation."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_EVALUATION_NOT_FOUND),
};

const struct operation evaluation_delete_operation = {
    .id = "evaluations.delete",
    .group = "Use",
    .summary = "Delete an evaluation",
    .doc = "One that has not ended is given up.",
    .answers = (const struct answer_row[]){{200, &deleted_fields, NULL, "It is gone."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_EVALUATION_NOT_FOUND, FAULT_DISK_FULL),
};

const struct operation job_evaluation_operation = {
    .id = "fine_tuning.jobs.evaluation",
    .group = "Progress",
    .summary = "Show what a job measured of the model that it made",
    .doc = "On its validation and test rows, with the model that was saved.",
    .answers =
        (const struct answer_row[]){{200, &job_evaluation_fields, NULL, "Both evaluations."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND),
};
