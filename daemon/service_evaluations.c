/*
 * Evaluations: of a job, and those that clients ask for. Rows here, computing in the evaluation
 * thread.
 */
#include <string.h>

#include "core/base/json.h"
#include "daemon/json_append.h"
#include "daemon/log.h"
#include "daemon/service_predict.h"
#include "daemon/service_state.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/files.h"

_Static_assert((int)EVALUATION_QUEUED == (int)EVALUATION_STATE_QUEUED &&
                   (int)EVALUATION_RUNNING == (int)EVALUATION_STATE_RUNNING &&
                   (int)EVALUATION_SUCCEEDED == (int)EVALUATION_STATE_SUCCEEDED &&
                   (int)EVALUATION_FAILED == (int)EVALUATION_STATE_FAILED,
               "store and service number the states alike");

/* ---- documents ------------------------------------------------------------------------------- */

/* A member's text, or NULL. */
static const char *
member_text(const json_t *object, const char *name, struct arena *arena)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value))
        return NULL;
    struct buf text = {0};
    json_append_value(&text, value);
    const char *copy = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

static int64_t
member_count(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static struct evaluation_document
document_of(const char *text, struct arena *arena)
{
    struct err err;
    struct evaluation_document document = {.rows = -1, .error_count = -1};
    json_t *json = text == NULL ? NULL : json_parse(text, strlen(text), true, &err);
    const char *task = json_string_value(json_object_get(json, "task"));
    if (task != NULL)
        document = (struct evaluation_document){
            .task = arena_copy_string(arena, task),
            .rows = member_count(json, "rows"),
            .error_count = member_count(json, "error_count"),
            .measures_json = member_text(json, "measures", arena),
            .measures_at_half_json = member_text(json, "measures_at_half", arena),
            .intervals_json = member_text(json, "intervals", arena),
            .confusion_json = member_text(json, "confusion", arena),
            .calibration_json = member_text(json, "calibration", arena),
            .comparison_json = member_text(json, "comparison", arena),
            .per_class_json = member_text(json, "per_class", arena),
            .errors_json = member_text(json, "errors", arena),
        };
    json_decref(json);
    return document;
}

static struct evaluation_info
info_of(const struct evaluation_row *row, struct arena *arena)
{
    return (struct evaluation_info){
        .id = row->id,
        .status = (enum evaluation_status)row->state,
        .created_at = row->created_at,
        .started_at = row->started_at,
        .finished_at = row->finished_at,
        .model = row->model,
        .file = row->file,
        .compare_to = row->compare_to,
        .error_code = row->error_code,
        .error_message = row->error_message,
        .error_param = row->error_param,
        .document = document_of(row->document_json, arena),
    };
}

/* ---- asking for one -------------------------------------------------------------------------- */

/* The model's own id, whatever alias it was asked by. */
static int
find_model(struct service *service, struct db *db, const char *param, const char **name,
           struct fault_list *faults)
{
    struct err err;
    struct catalog_model model;
    int code = catalog_find(&service->catalog, db, *name, faults->arena, &model, &err);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_MODEL_NOT_FOUND, param, "%s", err.message);
    if (code != 0)
        return fault_add_err(faults, &err);
    if (model.kind == CATALOG_BASE && model.base->summary.config.label_count == 0)
        return service_fault_not_fine_tuned(faults, param, model.id);
    *name = model.id;
    return 0;
}

static int
find_file(struct db *db, const char *id, struct fault_list *faults)
{
    struct err err;
    struct file_row file;
    int code = files_get(db, id, faults->arena, &file, &err);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_FILE_NOT_FOUND, "file",
                         "There is no file '%.100s': upload the labelled rows with POST /v1/files "
                         "first and give the id that it answers.",
                         id);
    return code == 0 ? 0 : fault_add_err(faults, &err);
}

/* All that it needs, by the ids that they are known by. */
static int
find_needs(struct service *service, struct db *db, struct evaluation_row *row,
           struct fault_list *faults)
{
    if (find_model(service, db, "model", &row->model, faults) != 0 ||
        (row->compare_to != NULL &&
         find_model(service, db, "compare_to", &row->compare_to, faults) != 0))
        return -1;
    return find_file(db, row->file, faults);
}

