/* Uploads in parts, imports, archives and looks into files of the fake service; see fake_service.h.
 */
#include "tests/support/fake_service_state.h"

#include <stdlib.h>
#include <string.h>

/* ---- uploads in parts ----------------------------------------------------------------------- */

int
service_uploads_create(struct service *service, const struct upload_new *upload,
                       struct arena *arena, struct upload_info *out, struct fault_list *faults)
{
    (void)arena;
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    if (service->upload_count == FAKE_MAX_UPLOADS)
        abort();
    struct stored_upload *stored = &service->uploads[service->upload_count];
    stored->info = (struct upload_info){
        .id = arena_printf(service->arena, "upload-%zu", service->upload_count++),
        .bytes = upload->bytes,
        .created_at = 1700000000,
        .expires_at = 1700003600,
        .filename = arena_copy_string(service->arena, upload->filename),
        .purpose = arena_copy_string(service->arena, upload->purpose),
        .file = {.expires_at = upload->expires_after > 0 ? 1700000000 + upload->expires_after : 0},
    };
    *out = stored->info;
    return fake_leave(service, 0);
}

/* A pending upload, or NULL with a fault; called with the lock held. */
static struct stored_upload *
find_upload(struct service *service, const char *id, struct fault_list *faults)
{
    for (size_t i = 0; i < service->upload_count; i++) {
        struct stored_upload *stored = &service->uploads[i];
        if (strcmp(stored->info.id, id) != 0)
            continue;
        if (stored->info.status == UPLOAD_PENDING)
            return stored;
        fault_add(faults, FAULT_CONFLICT, NULL, "The upload has ended.");
        return NULL;
    }
    fault_add(faults, FAULT_UPLOAD_NOT_FOUND, "id", "No such upload.");
    return NULL;
}

int
service_uploads_add_part_take(struct service *service, const char *id, struct upload *body,
                              struct arena *arena, struct upload_part_info *out,
                              struct fault_list *faults)
{
    struct stored_upload *stored = NULL;
    if (fake_enter(service, faults) == 0)
        stored = find_upload(service, id, faults);
    if (stored != NULL && stored->part_count == FAKE_MAX_PARTS)
        abort();
    if (stored != NULL) {
        *out = (struct upload_part_info){
            .id = arena_printf(arena, "part-%zu", stored->part_count),
            .upload_id = arena_copy_string(arena, id),
            .created_at = 1700000001,
        };
        stored->parts[stored->part_count++] = body->bytes;
        body->bytes = (struct buf){0};
    }
    fake_leave(service, 0);
    service_upload_abort(body);
    return stored == NULL ? -1 : 0;
}

/* The bytes of the named parts end to end; -1 when one is not there. */
static int
join_parts(const struct stored_upload *stored, const struct upload_completion *completion,
           struct buf *out, struct fault_list *faults)
{
    for (size_t i = 0; i < completion->part_count; i++) {
        size_t part = strtoul(completion->part_ids[i] + strlen("part-"), NULL, 10);
        if (part >= stored->part_count)
            return fault_add(faults, FAULT_INVALID_PARAMETER, "part_ids", "No such part.");
        buf_append(out, buf_string(&stored->parts[part]), stored->parts[part].length);
    }
    return 0;
}

int
service_uploads_complete(struct service *service, const char *id,
                         const struct upload_completion *completion, struct arena *arena,
                         struct upload_info *out, struct fault_list *faults)
{
    struct buf bytes = {0};
    struct stored_upload *stored = NULL;
    int result = fake_enter(service, faults);
    if (result == 0)
        stored = find_upload(service, id, faults);
    if (stored == NULL || join_parts(stored, completion, &bytes, faults) != 0) {
        buf_fini(&bytes);
        return fake_leave(service, -1);
    }
    const char *file = arena_printf(arena, "file-%zu", service->file_count);
    fake_store_file(service, file, stored->info.filename, stored->info.purpose, &bytes);
    struct file_info *info = &service->files[service->file_count - 1].info;
    info->expires_at = stored->info.file.expires_at;
    stored->info.status = UPLOAD_COMPLETED;
    stored->info.has_file = true;
    stored->info.file = *info;
    *out = stored->info;
    return fake_leave(service, 0);
}

int
service_uploads_cancel(struct service *service, const char *id, struct arena *arena,
                       struct upload_info *out, struct fault_list *faults)
{
    struct stored_upload *stored = NULL;
    (void)arena;
    if (fake_enter(service, faults) == 0)
        stored = find_upload(service, id, faults);
    if (stored != NULL) {
        stored->info.status = UPLOAD_CANCELLED;
        *out = stored->info;
    }
    return fake_leave(service, stored == NULL ? -1 : 0);
}

/* ---- models in and out ---------------------------------------------------------------------- */

static const char *const left_out[] = {"README.md"};

/* Whatever comes is the model "tiny" under another name; the folder "bad" is none. */
static int
import_tiny(struct service *service, const char *id, struct arena *arena, struct model_info *out,
            struct fault_list *faults)
{
    if (service_model_get(service, "tiny", arena, out, faults) != 0)
        return -1;
    out->id = arena_copy_string(arena, id == NULL ? "imported" : id);
    out->owned_by = "user";
    out->left_out = left_out;
    out->left_out_count = 1;
    return 0;
}

