/* What the routes of models and their use say of themselves; see operation.h. */
#include "api/operation.h"

#include "api/encode.h"

const struct operation models_list_operation = {
    .id = "models.list",
    .group = "Models",
    .summary = "List the models",
    .doc = "Base models and fine-tuned ones, all on one page.",
    .answers = (const struct answer_row[]){{200, &model_list_fields, NULL, "All models."}, {0}},
};

const struct operation model_get_operation = {
    .id = "models.retrieve",
    .group = "Models",
    .summary = "Show a model",
    .answers = (const struct answer_row[]){{200, &model_fields, NULL, "The model."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND),
};

const struct operation model_delete_operation = {
    .id = "models.delete",
    .group = "Models",
    .summary = "Delete a fine-tuned model",
    .doc = "Refused while a job that has not ended starts from it, or an evaluation measures it. "
           "Base models are never deleted.",
    .answers = (const struct answer_row[]){{200, &deleted_fields, NULL, "It is gone."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_BASE_MODEL_PROTECTED, FAULT_IN_USE,
                               FAULT_DISK_FULL),
};

const struct operation model_files_operation = {
    .id = "models.files.list",
    .group = "Models",
    .summary = "List the files of a model",
    .answers = (const struct answer_row[]){{200, &model_files_fields, NULL, "All files."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND),
};

const struct operation model_file_operation = {
    .id = "models.files.content",
    .group = "Models",
    .summary = "Download a file of a model",
    .doc = "Its ETag is its SHA-256; ranges are answered.",
    .answers =
        (const struct answer_row[]){
            {200, NULL, "application/octet-stream", "All bytes."},
            {206, NULL, "application/octet-stream", "The bytes that Range asked for."},
            {304, NULL, NULL, "It is what If-None-Match names."},
            {416, NULL, NULL, "The file ends before the range begins."},
            {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_NOT_FOUND),
};

#define ONE_INPUT                                                                                  \
    "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"text\":"             \
    "{\"type\":\"string\"},\"text_pair\":{\"type\":[\"string\",\"null\"]}},\"required\":"          \
    "[\"text\"],\"additionalProperties\":false}]}"

static const struct input_row classify_body[] = {
    {"model", INPUT_TEXT, .required = true, .doc = "The id of a fine-tuned model."},
    {"input", INPUT_VALUE, .required = true,
     .schema = "{\"anyOf\":[" ONE_INPUT ",{\"type\":\"array\",\"minItems\":1,\"maxItems\":2048,"
               "\"items\":" ONE_INPUT "}]}",
     .doc = "A text, a pair {\"text\", \"text_pair\"}, or a list of these."},
    {"metadata", INPUT_VALUE, .unused = true, .doc = "Of Mistral's clients."},
    {0},
};

const struct operation classifications_operation = {
    .id = "classifiers.classify",
    .group = "Use",
    .uses_model = true,
    .summary = "Classify texts",
    .doc = "Mistral's shape: the score of each label for each text.",
    .body = classify_body,
    .answers =
        (const struct answer_row[]){{200, &classification_fields, NULL, "One result an input."},
                                    {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_MODEL_NOT_FINE_TUNED, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::...\",\"input\":[\"When do you open?\"]}",
};
