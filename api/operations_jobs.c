/* What the routes of jobs say of themselves; see operation.h. */
#include "api/operation.h"

#include "api/encode.h"
#include "api/encode_life.h"

#define JOB_ANSWER(sentence)                                                                       \
    (const struct answer_row[])                                                                    \
    {                                                                                              \
        {200, &job_fields, NULL, sentence},                                                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

#define WAIT_ROW                                                                                   \
    {                                                                                              \
        "wait", INPUT_INTEGER,                                                                     \
            .min = 0, .max = 86400,                                                                \
            .doc = "With If-None-Match: hold the answer back for so many seconds (30 at most) "    \
                   "while it is the one that the client has."                                      \
    }

static const struct input_row create_query[] = {
    {"dry_run", INPUT_BOOLEAN, .doc = "Judge and estimate, create nothing."},
    {0},
};

const struct operation job_create_operation = {
    .id = "fine_tuning.jobs.create",
    .group = "Jobs",
    .summary = "Create a job",
    .doc = "The request is judged whole: every fault of it is in one answer. What is left out, or "
           "is \"auto\", is chosen from the data and the model; the job's parameters show it.",
    .query = create_query,
    .is_job_request = true,
    .answers =
        (const struct answer_row[]){
            {200, &job_fields, NULL, "The job, waiting in the queue."},
            {200, &estimate_fields, NULL, "With dry_run: what the job would come to."},
            {0}},
    .faults = OPERATION_FAULTS(
        FAULT_MISSING_PARAMETER, FAULT_INVALID_PARAMETER, FAULT_UNKNOWN_PARAMETER,
        FAULT_NOT_SUPPORTED_YET, FAULT_MODEL_NOT_FOUND, FAULT_FILE_NOT_FOUND,
        FAULT_INVALID_TRAINING_FILE, FAULT_INVALID_VALIDATION_FILE, FAULT_INVALID_TEST_FILE,
        FAULT_NOT_A_CLASSIFICATION_SET, FAULT_QUEUE_FULL, FAULT_DISK_FULL),
    .example = "{\"model\":\"all-minilm-l6-v2\",\"training_file\":\"file-...\"}",
};

static const struct input_row list_query[] = {
    INPUT_PAGE(20, 1000),
    {"metadata", INPUT_PAIRS, .max = METADATA_MAX_FILTERS,
     .doc = "metadata[key]=value: only jobs with this pair; several must all hold."},
    {0},
};

const struct operation jobs_list_operation = {
    .id = "fine_tuning.jobs.list",
    .group = "Jobs",
    .summary = "List the jobs",
    .query = list_query,
    .answers = (const struct answer_row[]){{200, &job_list_fields, NULL, "A page."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_INVALID_CURSOR),
};

static const struct input_row get_query[] = {
    WAIT_ROW,
    {0},
};

const struct operation job_get_operation = {
    .id = "fine_tuning.jobs.retrieve",
    .group = "Jobs",
    .summary = "Show a job",
    .query = get_query,
    .answers = JOB_ANSWER("The job."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND),
};

const struct operation job_cancel_operation = {
    .id = "fine_tuning.jobs.cancel",
    .group = "Jobs",
    .summary = "Cancel a job",
    .doc = "The job is cancelled at once; what computes it stops at its next step.",
    .answers = JOB_ANSWER("The job, cancelled."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
};

static const struct input_row events_query[] = {INPUT_PAGE(20, 1000), WAIT_ROW, {0}};

const struct operation job_events_operation = {
    .id = "fine_tuning.jobs.list_events",
    .group = "Progress",
    .summary = "List what happened to a job",
    .query = events_query,
    .answers = (const struct answer_row[]){{200, &event_list_fields, NULL, "A page."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_INVALID_CURSOR),
};

static const struct input_row metrics_query[] = {
    {"after_step", INPUT_INTEGER, .min = -1, .max = INT64_MAX, .standard = -1,
     .doc = "Only points of later steps."},
    {"limit", INPUT_INTEGER, .min = 1, .max = 2000, .standard = 1000, .doc = "Points on a page."},
    {"names", INPUT_TEXTS, .max = METRICS_MAX_NAMES,
     .doc = "Only these metrics: a,b or several times."},
    {"max_points", INPUT_INTEGER, .min = 2, .max = 2000, .standard = 0,
     .doc = "The whole series in at most so many points, instead of a page: of each run of steps "
            "those with the least and the greatest value of each metric."},
    WAIT_ROW,
    {0},
};

const struct operation job_metrics_operation = {
    .id = "fine_tuning.jobs.metrics.list",
    .group = "Progress",
    .summary = "List what a job measured",
    .doc = "One point a step, in ascending order. Follow a running job with after_step.",
    .query = metrics_query,
    .answers = (const struct answer_row[]){{200, &metric_list_fields, NULL, "A page."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND),
};

static const struct input_row stream_query[] = {
    {"after", INPUT_TEXT, .doc = "Continue behind the event of the stream with this id."},
    {0},
};

const struct operation job_stream_operation = {
    .id = "fine_tuning.jobs.stream",
    .group = "Progress",
    .summary = "Follow a job",
    .doc = "Server-sent events: state and end (the job), event, metrics (a point), checkpoint. "
           "After a break send the last id as Last-Event-ID: nothing comes twice, nothing is left "
           "out. The stream closes after end.",
    .query = stream_query,
    .answers =
        (const struct answer_row[]){{200, NULL, "text/event-stream", "All that happens."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_INVALID_CURSOR, FAULT_TOO_MANY_STREAMS),
};

static const struct input_row checkpoints_query[] = {INPUT_PAGE(10, 1000), {0}};

const struct operation job_checkpoints_operation = {
    .id = "fine_tuning.jobs.checkpoints.list",
    .group = "Progress",
    .summary = "List the checkpoints of a job",
    .doc = "The newest three and the best are kept.",
    .query = checkpoints_query,
    .answers = (const struct answer_row[]){{200, &checkpoint_list_fields, NULL, "A page."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_INVALID_CURSOR),
};