int
service_model_import_folder(struct service *service, const char *path, const char *id,
                            struct arena *arena, struct model_info *out, struct fault_list *faults)
{
    if (strcmp(path, "bad") == 0)
        return fault_add(faults, FAULT_INVALID_MODEL, NULL, "It is no model's folder.");
    return import_tiny(service, id, arena, out, faults);
}

int
service_model_import_archive_take(struct service *service, struct upload *archive, const char *id,
                                  struct arena *arena, struct model_info *out,
                                  struct fault_list *faults)
{
    bool empty = archive->bytes.length == 0;
    service_upload_abort(archive);
    if (empty)
        return fault_add(faults, FAULT_INVALID_MODEL, NULL, "The archive is empty.");
    return import_tiny(service, id, arena, out, faults);
}

struct model_archive {
    struct service *service;
};

enum { FAKE_ARCHIVE_PERIOD = 26 };

int
service_model_archive_open(struct service *service, const char *id, struct arena *arena,
                           struct model_archive_info *out, struct model_archive **archive,
                           struct fault_list *faults)
{
    struct model_info model;
    if (service_model_get(service, id, arena, &model, faults) != 0)
        return -1;
    *archive = calloc(1, sizeof **archive);
    (*archive)->service = service;
    pthread_mutex_lock(&service->mutex);
    service->archives_open++;
    pthread_mutex_unlock(&service->mutex);
    *out = (struct model_archive_info){
        .name = "tiny.tar", .bytes = FAKE_ARCHIVE_BYTES, .sha256 = "0123abcd"};
    return 0;
}

/* The alphabet over and over, never more than a thousand bytes at once. */
int64_t
service_model_archive_read(struct model_archive *archive, int64_t offset, void *bytes,
                           size_t length)
{
    (void)archive;
    size_t count = length < 1000 ? length : 1000;
    for (size_t i = 0; i < count; i++)
        ((char *)bytes)[i] = (char)('a' + (offset + (int64_t)i) % FAKE_ARCHIVE_PERIOD);
    return (int64_t)count;
}

void
service_model_archive_close(struct model_archive *archive)
{
    if (archive == NULL)
        return;
    pthread_mutex_lock(&archive->service->mutex);
    archive->service->archives_open--;
    pthread_cond_broadcast(&archive->service->changed);
    pthread_mutex_unlock(&archive->service->mutex);
    free(archive);
}

void
fake_service_wait_no_archives(struct service *service)
{
    pthread_mutex_lock(&service->mutex);
    while (service->archives_open > 0)
        pthread_cond_wait(&service->changed, &service->mutex);
    pthread_mutex_unlock(&service->mutex);
}

/* ---- looks into files ----------------------------------------------------------------------- */

static const struct data_fault_info faults_found[] = {{"missing_label", 3, "there is no label"}};
static const struct data_label_info labels_found[] = {{"no", 4}, {"yes", 6}};
static const struct data_numbers_info numbers_found[] = {{-1, 2, 0.5, 1.5}};
static const struct data_entities_info entities_found[] = {{"PER", 3}};
static const struct data_warning_info warnings_found[] = {
    {"duplicates", "2 rows are there twice: remove them."}};

int
service_file_report(struct service *service, const char *id, const struct report_query *query,
                    struct arena *arena, struct file_report *out, struct fault_list *faults)
{
    struct file_info file;
    struct model_info model = {0};
    if (service_file_get(service, id, arena, &file, faults) != 0)
        return -1;
    if (query->model != NULL &&
        service_model_get(service, query->model, arena, &model, faults) != 0)
        return -1;
    *out = (struct file_report){
        .file = file.id,
        .format = "jsonl",
        .form = "plain",
        .text = "text",
        .label = "label",
        .task = "classification",
        .rows = 10,
        .fault_count = 1,
        .faults = faults_found,
        .faults_listed = 1,
        .label_count = 2,
        .labels = labels_found,
        .labels_listed = 2,
        .numbers = numbers_found,
        .number_count = 1,
        .has_tags = query->model != NULL,
        .tags = {.scheme = "BIO", .words = 7, .types = entities_found, .type_count = 1},
        .text_length = {1, 2, 3, 4},
        .duplicates = 2,
        .warnings = warnings_found,
        .warning_count = 1,
        .has_tokens = query->model != NULL,
        .tokens = {.model = model.id, .max_seq_length = query->max_seq_length, .tokens = 50},
    };
    return 0;
}

int
service_file_rows(struct service *service, const char *id, int64_t offset, int64_t limit,
                  struct arena *arena, struct file_rows_info *out, struct fault_list *faults)
{
    struct file_info file;
    if (service_file_get(service, id, arena, &file, faults) != 0)
        return -1;
    *out = (struct file_rows_info){.file = file.id, .offset = offset, .total = 10};
    out->items = arena_array(arena, (size_t)limit, sizeof *out->items);
    for (; offset + (int64_t)out->count < 10 && (int64_t)out->count < limit; out->count++) {
        int64_t line = offset + (int64_t)out->count + 1;
        out->items[out->count] = (struct file_row_info){
            .line = line, .row_json = line == 3 ? NULL : "{\"text\":\"a\",\"label\":\"yes\"}"};
        if (line == 3)
            out->items[out->count].fault = faults_found[0];
    }
    out->has_more = offset + (int64_t)out->count < 10;
    return 0;
}
