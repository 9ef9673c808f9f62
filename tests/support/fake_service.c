/* A service without a daemon, its life and its knobs; see fake_service.h. */
#include "tests/support/fake_service_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const fake_labels[FAKE_LABELS] = {"bad", "good", "l\xc3\xa4uft"};
const struct named_value fake_metrics[FAKE_METRICS] = {
    {"train_loss", 0.25}, {"train_accuracy", 0.9}, {"valid_loss", 0.5}, {"valid_accuracy", 0.85}};

struct service *
fake_service_new(void)
{
    struct service *service = calloc(1, sizeof *service);
    struct buf bytes = {0};
    pthread_mutex_init(&service->mutex, NULL);
    pthread_cond_init(&service->changed, NULL);
    service->arena = arena_new();
    service->ready = true;
    strcpy(service->event_message, "Something happened.");
    buf_append_string(&bytes, "{\"text\":\"one\",\"label\":\"good\"}\n");
    fake_store_file(service, "file-one", "train \"1\".jsonl", "fine-tune", &bytes);
    buf_append_string(&bytes, "broken\n");
    fake_store_file(service, "file-bad", "b\xff.jsonl", "fine-tune", &bytes);
    service->files[1].info.status = FILE_ERROR;
    service->files[1].info.status_details = "Line 1 is not JSON.";
    fake_store_jobs(service);
    return service;
}

void
fake_service_free(struct service *service)
{
    for (size_t i = 0; i < service->file_count; i++)
        buf_fini(&service->files[i].bytes);
    for (size_t i = 0; i < service->upload_count; i++)
        for (size_t k = 0; k < service->uploads[i].part_count; k++)
            buf_fini(&service->uploads[i].parts[k]);
    pthread_cond_destroy(&service->changed);
    pthread_mutex_destroy(&service->mutex);
    arena_free(service->arena);
    free(service);
}

/* ---- what tests ask for ---------------------------------------------------------------------- */

void
fake_service_fail_next(struct service *service, enum fault_code code, const char *param,
                       size_t line)
{
    pthread_mutex_lock(&service->mutex);
    service->fail = true;
    service->fault = (struct fault){.code = code, .param = param, .line = line};
    pthread_mutex_unlock(&service->mutex);
}

void
fake_service_set_ready(struct service *service, bool ready)
{
    pthread_mutex_lock(&service->mutex);
    service->ready = ready;
    pthread_mutex_unlock(&service->mutex);
}

static void
set_gate(struct service *service, bool closed)
{
    pthread_mutex_lock(&service->mutex);
    service->gate_closed = closed;
    pthread_cond_broadcast(&service->changed);
    pthread_mutex_unlock(&service->mutex);
}

void
fake_service_close_gate(struct service *service)
{
    set_gate(service, true);
}

void
fake_service_open_gate(struct service *service)
{
    set_gate(service, false);
}

void
fake_service_wait_at_gate(struct service *service, size_t count)
{
    pthread_mutex_lock(&service->mutex);
    while (service->at_gate < count)
        pthread_cond_wait(&service->changed, &service->mutex);
    pthread_mutex_unlock(&service->mutex);
}

size_t
fake_service_uploads_begun(struct service *service)
{
    pthread_mutex_lock(&service->mutex);
    size_t begun = service->uploads_begun;
    pthread_mutex_unlock(&service->mutex);
    return begun;
}

void
fake_service_wait_no_uploads(struct service *service)
{
    pthread_mutex_lock(&service->mutex);
    while (service->uploads_open > 0)
        pthread_cond_wait(&service->changed, &service->mutex);
    pthread_mutex_unlock(&service->mutex);
}

const char *
fake_service_last_upload(struct service *service, size_t *length)
{
    pthread_mutex_lock(&service->mutex);
    const struct buf *bytes = &service->files[service->file_count - 1].bytes;
    *length = bytes->length;
    pthread_mutex_unlock(&service->mutex);
    return buf_string(bytes);
}

int
fake_enter(struct service *service, struct fault_list *faults)
{
    pthread_mutex_lock(&service->mutex);
    if (!service->fail)
        return 0;
    service->fail = false;
    const struct fault wanted = service->fault;
    fault_add(faults, wanted.code, wanted.param, "This call was made to fail.");
    faults->items[faults->count - 1].line = wanted.line;
    return -1;
}

int
fake_leave(struct service *service, int result)
{
    pthread_mutex_unlock(&service->mutex);
    return result;
}
