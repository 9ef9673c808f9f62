/*
 * Files: uploads on their way in, and the stored ones.
 *
 * An upload lives in tmp/ until it is whole. Then the bytes are checked as a data set, moved to
 * files/ and only then named by a row; deleting goes the other way round.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fileio.h"
#include "core/base/utf8.h"
#include "core/data/dataset.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/files.h"

enum { FILENAME_MAX_BYTES = 255 };

/* What clients of OpenAI's API may say a file is for. Only fine-tune files are read by jobs. */
#define PURPOSE_FINE_TUNE "fine-tune"
static const char *const purposes[] = {PURPOSE_FINE_TUNE, "user_data",  "evals",
                                       "batch",           "assistants", "vision"};

struct upload {
    struct service *service;
    struct arena *arena;
    const char *path;
    int fd;
    int64_t bytes;
};

int
service_upload_begin(struct service *service, struct upload **out, struct fault_list *faults)
{
    struct err err;
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

static int
write_all(int fd, const char *bytes, size_t length, struct err *err)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_set_errno(err, "write an upload");
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

int
service_upload_write(struct upload *upload, const void *bytes, size_t length,
                     struct fault_list *faults)
{
    struct err err;
    int64_t limit = upload->service->options.max_file_bytes;
    if (upload->bytes > limit || length > (uint64_t)(limit - upload->bytes))
        return fault_add(faults, FAULT_BODY_TOO_LARGE, "file",
                         "The file is larger than the %lld bytes that this daemon takes. Split it, "
                         "or have the operator raise max_file_bytes.",
                         (long long)limit);
    if (write_all(upload->fd, bytes, length, &err) != 0)
        return fault_add_err(faults, &err);
    upload->bytes += (int64_t)length;
    return 0;
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

static bool
purpose_is_known(const char *purpose)
{
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++)
        if (strcmp(purposes[i], purpose) == 0)
            return true;
    return false;
}

/* "fine-tune, user_data, …" */
static const char *
purpose_list(struct arena *arena)
{
    const char *list = purposes[0];
    for (size_t i = 1; i < sizeof purposes / sizeof purposes[0]; i++)
        list = arena_printf(arena, "%s, %s", list, purposes[i]);
    return list;
}

/* All that can be wrong with the form around the bytes. */
static int
check_form(const struct upload *upload, const char *filename, const char *purpose,
           struct fault_list *faults)
{
    size_t before = faults->count;
    size_t length = filename != NULL ? strlen(filename) : 0;
    if (purpose == NULL)
        fault_add(faults, FAULT_MISSING_PARAMETER, "purpose",
                  "\"purpose\" is missing: give \"" PURPOSE_FINE_TUNE "\" for a data set.");
    else if (!purpose_is_known(purpose))
        fault_add(faults, FAULT_INVALID_PARAMETER, "purpose",
                  "\"purpose\" is '%.100s', which is none of %s: give \"" PURPOSE_FINE_TUNE
                  "\" for a data set.",
                  purpose, purpose_list(upload->arena));
    if (length == 0 || length > FILENAME_MAX_BYTES || utf8_valid_length(filename, length) != length)
        fault_add(faults, FAULT_INVALID_PARAMETER, "file",
                  "The file needs a name of 1 to %d bytes of UTF-8; its extension says the format.",
                  FILENAME_MAX_BYTES);
    if (upload->bytes == 0)
        fault_add(faults, FAULT_INVALID_PARAMETER, "file",
                  "The file is empty. Upload a data set: JSON Lines, or CSV or TSV with a header.");
    return faults->count > before ? -1 : 0;
}

/* Faults that another choice of columns might cure: judged when a job says which columns it means.
 */
static bool
is_about_columns(const struct data_fault *fault)
{
    static const char *const codes[] = {"missing_text",  "missing_label", "invalid_text",
                                        "invalid_label", "mixed_pairs",   "label_too_long"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(fault->code, codes[i]) == 0)
            return true;
    return false;
}

/*
 * The first fault that counts, or NULL. Where not one row has the usual columns, the file was made
 * with others in mind and says nothing about them yet.
 */
static const struct data_fault *
first_fault(const struct dataset *dataset)
{
    size_t kept = dataset->fault_count < DATA_FAULTS_KEPT ? dataset->fault_count : DATA_FAULTS_KEPT;
    for (size_t i = 0; i < kept; i++)
        if (dataset->count > 0 || !is_about_columns(&dataset->faults[i]))
            return &dataset->faults[i];
    return NULL;
}

/* Read the bytes as a data set; *details receives the first fault, NULL when there is none. */
static int
check_rows(const struct upload *upload, const char *filename, struct arena *arena,
           const char **details, struct err *err)
{
    struct data_columns usual = {0};
    struct dataset *dataset = NULL;
    *details = NULL;
    if (dataset_read(upload->path, filename, &usual, &dataset, err) != 0)
        return err->code;
    const struct data_fault *fault = first_fault(dataset);
    if (fault != NULL && fault->line > 0)
        *details = arena_printf(arena, "line %zu: %s", fault->line, fault->message);
    else if (fault != NULL)
        *details = arena_copy_string(arena, fault->message);
    dataset_free(dataset);
    return 0;
}

/* Hash, move into place, insert the row; the bytes go again when the row is refused. */
static int
store_upload(struct upload *upload, struct file_row *row, struct err *err)
{
    const struct store *store = &upload->service->store;
    char sha256[65];
    char id[IDS_SIZE];
    struct err ignored;
    if (fileio_sha256(upload->path, sha256, err) != 0)
        return err->code;
    ids_new(ID_FILE, id);
    row->id = id;
    row->sha256 = sha256;
    struct db *db = db_pool_acquire(store->pool, err);
    if (db == NULL)
        return err->code;
    int code = data_dir_store_file(store->dir, upload->path, id, err);
    if (code == 0 && (code = files_insert(db, row, err)) != 0)
        data_dir_remove_file(store->dir, id, &ignored); /* else swept */
    db_pool_release(store->pool, db);
    row->id = arena_copy_string(upload->arena, id);
    return code;
}

static void
file_info(const struct file_row *row, struct arena *arena, struct file_info *out)
{
    *out = (struct file_info){
        .id = arena_copy_string(arena, row->id),
        .bytes = row->bytes,
        .created_at = row->created_at,
        .filename = arena_copy_string(arena, row->filename),
        .purpose = arena_copy_string(arena, row->purpose),
        .status = row->status_details == NULL ? FILE_PROCESSED : FILE_ERROR,
        .status_details = arena_copy_string(arena, row->status_details),
    };
}

int
service_upload_finish_take(struct upload *upload, const char *filename, const char *purpose,
                           struct arena *arena, struct file_info *out, struct fault_list *faults)
{
    struct err err;
    struct file_row row = {.bytes = upload->bytes, .filename = filename, .purpose = purpose};
    int code = check_form(upload, filename, purpose, faults);
    if (code != 0)
        goto out;
    if (strcmp(purpose, PURPOSE_FINE_TUNE) == 0)
        code = check_rows(upload, filename, arena, &row.status_details, &err);
    if (code == 0)
        code = store_upload(upload, &row, &err);
    if (code != 0)
        fault_add_err(faults, &err);
    else
        file_info(&row, arena, out);
out:
    service_upload_abort(upload);
    return code == 0 ? 0 : -1;
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
        file_info(&rows.items[i], arena, &out->items[i]);
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
        return fault_add(faults, FAULT_IN_USE, "id",
                         "The file is needed: %s. Cancel that job or wait for its end, then delete "
                         "the file.",
                         err->message);
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
    int code = files_get(db, id, arena, &row, &err);
    service_release(service, db);
    if (code != 0)
        return fault_file(faults, id, &err);
    file_info(&row, arena, out);
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
