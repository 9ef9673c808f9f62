/* What the routes of uploads in parts and of looks into files say of themselves; see operation.h.
 */
#include "api/operation.h"

#include "api/encode_data.h"
#include "api/encode_uploads.h"

#define UPLOAD_MAX_BYTES 8589934592 /* as in OpenAI's API */
#define UPLOAD_MAX_PARTS 2000

static const struct input_row create_body[] = {
    {"filename", INPUT_TEXT, .required = true, .min = 1, .max = 255,
     .doc = "The name that the file will have; its end says the format."},
    {"purpose", INPUT_CHOICE, .required = true, .choices = file_purposes,
     .doc = "What the file is for: \"fine-tune\" for all files of jobs."},
    {"bytes", INPUT_INTEGER, .required = true, .min = 1, .max = UPLOAD_MAX_BYTES,
     .doc = "The size that the parts will add up to; at most 8 GiB, and no more than the daemon's "
            "max_file_bytes."},
    {"mime_type", INPUT_TEXT, .min = 0, .max = 255, .doc = "Of no consequence."},
    {"expires_after", INPUT_VALUE,
     .schema = "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"anchor\":{\"const\":"
               "\"created_at\"},\"seconds\":{\"type\":\"integer\",\"minimum\":3600,\"maximum\":"
               "2592000}},\"required\":[\"anchor\",\"seconds\"],\"additionalProperties\":false},"
               "{\"type\":\"null\"}]}",
     .doc = "When the file shall be deleted; absent: never."},
    {0},
};

const struct operation upload_create_operation = {
    .id = "uploads.create",
    .group = "Files",
    .summary = "Begin an upload in parts",
    .doc = "For files too large for one request. It takes parts for an hour.",
    .body = create_body,
    .answers = (const struct answer_row[]){{200, &upload_fields, NULL, "The upload."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_QUEUE_FULL, FAULT_DISK_FULL),
    .example = "{\"filename\":\"train.jsonl\",\"purpose\":\"fine-tune\",\"bytes\":2147483648,"
               "\"mime_type\":\"text/jsonl\"}",
};

static const struct input_row part_form[] = {
    {"data", INPUT_FILE, .required = true, .doc = "The bytes of the part."},
    {0},
};

const struct operation upload_part_operation = {
    .id = "uploads.parts.create",
    .group = "Files",
    .summary = "Add a part to an upload",
    .doc = "Parts may be sent at once and in any order; when it is completed the order is said. "
           "All parts together may hold twice the bytes that were announced.",
    .form = part_form,
    .answers = (const struct answer_row[]){{200, &upload_part_fields, NULL, "The part."}, {0}},
    .faults =
        OPERATION_FAULTS(FAULT_MISSING_PARAMETER, FAULT_INVALID_PARAMETER, FAULT_UNKNOWN_PARAMETER,
                         FAULT_UPLOAD_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
};

static const struct input_row complete_body[] = {
    {"part_ids", INPUT_TEXTS, .required = true, .min = 1, .max = UPLOAD_MAX_PARTS,
     .doc = "The parts that make up the file, in their order."},
    {"md5", INPUT_TEXT, .min = 32, .max = 32,
     .doc = "MD5 sum of the whole file in hexadecimal: checked, when it is given."},
    {0},
};

const struct operation upload_complete_operation = {
    .id = "uploads.complete",
    .group = "Files",
    .summary = "Make the parts a file",
    .doc = "The file is judged as one that comes in one piece. When something is refused the "
           "upload is pending still.",
    .body = complete_body,
    .answers =
        (const struct answer_row[]){{200, &upload_fields, NULL, "The upload, and the file in it."},
                                    {0}},
    .faults = OPERATION_FAULTS(FAULT_UPLOAD_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
    .example = "{\"part_ids\":[\"part_...\"]}",
};

const struct operation upload_cancel_operation = {
    .id = "uploads.cancel",
    .group = "Files",
    .summary = "Give an upload up",
    .doc = "Its parts are deleted.",
    .answers = (const struct answer_row[]){{200, &upload_fields, NULL, "The upload."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_UPLOAD_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
};

/* ---- looks into files ----------------------------------------------------------------------- */

static const struct input_row report_query[] = {
    {"model", INPUT_TEXT, .doc = "Tell lengths in tokens of this model too."},
    {"max_seq_length", INPUT_INTEGER, .min = 0, .max = 1000000, .standard = 0,
     .doc = "Tokens that a row may have; 0: the model's own limit."},
    {0},
};

const struct operation file_report_operation = {
    .id = "files.report",
    .group = "Files",
    .summary = "Tell what a file holds",
    .doc = "Rows and faults, labels, lengths, duplicates, and what is odd about them. The file is "
           "read anew each time.",
    .query = report_query,
    .answers = (const struct answer_row[]){{200, &file_report_fields, NULL, "The report."}, {0}},
    .faults =
        OPERATION_FAULTS(FAULT_FILE_NOT_FOUND, FAULT_MODEL_NOT_FOUND, FAULT_MISSING_PARAMETER),
};

static const struct input_row rows_query[] = {
    {"offset", INPUT_INTEGER, .min = 0, .max = INT64_C(1000000000), .standard = 0,
     .doc = "Rows to pass over."},
    {"limit", INPUT_INTEGER, .min = 1, .max = FILE_ROWS_MAX, .standard = 20,
     .doc = "Rows to show."},
    {0},
};

const struct operation file_rows_operation = {
    .id = "files.rows",
    .group = "Files",
    .summary = "Show rows of a file",
    .doc = "As they stand in it, faulty ones with their fault.",
    .query = rows_query,
    .answers = (const struct answer_row[]){{200, &file_rows_fields, NULL, "The rows."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_FILE_NOT_FOUND),
};
