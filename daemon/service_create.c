/*
 * Creating a job: parse, look up model and files, plan, insert; or tell what it would come to.
 *
 * A job is accepted on the strength of its plan: the files are read and held against each other and
 * the model, every "auto" is resolved, and the resolved numbers are stored with the request. The
 * worker makes the same plan again from them, so new defaults never change an accepted job.
 */
#include <sodium.h>

#include "core/base/buf.h"
#include "core/train/cautions.h"
#include "core/train/effort.h"
#include "core/train/memory.h"
#include "core/train/plan.h"
#include "daemon/job_params.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/files.h"
#include "daemon/store/jobs_claim.h"

/* Seeds are what a 32-bit signed integer holds, as in OpenAI's API. */
enum { SEED_COUNT_BITS = 31 };

struct creation {
    struct service *service;
    struct db *db;
    struct arena *arena;
    const char *body;
    size_t length;
    struct job_request request;
    struct catalog_model model;
    struct train_request train;
    struct train_plan plan;
    struct train_cautions cautions; /* about its data */
    struct train_memory memory;
    int64_t disk_bytes;
    struct budget_room room; /* as it is now */
    bool drew_seed;
    char id[IDS_SIZE];
};

static int
resolve_model(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    int code = catalog_find(&creation->service->catalog, creation->db, creation->request.model,
                            creation->arena, &creation->model, &err);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_MODEL_NOT_FOUND, "model", "%s", err.message);
    return code == 0 ? 0 : fault_add_err(faults, &err);
}

static int
resolve_file(struct creation *creation, const char *param, const char *id, struct train_file *out,
             struct fault_list *faults)
{
    struct err err;
    struct file_row row;
    *out = (struct train_file){0};
    if (id == NULL)
        return 0;
    int code = files_get(creation->db, id, creation->arena, &row, &err);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_FILE_NOT_FOUND, param,
                         "There is no file '%.100s': upload the data set with POST /v1/files first "
                         "and give the id that it answers.",
                         id);
    if (code != 0)
        return fault_add_err(faults, &err);
    out->path = data_dir_file_path(creation->service->store.dir, row.id, creation->arena);
    out->name = row.filename;
    return 0;
}

/* Model and files by name; all that are missing are told at once. */
static int
resolve_names(struct creation *creation, struct fault_list *faults)
{
    const struct job_request *request = &creation->request;
    struct train_request *train = &creation->train;
    size_t before = faults->count;
    service_expire(creation->service, creation->db);
    resolve_model(creation, faults);
    resolve_file(creation, "training_file", request->training_file, &train->training, faults);
    resolve_file(creation, "validation_file", request->validation_file, &train->validation, faults);
    resolve_file(creation, "test_file", request->test_file, &train->test, faults);
    return faults->count > before ? -1 : 0;
}

static int
check_queue(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    int64_t waiting;
    if (jobs_count(creation->db, JOB_STATE_QUEUED, &waiting, &err) != 0)
        return fault_add_err(faults, &err);
    if (waiting >= SERVICE_QUEUE_MAX)
        return fault_add(
            faults, FAULT_QUEUE_FULL, NULL,
            "%lld jobs are waiting already, which is the limit: try again when some of "
            "them have run.",
            (long long)waiting);
    return 0;
}

/* The plan's refusal as a fault: which part of the request, and what can be done. */
static int
fault_plan(const struct train_fault *fault, const struct err *err, struct fault_list *faults)
{
    static const enum fault_code codes[] = {
        [PART_MODEL] = FAULT_INVALID_PARAMETER,
        [PART_TRAINING_FILE] = FAULT_INVALID_TRAINING_FILE,
        [PART_VALIDATION_FILE] = FAULT_INVALID_VALIDATION_FILE,
        [PART_TEST_FILE] = FAULT_INVALID_TEST_FILE,
        [PART_PARAMETERS] = FAULT_INVALID_PARAMETER,
    };
    bool about_model = fault->part == PART_MODEL && err->code != ERR_MEMORY;
    if (err->code != ERR_INVALID && err->code != ERR_UNSUPPORTED && !about_model)
        return fault_add_err(faults, err);
    enum fault_code code = fault->unsupported     ? FAULT_NOT_SUPPORTED_YET
                           : fault->is_generation ? FAULT_NOT_A_CLASSIFICATION_SET
                                                  : codes[fault->part];
    return service_fault_at(faults, code, fault->parameter, fault->line, err->message);
}

