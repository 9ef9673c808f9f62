/*
 * Files: uploads on their way in, and the stored ones.
 *
 * An upload lives in tmp/ until it is whole. Then the bytes are checked as a data set, moved to
 * files/ and only then named by a row; deleting goes the other way round.
 */
#include <stdlib.h>
#include <unistd.h>

#include "core/base/fileio.h"
#include "daemon/file_intake.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/service_upload_body.h"
#include "daemon/store/files.h"

struct upload {
    struct service *service;
    struct arena *arena;
    const char *path;
    int fd;
    int64_t bytes;
    int64_t expires_after; /* seconds; 0: never */
};

int
service_upload_begin(struct service *service, struct upload **out, struct fault_list *faults)
{
    struct err err;
    *out = NULL;
    if (service_check_disk(service, faults) != 0)
        return -1;
    struct upload *upload = mem_small(sizeof *upload);
    *upload = (struct upload){.service = service, .arena = arena_new(), .fd = -1};
    if (data_dir_tmp_create(service->store.dir, upload->arena, &upload->path, &upload->fd, &err) !=
        0) {
        upload->path = NULL;
        service_upload_abort(upload);
        return fault_add_err(faults, &err);
    }
    *out = upload;
    return 0;
}

int
service_upload_write(struct upload *upload, const void *bytes, size_t length,
                     struct fault_list *faults)
{
    struct err err;
    int64_t limit = upload->service->max_file_bytes;
    if (upload->bytes > limit || length > (uint64_t)(limit - upload->bytes))
        return fault_add(faults, FAULT_BODY_TOO_LARGE, "file",
                         "The file is larger than the %lld bytes that this daemon takes. Split it, "
                         "or have the operator raise max_file_bytes.",
                         (long long)limit);
    if (fileio_put(upload->fd, bytes, length, &err) != 0)
        return fault_add_err(faults, &err);
    upload->bytes += (int64_t)length;
    return 0;
}

const char *
service_upload_path(const struct upload *upload)
{
    return upload->path;
}

int64_t
service_upload_bytes(const struct upload *upload)
{
    return upload->bytes;
}

void
service_upload_abort(struct upload *upload)
{
    struct err ignored;
    if (upload == NULL)
        return;
    if (upload->fd >= 0)
        close(upload->fd);
    if (upload->path != NULL)
        data_dir_remove_tmp(upload->service->store.dir, upload->path, &ignored); /* else swept */
    arena_free(upload->arena);
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
    struct err err;
    struct file_intake intake = {
        .store = &upload->service->store,
        .path = upload->path,
        .bytes = upload->bytes,
        .filename = filename,
        .purpose = purpose,
        .expires_after = upload->expires_after,
    };
    size_t before = faults->count;
    file_intake_check_words(filename, purpose, faults);
    file_intake_check_expiry(upload->expires_after, faults);
    if (upload->bytes == 0)
        fault_add(faults, FAULT_INVALID_PARAMETER, "file",
                  "The file is empty. Upload a data set: JSON Lines, or CSV or TSV with a header.");
    if (faults->count == before && file_intake_store(&intake, arena, out, &err) != 0)
        fault_add_err(faults, &err);
    service_upload_abort(upload);
    return faults->count == before ? 0 : -1;
}

/* Nobody shall see a file whose time is over; a failure to remove it is no reason to fail. */
void
service_expire(struct service *service, struct db *db)
{
    struct err err;
    if (sweep_expired(service->store.dir, db, &err) != 0)
        log_warn("sweep error=\"%s\"", err.message);
}

int
service_files_list(struct service *service, const struct page *page, const char *purpose,
                   struct arena *arena, struct file_list *out, struct fault_list *faults)
{
    struct err err;
    struct file_rows rows;
    struct list_query query = service_list_query(page);
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    service_expire(service, db);
    int code = files_page(db, &query, purpose, arena, &rows, &err);
    service_release(service, db);
    if (code != 0)
        return service_fault_page(faults, page, &err);
    *out = (struct file_list){
        .items = arena_array(arena, rows.count, sizeof *out->items),
        .count = rows.count,
        .has_more = rows.has_more,
        .total = rows.total,
    };
    for (size_t i = 0; i < rows.count; i++)
        file_intake_info(&rows.items[i], arena, &out->items[i]);
    return 0;
}

static int
fault_file(struct fault_list *faults, const char *id, const struct err *err)
{
    if (err->code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_FILE_NOT_FOUND, "id",
                         "There is no file '%.100s'. GET /v1/files lists those that there are.",
                         id);
    if (err->code == ERR_CONFLICT)
        return fault_add(faults, FAULT_IN_USE, "id", "Not deleted: %s.", err->message);
    return fault_add_err(faults, err);
}

int
service_file_get(struct service *service, const char *id, struct arena *arena,
                 struct file_info *out, struct fault_list *faults)
{
    struct err err;
    struct file_row row;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    service_expire(service, db);
    int code = files_get(db, id, arena, &row, &err);
    service_release(service, db);
    if (code != 0)
        return fault_file(faults, id, &err);
    file_intake_info(&row, arena, out);
    return 0;
}

int
service_file_open(struct service *service, const char *id, struct arena *arena,
                  struct file_info *out, int *fd, struct fault_list *faults)
{
    struct err err;
    if (service_file_get(service, id, arena, out, faults) != 0)
        return -1;
    if (data_dir_open_file(service->store.dir, out->id, fd, &err) != 0)
        return fault_file(faults, id, &err);
    return 0;
}

int
service_file_delete(struct service *service, const char *id, struct fault_list *faults)
{
    struct err err;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = files_delete(db, id, &err);
    service_release(service, db);
    if (code != 0)
        return fault_file(faults, id, &err);
    if (data_dir_remove_file(service->store.dir, id, &err) != 0) /* swept at the next start */
        log_warn("remove file=%s error=\"%s\"", id, err.message);
    return 0;
}
