/* Models of the fake service, and the daemon itself; see fake_service.h. */
#include "tests/support/fake_service_state.h"

#include <string.h>

static const char model_bytes[] = "0123456789";
static const char model_hash[] = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

enum { MODEL_BYTES = sizeof model_bytes - 1 };

static const struct model_info base_model = {
    .id = "tiny",
    .created_at = 1600000000,
    .owned_by = "system",
    .weights = "random",
    .hidden_size = 64,
    .layers = 2,
    .parameters = 100000,
    .max_seq_length = 128,
    .stride = -1,
};

static const struct model_info tuned_model = {
    .id = FAKE_MODEL,
    .created_at = 1700000300,
    .owned_by = "user",
    .fine_tuned = true,
    .weights = "fine-tuned",
    .root = "tiny",
    .job_id = "ftjob-done",
    .task = "classification",
    .hidden_size = 64,
    .layers = 2,
    .parameters = 100000,
    .max_seq_length = 128,
    .stride = 16,
};

int
service_models_list(struct service *service, struct arena *arena, struct model_list *out,
                    struct fault_list *faults)
{
    *out = (struct model_list){0};
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    out->items = arena_array(arena, 2, sizeof *out->items);
    out->items[out->count++] = base_model;
    if (!service->model_deleted)
        out->items[out->count++] = tuned_model;
    return fake_leave(service, 0);
}

int
fake_find_model(struct service *service, const char *id, struct model_info *out,
                struct fault_list *faults)
{
    *out = base_model;
    if (strcmp(id, base_model.id) == 0)
        return 0;
    *out = tuned_model;
    if (strcmp(id, tuned_model.id) == 0 && !service->model_deleted)
        return 0;
    return fault_add(faults, FAULT_MODEL_NOT_FOUND, NULL, "No such model.");
}

int
service_model_get(struct service *service, const char *id, struct arena *arena,
                  struct model_info *out, struct fault_list *faults)
{
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    return fake_leave(service, fake_find_model(service, id, out, faults));
}

int
service_model_delete(struct service *service, const char *id, struct fault_list *faults)
{
    struct model_info model;
    if (fake_enter(service, faults) != 0 || fake_find_model(service, id, &model, faults) != 0)
        return fake_leave(service, -1);
    if (!model.fine_tuned)
        return fake_leave(service, fault_add(faults, FAULT_BASE_MODEL_PROTECTED, NULL,
                                             "Base models are never deleted."));
    service->model_deleted = true;
    return fake_leave(service, 0);
}

int
service_model_files(struct service *service, const char *id, struct arena *arena,
                    struct model_file_list *out, struct fault_list *faults)
{
    struct model_info model;
    *out = (struct model_file_list){0};
    if (fake_enter(service, faults) != 0 || fake_find_model(service, id, &model, faults) != 0)
        return fake_leave(service, -1);
    out->items = arena_array(arena, 1, sizeof *out->items);
    out->items[out->count++] = (struct model_file){
        .name = "model.safetensors", .bytes = MODEL_BYTES, .sha256 = model_hash};
    return fake_leave(service, 0);
}

int
service_model_file_open(struct service *service, const char *id, const char *name,
                        struct arena *arena, struct model_file *out, int *fd,
                        struct fault_list *faults)
{
    struct model_info model;
    (void)arena;
    if (fake_enter(service, faults) != 0 || fake_find_model(service, id, &model, faults) != 0)
        return fake_leave(service, -1);
    if (strcmp(name, "model.safetensors") != 0)
        return fake_leave(service,
                          fault_add(faults, FAULT_NOT_FOUND, NULL, "The model has no such file."));
    *out = (struct model_file){
        .name = "model.safetensors", .bytes = MODEL_BYTES, .sha256 = model_hash};
    *fd = fake_open_bytes(model_bytes, MODEL_BYTES);
    return fake_leave(service, 0);
}

/* ---- the daemon itself ------------------------------------------------------------------------
 */

void
service_health(struct service *service, struct arena *arena, struct health *out)
{
    (void)arena;
    pthread_mutex_lock(&service->mutex);
    *out = (struct health){
        .ready = service->ready,
        .checks = {{"database", "ok"}, {"worker", service->ready ? "ok" : "not running"}},
        .count = 2,
    };
    pthread_mutex_unlock(&service->mutex);
}

void
service_version(struct service *service, struct arena *arena, struct version_info *out)
{
    (void)service;
    (void)arena;
    *out = (struct version_info){
        .version = "0.0.0",
        .commit = "none",
        .schema = 1,
        .format = 1,
        .numerics = 1,
        .engine = "fake",
        .cpu = "fake",
    };
}