static int
make_plan(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    struct train_fault fault = {0};
    struct train_request *train = &creation->train;
    struct train_params *params = &creation->request.params;
    if (params->seed == PARAMS_AUTO) {
        params->seed = (int64_t)randombytes_uniform(UINT32_C(1) << SEED_COUNT_BITS);
        creation->drew_seed = true;
    }
    train->base_folder = creation->model.folder;
    train->base_name = creation->model.id;
    train->columns = creation->request.columns;
    train->task = creation->request.task;
    train->class_weights = creation->request.class_weights;
    train->params = *params;
    train->has_bf16 = gemm_engine_has_bf16(creation->service->options.engine);
    if (train_plan_make(train, creation->arena, &creation->plan, &fault, &err) != 0)
        return fault_plan(&fault, &err, faults);
    return 0;
}

static size_t
threads_of(const struct creation *creation)
{
    int64_t asked = creation->plan.params.threads;
    return asked > 0 ? (size_t)asked : service_job_threads(creation->service);
}

/* What the job will need, as `finetuned run` needs it; the threads are those that it will get. */
static int
estimate_needs(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    const struct service *service = creation->service;
    const char *folder = creation->model.folder;
    struct train_memory_facts facts = {
        .base_folder = folder,
        .threads = threads_of(creation),
        .process_bytes = service->process_bytes,
        .saves = true,
    };
    if (train_memory_estimate(&creation->plan, &facts, &creation->memory, &err) == 0 &&
        effort_disk_bytes(&creation->plan, folder, &creation->disk_bytes, &err) == 0)
        return 0;
    return fault_add_err(faults, &err);
}

static struct claim_candidate
candidate_of(const struct creation *creation)
{
    return (struct claim_candidate){.memory_bytes = (int64_t)creation->memory.peak,
                                    .disk_bytes = creation->disk_bytes};
}

/* Refuse what could never run here, with the figures. */
static int
check_room(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    const struct budget *budget = &creation->service->budget;
    if (budget_measure(budget, &creation->room, &err) != 0)
        return fault_add_err(faults, &err);
    const struct claim_candidate candidate = candidate_of(creation);
    const char *refusal = budget_refusal(budget, &creation->room, &candidate, creation->arena);
    return refusal == NULL ? 0 : fault_add(faults, FAULT_INVALID_PARAMETER, "model", "%s", refusal);
}

int
service_check_disk(struct service *service, struct fault_list *faults)
{
    struct err err;
    struct budget_room room;
    const struct budget *budget = &service->budget;
    if (budget_measure(budget, &room, &err) != 0)
        return fault_add_err(faults, &err);
    if (!budget_is_disk_low(budget, &room))
        return 0;
    return fault_add(faults, FAULT_DISK_FULL, NULL,
                     "The disk of the data directory has %s free, less than the %s that are kept "
                     "free (min_free_bytes): free some space (old files, models and jobs can be "
                     "deleted) and try again.",
                     budget_size(room.disk_free, faults->arena),
                     budget_size(budget->min_free_bytes, faults->arena));
}

static int
find_cautions(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    if (train_cautions_find(&creation->plan, &creation->train, creation->arena, &creation->cautions,
                            &err) == 0)
        return 0;
    return fault_add_err(faults, &err);
}

/* From the parsed request to a plan with its needs; the plan is the caller's to release when 0. */
static int
prepare(struct creation *creation, struct fault_list *faults)
{
    if (resolve_names(creation, faults) != 0 || make_plan(creation, faults) != 0)
        return -1;
    if (estimate_needs(creation, faults) == 0 && check_room(creation, faults) == 0 &&
        find_cautions(creation, faults) == 0)
        return 0;
    train_plan_fini(&creation->plan);
    return -1;
}

static const char *
describe_labels(const struct train_plan *plan, struct arena *arena)
{
    size_t count = plan->labels.count;
    const char *plural = count == 1 ? "" : "s";
    if (plan->task == TASK_CLASSIFICATION)
        return arena_printf(arena, "%zu labels", count);
    if (plan->task == TASK_REGRESSION)
        return arena_printf(arena, "%zu number%s (task regression)", count, plural);
    return arena_printf(arena, "%zu label%s (task %s)", count, plural, task_name(plan->task));
}

