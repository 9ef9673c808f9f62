/* Evaluations of the fake service: eval-done and eval-failed, and whatever is asked for, which
 * stays queued; see fake_service.h. */
#include "tests/support/fake_service_state.h"

#include <string.h>

static struct evaluation_document
document(void)
{
    return (struct evaluation_document){
        .task = "classification",
        .rows = 4,
        .error_count = 1,
        .measures_json = "{\"accuracy\":0.75,\"roc_auc\":null}",
        .intervals_json = "{\"accuracy\":[0.25,1.0]}",
        .per_class_json = "[{\"label\":\"calm\",\"precision\":1.0,\"recall\":0.5,\"f1\":0.66,"
                          "\"support\":2,\"predicted\":1}]",
        .confusion_json = "{\"labels\":[\"calm\"],\"matrix\":[[1]],\"pairs\":[]}",
        .calibration_json = "{\"ece\":0.1,\"brier\":0.2,\"temperature\":1.5,\"bins\":[],"
                            "\"scaled\":null}",
        .errors_json = "[{\"line\":3,\"text\":\"a\",\"label\":\"calm\",\"predicted\":\"glad\","
                       "\"probability\":0.9}]",
    };
}

static struct evaluation_info
done(void)
{
    return (struct evaluation_info){
        .id = "eval-done",
        .status = EVALUATION_SUCCEEDED,
        .created_at = 1700000000,
        .started_at = 1700000001,
        .finished_at = 1700000002,
        .model = FAKE_MODEL,
        .file = "file-one",
        .document = document(),
    };
}

static struct evaluation_info
failed(void)
{
    return (struct evaluation_info){
        .id = "eval-failed",
        .status = EVALUATION_FAILED,
        .created_at = 1700000000,
        .model = FAKE_MODEL,
        .file = "file-bad",
        .compare_to = "tiny",
        .error_code = "invalid_file",
        .error_message = "file-bad line 3: it is not UTF-8",
        .error_param = "file",
        .document = {.rows = -1, .error_count = -1},
    };
}

int
service_evaluation_create(struct service *service, const struct evaluation_order *order,
                          struct arena *arena, struct evaluation_info *out,
                          struct fault_list *faults)
{
    struct model_info model;
    if (fake_enter(service, faults) != 0 ||
        fake_find_model(service, order->model, &model, faults) != 0)
        return fake_leave(service, -1);
    if (!model.fine_tuned)
        return fake_leave(service, fault_add(faults, FAULT_MODEL_NOT_FINE_TUNED, "model",
                                             "The model has no classifier yet."));
    *out = (struct evaluation_info){
        .id = "eval-new",
        .status = EVALUATION_QUEUED,
        .created_at = 1700000000,
        .model = arena_copy_string(arena, order->model),
        .file = arena_copy_string(arena, order->file),
        .document = {.rows = -1, .error_count = -1},
    };
    if (order->compare_to != NULL)
        out->compare_to = arena_copy_string(arena, order->compare_to);
    return fake_leave(service, 0);
}

int
service_evaluations_list(struct service *service, const struct page *page, struct arena *arena,
                         struct evaluation_list *out, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct evaluation_info *items = arena_array(arena, 2, sizeof *items);
    items[0] = failed();
    items[1] = done();
    if (page->after != NULL && strcmp(page->after, "eval-failed") != 0)
        return fake_leave(
            service, fault_add(faults, FAULT_INVALID_CURSOR, "after", "There is no such thing."));
    bool second = page->after != NULL;
    *out = (struct evaluation_list){.items = items + second,
                                    .count = second || page->limit == 1 ? 1 : 2};
    out->has_more = !second && page->limit == 1;
    return fake_leave(service, 0);
}

int
service_evaluation_get(struct service *service, const char *id, struct arena *arena,
                       struct evaluation_info *out, struct fault_list *faults)
{
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    if (strcmp(id, "eval-done") != 0 && strcmp(id, "eval-failed") != 0)
        return fake_leave(service, fault_add(faults, FAULT_EVALUATION_NOT_FOUND, "id",
                                             "There is no such thing."));
    *out = strcmp(id, "eval-done") == 0 ? done() : failed();
    return fake_leave(service, 0);
}

int
service_evaluation_delete(struct service *service, const char *id, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    if (strcmp(id, "eval-done") != 0)
        return fake_leave(service, fault_add(faults, FAULT_EVALUATION_NOT_FOUND, "id",
                                             "There is no such thing."));
    return fake_leave(service, 0);
}

int
service_job_evaluation(struct service *service, const char *id, struct arena *arena,
                       struct job_evaluation *out, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    *out = (struct job_evaluation){.job_id = arena_copy_string(arena, id)};
    if (strcmp(id, "ftjob-done") == 0) {
        out->model = FAKE_MODEL;
        out->has_validation = true;
        out->validation = done();
        out->validation.id = NULL;
        out->validation.file = NULL;
    } else if (strcmp(id, "ftjob-queued") != 0) {
        return fake_leave(service,
                          fault_add(faults, FAULT_JOB_NOT_FOUND, "id", "There is no such thing."));
    }
    return fake_leave(service, 0);
}
