/* What the routes of models on their way in and out say of themselves; see operation.h. */
#include "api/operation.h"

#include "api/encode.h"

static const struct input_row import_query[] = {
    {"id", INPUT_TEXT, .min = 1, .max = 96,
     .doc = "The id that the model shall have; absent: the name of its folder."},
    {0},
};

static const struct input_row import_body[] = {
    {"path", INPUT_TEXT, .required = true, .min = 1, .max = 4000,
     .doc = "A model's folder on the daemon's machine, below one that import_dir names."},
    {"id", INPUT_TEXT, .min = 1, .max = 96, .doc = "As in the query."},
    {0},
};

const struct operation model_import_operation = {
    .id = "models.import",
    .group = "Models",
    .summary = "Import a model",
    .doc = "Either JSON that names a folder, or a tar archive (application/x-tar, not compressed) "
           "of one. The model is checked before it appears; a classifier can be used at once.",
    .query = import_query,
    .body = import_body,
    .answers = (const struct answer_row[]){{201, &model_fields, NULL, "The model."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_INVALID_MODEL, FAULT_CONFLICT, FAULT_DISK_FULL),
    .example = "{\"path\":\"all-minilm-l6-v2\"}",
};

const struct operation model_archive_operation = {
    .id = "models.archive",
    .group = "Models",
    .summary = "Download a model as a tar archive",
    .doc = "The same model always gives the same bytes; ranges are answered.",
    .answers =
        (const struct answer_row[]){
            {200, NULL, "application/x-tar", "All files, in one folder."},
            {206, NULL, "application/x-tar", "The bytes that Range asked for."},
            {304, NULL, NULL, "It is what If-None-Match names."},
            {416, NULL, NULL, "The archive ends before the range begins."},
            {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_INVALID_MODEL, FAULT_CONFLICT),
};