static const char *
describe_plan(const struct creation *creation)
{
    const struct train_plan *plan = &creation->plan;
    struct buf text = {0};
    size_t in_epoch = train_plan_epoch_rows(plan);
    buf_printf(&text, "Job created: %s on %zu rows of %s ", creation->model.id, plan->training_rows,
               creation->train.training.name);
    if (in_epoch > plan->training_rows)
        buf_printf(&text, "(%zu in an epoch) ", in_epoch);
    buf_printf(&text, "with %s, ", describe_labels(plan, creation->arena));
    if (plan->validation_rows == 0)
        buf_append_string(&text, "no validation, ");
    else if (creation->train.validation.path == NULL)
        buf_printf(&text, "%zu more rows of it held out for validation, ", plan->validation_rows);
    else
        buf_printf(&text, "%zu rows for validation, ", plan->validation_rows);
    if (plan->test_rows > 0)
        buf_printf(&text, "%zu for the test, ", plan->test_rows);
    buf_printf(&text, "%zu steps.", plan->total_steps);
    const char *sentence = arena_copy_string(creation->arena, buf_string(&text));
    buf_fini(&text);
    return sentence;
}

/* Every choice that was made for the user, with its reason. */
static const char *
describe_choices(const struct creation *creation)
{
    const char *choices = job_params_explain(&creation->plan.choices, creation->arena);
    if (!creation->drew_seed)
        return choices;
    return arena_printf(creation->arena, "%s The seed, %lld, was drawn at random.", choices,
                        (long long)creation->plan.params.seed);
}

/* A warning event for each caution; its code is the event's data. */
static int
append_cautions(struct db *db, const struct creation *creation, int64_t job_seq, struct err *err)
{
    for (size_t i = 0; i < creation->cautions.count; i++) {
        const struct report_warning *caution = &creation->cautions.items[i];
        const struct event_new event = {
            .kind = EVENT_WARNING,
            .level = EVENT_WARN,
            .message = caution->message,
            .data_json = arena_printf(creation->arena, "{\"code\":\"%s\"}", caution->code),
        };
        if (events_append(db, job_seq, &event, err) != 0)
            return err->code;
    }
    return 0;
}

/* One transaction: the row, the event of its creation, the choices, the cautions. */
static int
insert(struct db *db, void *context, struct err *err)
{
    struct creation *creation = context;
    const struct train_plan *plan = &creation->plan;
    const struct job_request *request = &creation->request;
    struct job_new job = {
        .model = creation->model.id,
        .root_model = creation->model.root,
        .training_file = request->training_file,
        .validation_file = request->validation_file,
        .test_file = request->test_file,
        .suffix = request->suffix,
        .seed = plan->params.seed,
        .metadata_json = request->metadata_json,
        .request = creation->body,
        .request_length = creation->length,
        .parameters_json = job_params_print(&plan->params, creation->arena),
        .task = task_name(plan->task),
        .labels = (const char *const *)plan->labels.names,
        .label_count = plan->labels.count,
        .priority = request->priority,
        .total_steps = (int64_t)plan->total_steps,
        .epoch_rows = (int64_t)train_plan_epoch_rows(plan),
        .estimated_memory_bytes = (int64_t)creation->memory.peak,
        .estimated_disk_bytes = creation->disk_bytes,
    };
    struct event_new created = {.kind = EVENT_CREATED, .message = describe_plan(creation)};
    struct event_new chosen = {.kind = EVENT_CHOICES, .message = describe_choices(creation)};
    struct job_row row;
    if (creation->model.base != NULL &&
        base_models_find(creation->service->bases, creation->model.id) == NULL)
        return err_set(err, ERR_NOT_FOUND, "no base model '%s'", creation->model.id);
    if (jobs_insert(db, &job, &created, creation->id, err) != 0)
        return err->code;
    if (jobs_get(db, creation->id, creation->arena, &row, err) != 0)
        return err->code;
    if (events_append(db, row.seq, &chosen, err) != 0)
        return err->code;
    return append_cautions(db, creation, row.seq, err);
}

/* Insert; a file or model that went away since it was looked up is told as if it had never been. */
static int
insert_job(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    size_t before = faults->count;
    if (db_write(creation->db, insert, creation, &err) == 0)
        return 0;
    if (err.code == ERR_NOT_FOUND)
        resolve_names(creation, faults);
    return faults->count > before ? -1 : fault_add_err(faults, &err);
}

static int
create(struct creation *creation, struct job_info *out, struct fault_list *faults)
{
    struct job_row row;
    if (service_check_disk(creation->service, faults) != 0 || check_queue(creation, faults) != 0 ||
        prepare(creation, faults) != 0)
        return -1;
    int code = insert_job(creation, faults);
    train_plan_fini(&creation->plan);
    if (code != 0)
        return -1;
    scheduler_wake(creation->service->scheduler);
    log_info("create job=%s model=%s training_file=%s", creation->id, creation->model.id,
             creation->request.training_file);
    if (service_read_job(creation->service, creation->db, creation->id, creation->arena, &row,
                         faults) != 0)
        return -1;
    service_job_info(&row, creation->arena, out);
    return 0;
}

