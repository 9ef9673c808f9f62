/*
 * Creating a job: parse, look up model and files, plan, insert.
 *
 * A job is accepted on the strength of its plan: the files are read and held against each other and
 * the model, every "auto" is resolved, and the resolved numbers are stored with the request. The
 * worker makes the same plan again from them, so new defaults never change an accepted job.
 */
#include <sodium.h>

#include "core/base/buf.h"
#include "core/base/cpu.h"
#include "core/train/memory.h"
#include "core/train/plan.h"
#include "daemon/job_params.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/files.h"

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
    struct train_memory memory;
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
    enum fault_code code = fault->unsupported ? FAULT_NOT_SUPPORTED_YET : codes[fault->part];
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
    train->params = *params;
    train->has_bf16 = gemm_engine_has_bf16(creation->service->options.engine);
    if (train_plan_make(train, creation->arena, &creation->plan, &fault, &err) != 0)
        return fault_plan(&fault, &err, faults);
    return 0;
}

/* What the job will need, as `finetuned run` needs it; the threads are those that it will get. */
static int
estimate_memory(struct creation *creation, struct fault_list *faults)
{
    struct err err;
    const struct service *service = creation->service;
    int64_t asked = creation->plan.params.threads;
    struct train_memory_facts facts = {
        .base_folder = creation->model.folder,
        .threads = asked > 0                      ? (size_t)asked
                   : service->options.threads > 0 ? service->options.threads
                                                  : cpu_count(),
        .process_bytes = service->process_bytes,
        .saves = true,
    };
    if (train_memory_estimate(&creation->plan, &facts, &creation->memory, &err) == 0)
        return 0;
    return fault_add_err(faults, &err);
}

static const char *
describe_plan(const struct creation *creation)
{
    const struct train_plan *plan = &creation->plan;
    struct buf text = {0};
    buf_printf(&text, "Job created: %s on %zu rows of %s with %zu labels, ", creation->model.id,
               plan->training_rows, creation->train.training.name, plan->labels.count);
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

/* One transaction: the row, the event of its creation, the choices. */
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
        .total_steps = (int64_t)plan->total_steps,
        .estimated_memory_bytes = (int64_t)creation->memory.peak,
    };
    struct event_new created = {.message = describe_plan(creation)};
    struct event_new chosen = {.message = describe_choices(creation)};
    struct job_row row;
    if (jobs_insert(db, &job, &created, creation->id, err) != 0)
        return err->code;
    if (jobs_get(db, creation->id, creation->arena, &row, err) != 0)
        return err->code;
    return events_append(db, row.seq, &chosen, err);
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
    if (resolve_names(creation, faults) != 0 || check_queue(creation, faults) != 0 ||
        make_plan(creation, faults) != 0)
        return -1;
    int code = estimate_memory(creation, faults);
    if (code == 0)
        code = insert_job(creation, faults);
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
    if (job_params_parse(body, length, JOB_PARAMS_API, arena, &creation.request, faults) != 0)
        return -1;
    creation.db = service_acquire(service, faults);
    if (creation.db == NULL)
        return -1;
    int code = create(&creation, out, faults);
    service_release(service, creation.db);
    return code;
}
