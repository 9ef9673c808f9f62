/* See encode_life.h. */
#include "api/encode_life.h"

static const struct field_row warning_rows[] = {
    {"code", FIELD_STRING(struct estimate_warning, code), .doc = "What kind of warning it is."},
    {"message", FIELD_STRING(struct estimate_warning, message), .doc = "What it means."},
};
static const struct field_object warning_fields = FIELD_OBJECT(
    "FineTuningJobWarning", struct estimate_warning, warning_rows, "Nothing that forbids the job.");

static const struct field_row estimate_rows[] = {
    {"object", FIELD_WORD("fine_tuning.job.estimate"),
     .doc = "Always \"fine_tuning.job.estimate\"."},
    {"parameters", FIELD_RAW(struct job_estimate, parameters_json),
     .doc = "Every value that would be in force, chosen ones included."},
    {"task", FIELD_STRING(struct job_estimate, task),
     .doc = "What the model would be trained to say."},
    {"labels", FIELD_STRINGS(struct job_estimate, labels, label_count),
     .doc = "In the order of ids; the names of the numbers of a regression."},
    {"rows", FIELD_INTEGER(struct job_estimate, rows), .doc = "Rows to learn from."},
    {"validation_rows", FIELD_INTEGER(struct job_estimate, validation_rows),
     .doc = "Rows measured after each epoch."},
    {"test_rows", FIELD_INTEGER(struct job_estimate, test_rows), .doc = "Rows measured once."},
    {"epoch_rows", FIELD_INTEGER(struct job_estimate, epoch_rows),
     .doc = "Rows of an epoch: those to learn from, and more where oversample repeats some or long "
            "texts are read in windows."},
    {"tokens", FIELD_INTEGER(struct job_estimate, tokens),
     .doc = "Tokens to train on, of all epochs, estimated from a sample of the rows."},
    {"total_steps", FIELD_INTEGER(struct job_estimate, total_steps), .doc = "Steps in all."},
    {"seconds", FIELD_REAL(struct job_estimate, seconds),
     .doc = "Of training and evaluation when nothing else runs: the operations of all passes at "
            "three quarters of the engine's measured rate."},
    {"peak_memory_bytes", FIELD_INTEGER(struct job_estimate, peak_memory_bytes),
     .doc = "Of the whole process at the job's peak."},
    {"disk_bytes", FIELD_INTEGER(struct job_estimate, disk_bytes),
     .doc = "The most that its models, checkpoints and saved states take."},
    {"warnings", FIELD_LIST(struct job_estimate, warnings, warning_count, &warning_fields),
     .doc = "What is better known beforehand."},
};
const struct field_object estimate_fields =
    FIELD_OBJECT("FineTuningJobEstimate", struct job_estimate, estimate_rows,
                 "What a create request would come to; nothing was stored.");

static const struct field_row queue_rows[] = {
    {"object", FIELD_WORD("queue"), .doc = "Always \"queue\"."},
    {"paused", FIELD_BOOLEAN(struct queue_info, paused),
     .doc = "Is nothing taken from it? Jobs that run go on."},
    {"paused_at", FIELD_TIME(struct queue_info, paused_at), .unset = FIELD_NULL_BELOW_ONE,
     .doc = "Since when; null when it is not."},
    {"queued", FIELD_INTEGER(struct queue_info, queued), .doc = "Jobs that wait."},
    {"running", FIELD_INTEGER(struct queue_info, running), .doc = "Jobs that run."},
    {"pausing", FIELD_INTEGER(struct queue_info, pausing), .doc = "Jobs that save their state."},
    {"paused_jobs", FIELD_INTEGER(struct queue_info, paused_jobs),
     .doc = "Jobs that wait to be resumed."},
    {"workers", FIELD_INTEGER(struct queue_info, workers), .doc = "Jobs that may run at once."},
};
const struct field_object queue_fields =
    FIELD_OBJECT("Queue", struct queue_info, queue_rows, "The queue of jobs.");

static const struct field_row cpu_rows[] = {
    {"name", FIELD_STRING(struct system_info, cpu), .doc = "What the processor calls itself."},
    {"processors", FIELD_INTEGER(struct system_info, processors),
     .doc = "That this process may use: affinity and control groups counted."},
    {"threads_per_job", FIELD_INTEGER(struct system_info, threads_per_job),
     .doc = "Of a job that does not say."},
};
static const struct field_object cpu_fields =
    FIELD_OBJECT("SystemCpu", struct system_info, cpu_rows, "The processors.");

static const struct field_row memory_rows[] = {
    {"total_bytes", FIELD_INTEGER(struct system_info, memory_total),
     .doc = "Of the machine, or of the control group if that is less."},
    {"free_bytes", FIELD_INTEGER(struct system_info, memory_free),
     .doc = "That this process can have, with what it holds."},
    {"used_bytes", FIELD_INTEGER(struct system_info, memory_used),
     .doc = "Resident bytes of this process."},
};
static const struct field_object memory_fields =
    FIELD_OBJECT("SystemMemory", struct system_info, memory_rows, "The memory.");

static const struct field_row disk_rows[] = {
    {"total_bytes", FIELD_INTEGER(struct system_info, disk_total),
     .doc = "Of the file system that holds the data directory."},
    {"free_bytes", FIELD_INTEGER(struct system_info, disk_free), .doc = "Free there."},
    {"min_free_bytes", FIELD_INTEGER(struct system_info, disk_min_free),
     .doc = "Below this nothing is started or accepted."},
};
static const struct field_object disk_fields =
    FIELD_OBJECT("SystemDisk", struct system_info, disk_rows, "The disk.");

static const struct field_row engine_rows[] = {
    {"name", FIELD_STRING(struct system_info, engine), .unset = FIELD_NULL_POINTER,
     .doc = "What computes matrix products."},
    {"gflops_per_thread", FIELD_REAL(struct system_info, engine_rate),
     .doc = "Measured just now on one thread."},
};
static const struct field_object engine_fields =
    FIELD_OBJECT("SystemEngine", struct system_info, engine_rows, "The engine.");

static const struct field_row system_rows[] = {
    {"object", FIELD_WORD("system"), .doc = "Always \"system\"."},
    {"cpu", FIELD_SAME(&cpu_fields), .doc = "The processors."},
    {"memory", FIELD_SAME(&memory_fields), .doc = "The memory."},
    {"disk", FIELD_SAME(&disk_fields), .doc = "The disk of the data directory."},
    {"queue", FIELD_WITHIN(struct system_info, queue, &queue_fields), .doc = "The queue."},
    {"engine", FIELD_SAME(&engine_fields), .doc = "The engine."},
    {"uptime", FIELD_INTEGER(struct system_info, uptime), .doc = "Seconds since the start."},
};
const struct field_object system_fields =
    FIELD_OBJECT("System", struct system_info, system_rows, "What the daemon runs on.");

void
encode_estimate(struct json_out *out, const struct job_estimate *estimate)
{
    fields_encode(out, NULL, &estimate_fields, estimate);
}

void
encode_queue(struct json_out *out, const struct queue_info *queue)
{
    fields_encode(out, NULL, &queue_fields, queue);
}

void
encode_system(struct json_out *out, const struct system_info *system)
{
    fields_encode(out, NULL, &system_fields, system);
}
