/* What the routes of files say of themselves; see operation.h. */
#include "api/operation.h"

#include "api/encode.h"

static const char *const anchors[] = {"created_at", NULL};
const char *const file_purposes[] = {"fine-tune", "evals", "user_data", NULL};

static const struct input_row create_form[] = {
    {"purpose", INPUT_CHOICE, .required = true, .choices = file_purposes,
     .doc = "What the file is for: \"fine-tune\" for all files of jobs."},
    {"file", INPUT_FILE, .required = true,
     .doc = "The file; the end of its name (.csv, .tsv, .jsonl) says its format."},
    {"expires_after[anchor]", INPUT_CHOICE, .choices = anchors,
     .doc = "With the seconds: the file shall be deleted that long after it was stored."},
    {"expires_after[seconds]", INPUT_INTEGER, .min = FILE_EXPIRES_MIN_SECONDS,
     .max = FILE_EXPIRES_MAX_SECONDS,
     .doc = "An hour to 30 days; without both fields the file stays until it is deleted."},
    {0},
};

const struct operation file_create_operation = {
    .id = "files.create",
    .group = "Files",
    .summary = "Upload a data file",
    .doc = "Every file is stored and judged: one that cannot be read has the status \"error\", and "
           "its first fault with its line is in status_details.",
    .form = create_form,
    .answers =
        (const struct answer_row[]){{200, &file_fields, NULL, "The file as it is stored."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MISSING_PARAMETER, FAULT_INVALID_PARAMETER,
                               FAULT_UNKNOWN_PARAMETER, FAULT_NOT_SUPPORTED_YET, FAULT_DISK_FULL),
};

static const struct input_row list_query[] = {
    INPUT_PAGE(10000, 10000),
    {"purpose", INPUT_TEXT, .doc = "Only files of this purpose."},
    {0},
};

const struct operation files_list_operation = {
    .id = "files.list",
    .group = "Files",
    .summary = "List the files",
    .query = list_query,
    .answers = (const struct answer_row[]){{200, &file_list_fields, NULL, "A page."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_INVALID_CURSOR),
};

const struct operation file_get_operation = {
    .id = "files.retrieve",
    .group = "Files",
    .summary = "Show a file",
    .answers = (const struct answer_row[]){{200, &file_fields, NULL, "The file."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_FILE_NOT_FOUND),
};

const struct operation file_delete_operation = {
    .id = "files.delete",
    .group = "Files",
    .summary = "Delete a file",
    .doc = "Refused while a job or an evaluation that has not ended needs it.",
    .answers = (const struct answer_row[]){{200, &deleted_fields, NULL, "It is gone."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_FILE_NOT_FOUND, FAULT_IN_USE, FAULT_DISK_FULL),
};

const struct operation file_content_operation = {
    .id = "files.content",
    .group = "Files",
    .summary = "Download a file",
    .answers =
        (const struct answer_row[]){
            {200, NULL, "application/octet-stream", "The bytes as they were uploaded."},
            {200, NULL, "text/csv", "The measures of a job, unless only bytes are accepted."},
            {206, NULL, "application/octet-stream", "The bytes that Range asked for."},
            {206, NULL, "text/csv", "The same of the measures of a job."},
            {416, NULL, NULL, "The file ends before the range begins."},
            {0}},
    .faults = OPERATION_FAULTS(FAULT_FILE_NOT_FOUND),
};
