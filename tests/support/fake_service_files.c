/* Files of the fake service; see fake_service.h. */
#include "tests/support/fake_service_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
fake_store_file(struct service *service, const char *id, const char *name, const char *purpose,
                struct buf *bytes_taken)
{
    if (service->file_count == FAKE_MAX_FILES)
        abort();
    struct stored_file *file = &service->files[service->file_count++];
    file->bytes = *bytes_taken;
    *bytes_taken = (struct buf){0};
    file->info = (struct file_info){
        .id = arena_copy_string(service->arena, id),
        .bytes = (int64_t)file->bytes.length,
        .created_at = 1700000000 + (int64_t)service->file_count,
        .filename = arena_copy_string(service->arena, name),
        .purpose = arena_copy_string(service->arena, purpose),
        .status = FILE_PROCESSED,
    };
}

int
fake_open_bytes(const void *bytes, size_t length)
{
    char path[] = "/tmp/fake_service_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    unlink(path);
    return fd;
}

int
service_upload_begin(struct service *service, struct upload **out, struct fault_list *faults)
{
    int result = fake_enter(service, faults);
    *out = NULL;
    if (result == 0) {
        *out = calloc(1, sizeof **out);
        (*out)->service = service;
        service->uploads_begun++;
        service->uploads_open++;
    }
    return fake_leave(service, result);
}

int
service_upload_write(struct upload *upload, const void *bytes, size_t length,
                     struct fault_list *faults)
{
    int result = fake_enter(upload->service, faults);
    if (result == 0)
        buf_append(&upload->bytes, bytes, length);
    return fake_leave(upload->service, result);
}

void
service_upload_abort(struct upload *upload)
{
    if (upload == NULL)
        return;
    pthread_mutex_lock(&upload->service->mutex);
    upload->service->uploads_open--;
    pthread_cond_broadcast(&upload->service->changed);
    pthread_mutex_unlock(&upload->service->mutex);
    buf_fini(&upload->bytes);
    free(upload);
}

void
service_upload_set_expiry(struct upload *upload, int64_t expires_after)
{
    upload->expires_after = expires_after;
}

int
service_upload_finish_take(struct upload *upload, const char *filename, const char *purpose,
                           struct arena *arena, struct file_info *out, struct fault_list *faults)
{
    struct service *service = upload->service;
    int result = fake_enter(service, faults);
    if (result == 0 && upload->bytes.length == 0)
        result = fault_add(faults, FAULT_INVALID_PARAMETER, "file", "The file is empty.");
    if (result == 0) {
        char *id = arena_printf(arena, "file-%zu", service->file_count);
        fake_store_file(service, id, filename, purpose, &upload->bytes);
        struct file_info *info = &service->files[service->file_count - 1].info;
        info->expires_at = upload->expires_after > 0 ? info->created_at + upload->expires_after : 0;
        *out = *info;
    }
    fake_leave(service, 0);
    service_upload_abort(upload);
    return result;
}

int
service_files_list(struct service *service, const struct page *page, const char *purpose,
                   struct arena *arena, struct file_list *out, struct fault_list *faults)
{
    *out = (struct file_list){0};
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    out->items = arena_array(arena, service->file_count, sizeof *out->items);
    bool skipping = page->after != NULL;
    for (size_t i = 0; i < service->file_count; i++) {
        size_t at = page->ascending ? i : service->file_count - 1 - i;
        const struct stored_file *file = &service->files[at];
        if (file->deleted || (purpose != NULL && strcmp(file->info.purpose, purpose) != 0))
            continue;
        out->total++;
        if (skipping)
            skipping = strcmp(file->info.id, page->after) != 0;
        else if (out->count == page->limit)
            out->has_more = true;
        else
            out->items[out->count++] = file->info;
    }
    if (skipping)
        return fake_leave(service, fault_add(faults, FAULT_INVALID_CURSOR, "after",
                                             "'after' names no file of this list."));
    return fake_leave(service, 0);
}

static struct stored_file *
find_file(struct service *service, const char *id, struct fault_list *faults)
{
    for (size_t i = 0; i < service->file_count; i++) {
        if (!service->files[i].deleted && strcmp(service->files[i].info.id, id) == 0)
            return &service->files[i];
    }
    fault_add(faults, FAULT_FILE_NOT_FOUND, NULL, "No such file.");
    return NULL;
}

int
service_file_get(struct service *service, const char *id, struct arena *arena,
                 struct file_info *out, struct fault_list *faults)
{
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    const struct stored_file *file = find_file(service, id, faults);
    if (file != NULL)
        *out = file->info;
    return fake_leave(service, file == NULL ? -1 : 0);
}

int
service_file_open(struct service *service, const char *id, struct arena *arena,
                  struct file_info *out, int *fd, struct fault_list *faults)
{
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    const struct stored_file *file = find_file(service, id, faults);
    if (file == NULL)
        return fake_leave(service, -1);
    *out = file->info;
    *fd = fake_open_bytes(buf_string(&file->bytes), file->bytes.length);
    return fake_leave(service, 0);
}

int
service_file_delete(struct service *service, const char *id, struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct stored_file *file = find_file(service, id, faults);
    if (file != NULL)
        file->deleted = true;
    return fake_leave(service, file == NULL ? -1 : 0);
}