static int
insert(struct service *service, struct db *db, const struct evaluation_order *order,
       struct evaluation_row *row, struct fault_list *faults)
{
    struct err err;
    *row = (struct evaluation_row){
        .model = order->model, .file = order->file, .compare_to = order->compare_to};
    if (find_needs(service, db, row, faults) != 0)
        return -1;
    int code = evaluations_insert(db, row, faults->arena, &err);
    if (code == ERR_CONFLICT)
        return fault_add(faults, FAULT_QUEUE_FULL, NULL,
                         "%s: wait for some of them to end, or delete some.", err.message);
    if (code == ERR_NOT_FOUND && find_needs(service, db, row, faults) != 0)
        return -1; /* deleted in this moment */
    return code == 0 ? 0 : fault_add_err(faults, &err);
}

int
service_evaluation_create(struct service *service, const struct evaluation_order *order,
                          struct arena *arena, struct evaluation_info *out,
                          struct fault_list *faults)
{
    struct evaluation_row row;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = insert(service, db, order, &row, faults);
    service_release(service, db);
    if (code != 0)
        return -1;
    *out = info_of(&row, arena);
    log_info("create evaluation=%s model=%s file=%s", row.id, row.model, row.file);
    if (service->evaluations != NULL)
        evaluation_thread_wake(service->evaluations);
    return 0;
}

/* ---- reading and deleting -------------------------------------------------------------------- */

static int
fault_evaluation(struct fault_list *faults, const char *id, const struct err *err)
{
    if (err->code != ERR_NOT_FOUND)
        return fault_add_err(faults, err);
    return fault_add(faults, FAULT_EVALUATION_NOT_FOUND, "id",
                     "There is no evaluation '%.100s': list them with GET /v1/evaluations.", id);
}

int
service_evaluations_list(struct service *service, const struct page *page, struct arena *arena,
                         struct evaluation_list *out, struct fault_list *faults)
{
    struct err err;
    struct evaluation_row_list rows;
    struct list_query query = service_list_query(page);
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = evaluations_page(db, &query, arena, &rows, &err);
    service_release(service, db);
    if (code != 0)
        return service_fault_page(faults, page, &err);
    *out = (struct evaluation_list){
        .items = arena_array(arena, rows.count, sizeof *out->items),
        .count = rows.count,
        .has_more = rows.has_more,
    };
    for (size_t i = 0; i < rows.count; i++)
        out->items[i] = info_of(&rows.items[i], arena);
    return 0;
}

int
service_evaluation_get(struct service *service, const char *id, struct arena *arena,
                       struct evaluation_info *out, struct fault_list *faults)
{
    struct err err;
    struct evaluation_row row;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = evaluations_get(db, id, arena, &row, &err);
    service_release(service, db);
    if (code != 0)
        return fault_evaluation(faults, id, &err);
    *out = info_of(&row, arena);
    return 0;
}

int
service_evaluation_delete(struct service *service, const char *id, struct fault_list *faults)
{
    struct err err;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = evaluations_delete(db, id, &err);
    service_release(service, db);
    if (code != 0)
        return fault_evaluation(faults, id, &err);
    log_info("delete evaluation=%s", id);
    if (service->evaluations != NULL)
        evaluation_thread_drop(service->evaluations, id);
    return 0;
}

/* ---- of jobs --------------------------------------------------------------------------------- */

/* *has is false when the job measured no such rows. */
static int
read_part(struct db *db, const struct job_row *job, enum job_evaluation_part part,
          struct arena *arena, struct evaluation_info *out, bool *has, struct err *err)
{
    const char *text = NULL;
    if (job_evaluations_get(db, job->seq, part, arena, &text, err) != 0)
        return err->code;
    *has = text != NULL;
    *out = (struct evaluation_info){
        .status = EVALUATION_SUCCEEDED,
        .created_at = job->created_at,
        .started_at = job->started_at,
        .finished_at = job->finished_at,
        .model = job->fine_tuned_model,
        .file = part == JOB_EVALUATION_TEST ? job->test_file : job->validation_file,
        .document = document_of(text, arena),
    };
    return 0;
}

int
service_job_evaluation(struct service *service, const char *id, struct arena *arena,
                       struct job_evaluation *out, struct fault_list *faults)
{
    struct err err = {0};
    struct job_row job;
    *out = (struct job_evaluation){0};
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = service_read_job(service, db, id, arena, &job, faults);
    if (code == 0 &&
        (read_part(db, &job, JOB_EVALUATION_VALIDATION, arena, &out->validation,
                   &out->has_validation, &err) != 0 ||
         read_part(db, &job, JOB_EVALUATION_TEST, arena, &out->test, &out->has_test, &err) != 0))
        code = fault_add_err(faults, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    out->job_id = job.id;
    out->model = job.fine_tuned_model;
    return 0;
}
