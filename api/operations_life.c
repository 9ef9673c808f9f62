/* What the routes of a job's life, of the queue and of the machine say of themselves. */
#include "api/operations_life.h"

#include "api/encode.h"
#include "api/encode_life.h"
#include "api/input.h"

#define ANSWER(fields, sentence)                                                                   \
    (const struct answer_row[])                                                                    \
    {                                                                                              \
        {200, &(fields), NULL, sentence},                                                          \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

const struct operation job_pause_operation = {
    .id = "fine_tuning.jobs.pause",
    .group = "Jobs",
    .summary = "Pause a job",
    .doc =
        "A queued job is paused at once. A running one is pausing until its state is saved, then "
        "paused. Pausing it again changes nothing.",
    .answers = ANSWER(job_fields, "The job, pausing or paused."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
};

const struct operation job_resume_operation = {
    .id = "fine_tuning.jobs.resume",
    .group = "Jobs",
    .summary = "Resume a paused job",
    .doc = "It waits in the queue and goes on from its newest saved state. Resuming a job that is "
           "queued or running changes nothing.",
    .answers = ANSWER(job_fields, "The job, waiting in the queue."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
};

const struct operation job_retry_operation = {
    .id = "fine_tuning.jobs.retry",
    .group = "Jobs",
    .summary = "Send a failed or cancelled job into the queue again",
    .doc =
        "It keeps its id and goes on from its newest saved state, in a new attempt. Refused when "
        "a file that it needs has been deleted.",
    .answers = ANSWER(job_fields, "The job, waiting in the queue."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_CONFLICT, FAULT_DISK_FULL),
};

#define METADATA                                                                                   \
    "{\"type\":[\"object\",\"null\"],\"maxProperties\":16,\"propertyNames\":{\"minLength\":1,"     \
    "\"maxLength\":64},\"additionalProperties\":{\"type\":\"string\",\"maxLength\":512}}"
#define PRIORITY                                                                                   \
    "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":-100,\"maximum\":100},{\"const\":\"auto\"},"    \
    "{\"type\":\"null\"}]}"

static const struct input_row update_body[] = {
    {"metadata", INPUT_VALUE, .schema = METADATA,
     .doc = "Pairs of strings instead of those that the job has; null: none."},
    {"priority", INPUT_VALUE, .schema = PRIORITY,
     .doc = "Jobs of a higher priority run first; null: 0."},
    {0},
};

const struct operation job_update_operation = {
    .id = "fine_tuning.jobs.update",
    .group = "Jobs",
    .summary = "Change metadata and priority of a job",
    .body = update_body,
    .answers = ANSWER(job_fields, "The job as it is now."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_INVALID_PARAMETER,
                               FAULT_UNKNOWN_PARAMETER, FAULT_DISK_FULL),
    .example = "{\"priority\":5}",
};

const struct operation job_delete_operation = {
    .id = "fine_tuning.jobs.delete",
    .group = "Jobs",
    .summary = "Delete a job that has ended",
    .doc = "With its events, metrics, checkpoints and saved states. The model that it made stays.",
    .answers = ANSWER(deleted_fields, "It is gone."),
    .faults = OPERATION_FAULTS(FAULT_JOB_NOT_FOUND, FAULT_CONFLICT, FAULT_IN_USE, FAULT_DISK_FULL),
};

const struct operation queue_get_operation = {
    .id = "queue.retrieve",
    .group = "Jobs",
    .summary = "Show the queue",
    .answers = ANSWER(queue_fields, "The queue."),
};

const struct operation queue_pause_operation = {
    .id = "queue.pause",
    .group = "Jobs",
    .summary = "Pause the queue",
    .doc = "No job is started until it is resumed, over restarts of the daemon too. Jobs that run "
           "go on. Pausing it again changes nothing.",
    .answers = ANSWER(queue_fields, "The queue, paused."),
    .faults = OPERATION_FAULTS(FAULT_DISK_FULL),
};

const struct operation queue_resume_operation = {
    .id = "queue.resume",
    .group = "Jobs",
    .summary = "Resume the queue",
    .answers = ANSWER(queue_fields, "The queue, not paused."),
    .faults = OPERATION_FAULTS(FAULT_DISK_FULL),
};

const struct operation system_operation = {
    .id = "system.retrieve",
    .group = "Daemon",
    .summary = "Show what the daemon runs on",
    .answers = ANSWER(system_fields, "Processors, memory, disk, queue and engine."),
};