/* Parse the body and take a connection. */
static int
begin(struct creation *creation, struct fault_list *faults)
{
    if (job_params_parse(creation->body, creation->length, JOB_PARAMS_API, creation->arena,
                         &creation->request, faults) != 0)
        return -1;
    creation->db = service_acquire(creation->service, faults);
    return creation->db != NULL ? 0 : -1;
}

int
service_job_create(struct service *service, const char *body, size_t length, struct arena *arena,
                   struct job_info *out, struct fault_list *faults)
{
    struct creation creation = {
        .service = service,
        .arena = arena,
        .body = body,
        .length = length,
    };
    if (begin(&creation, faults) != 0)
        return -1;
    int code = create(&creation, out, faults);
    service_release(service, creation.db);
    return code;
}

/* ---- telling only ---------------------------------------------------------------------------- */

enum { OTHER_WARNINGS = 8, WARNINGS_MAX = CAUTIONS_MAX + OTHER_WARNINGS };

static void
warn(struct job_estimate *out, const char *code, const char *message)
{
    if (out->warning_count < WARNINGS_MAX)
        out->warnings[out->warning_count++] = (struct estimate_warning){code, message};
}

/* What a user would want to know before the job waits or learns in vain. */
static void
add_warnings(struct creation *creation, struct job_estimate *out)
{
    const struct train_plan *plan = &creation->plan;
    const struct claim_load nothing = {0};
    const struct claim_candidate candidate = candidate_of(creation);
    struct budget_look look = {&creation->service->budget, creation->room};
    struct claim_wait wait = {0};
    struct queue_row queue;
    struct err ignored;
    if (plan->load.random_weights)
        warn(out, "random_weights",
             "The model has no weights file: it starts from random numbers and learns far less "
             "from few rows than a pretrained one.");
    else if (plan->load.missing_pooler)
        warn(out, "random_pooler", "The model has no pooler: that layer starts at random.");
    if (plan->validation_rows == 0 && !(plan->params.validation_split > 0)) /* else a caution */
        warn(out, "no_validation",
             "No rows are held out: nothing will tell how well the model does on new texts.");
    for (size_t i = 0; i < creation->cautions.count; i++)
        warn(out, creation->cautions.items[i].code, creation->cautions.items[i].message);
    if (budget_judge(&look, &nothing, &candidate, creation->arena, &wait) != CLAIM_TAKE)
        warn(out, wait.reason, wait.message);
    if (queue_get(creation->db, &queue, &ignored) == 0 && queue.paused_at > 0)
        warn(out, "queue_paused",
             "The queue is paused: the job would wait until POST /v1/queue/resume.");
}

static int
tell(struct creation *creation, struct job_estimate *out, struct fault_list *faults)
{
    struct err err;
    struct effort effort;
    const struct train_plan *plan = &creation->plan;
    if (effort_estimate(plan, creation->model.folder, &effort, &err) != 0)
        return fault_add_err(faults, &err);
    double rate = gemm_engine_rate(creation->service->options.engine);
    *out = (struct job_estimate){
        .parameters_json = job_params_print(&plan->params, creation->arena),
        .task = task_name(plan->task),
        .labels = (const char *const *)plan->labels.names,
        .label_count = plan->labels.count,
        .rows = (int64_t)plan->training_rows,
        .validation_rows = (int64_t)plan->validation_rows,
        .test_rows = (int64_t)plan->test_rows,
        .epoch_rows = (int64_t)train_plan_epoch_rows(plan),
        .tokens = effort.tokens,
        .total_steps = (int64_t)plan->total_steps,
        .seconds = effort_seconds(&effort, rate, threads_of(creation)),
        .peak_memory_bytes = (int64_t)creation->memory.peak,
        .disk_bytes = creation->disk_bytes,
        .warnings = arena_array(creation->arena, WARNINGS_MAX, sizeof *out->warnings),
    };
    add_warnings(creation, out);
    return 0;
}

int
service_job_estimate(struct service *service, const char *body, size_t length, struct arena *arena,
                     struct job_estimate *out, struct fault_list *faults)
{
    struct creation creation = {
        .service = service,
        .arena = arena,
        .body = body,
        .length = length,
    };
    if (begin(&creation, faults) != 0)
        return -1;
    int code = prepare(&creation, faults);
    if (code == 0) {
        code = tell(&creation, out, faults);
        train_plan_fini(&creation.plan);
    }
    service_release(service, creation.db);
    return code;
}
