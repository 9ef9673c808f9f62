/*
 * Uploads in parts, over the store.
 *
 * Parts are durable once they are answered for, or gone with the upload. Completing copies them end
 * to end into tmp/, judges the result like any file, and then names file and end of the upload in
 * one transaction: of two that complete or cancel at once, one is told that it came too late.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <nettle/md5.h>

#include "core/base/fileio.h"
#include "daemon/file_intake.h"
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/service_upload_body.h"
#include "daemon/store/uploads.h"

enum { MIME_TYPE_MAX_BYTES = 255, COPY_BYTES = 1 << 20, MD5_HEX_LENGTH = 2 * MD5_DIGEST_SIZE };

_Static_assert((int)UPLOAD_PENDING == (int)UPLOAD_STATE_PENDING &&
                   (int)UPLOAD_COMPLETED == (int)UPLOAD_STATE_COMPLETED &&
                   (int)UPLOAD_CANCELLED == (int)UPLOAD_STATE_CANCELLED &&
                   (int)UPLOAD_EXPIRED == (int)UPLOAD_STATE_EXPIRED,
               "store and service number the states alike");

/* Why an upload that has ended takes nothing more. */
static int
fault_ended(struct fault_list *faults, const char *id, enum upload_state state)
{
    static const char *const reasons[] = {
        [UPLOAD_STATE_PENDING] = "was ended by another request meanwhile",
        [UPLOAD_STATE_COMPLETED] = "is completed: its file is there",
        [UPLOAD_STATE_CANCELLED] = "is cancelled",
        [UPLOAD_STATE_EXPIRED] = "has expired: an upload must be completed within an hour",
    };
    return fault_add(faults, FAULT_CONFLICT, NULL,
                     "Upload '%.64s' %s. POST /v1/uploads begins a new one.", id, reasons[state]);
}

/* Uploads whose time is over end first. */
static int
read_upload(struct service *service, struct db *db, const char *id, struct arena *arena,
            struct upload_row *out, struct fault_list *faults)
{
    struct err err;
    service_expire(service, db);
    int code = uploads_get(db, id, arena, out, &err);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_UPLOAD_NOT_FOUND, "id",
                         "There is no upload '%.64s'. POST /v1/uploads begins one.", id);
    return code == 0 ? 0 : fault_add_err(faults, &err);
}

static int
read_pending(struct service *service, struct db *db, const char *id, struct arena *arena,
             struct upload_row *out, struct fault_list *faults)
{
    if (read_upload(service, db, id, arena, out, faults) != 0)
        return -1;
    return out->state == UPLOAD_STATE_PENDING ? 0 : fault_ended(faults, id, out->state);
}

/* The row changed between a look and a write: say what it is now. */
static int
fault_changed(struct service *service, struct db *db, const char *id, struct arena *arena,
              struct fault_list *faults)
{
    struct upload_row row;
    if (read_upload(service, db, id, arena, &row, faults) != 0)
        return -1;
    return fault_ended(faults, id, row.state);
}

static void
upload_info(const struct upload_row *row, struct upload_info *out)
{
    *out = (struct upload_info){
        .id = row->id,
        .status = (enum upload_status)row->state,
        .bytes = row->bytes,
        .created_at = row->created_at,
        .expires_at = row->expires_at,
        .filename = row->filename,
        .purpose = row->purpose,
    };
}

static int
check_new(const struct service *service, const struct upload_new *upload, struct fault_list *faults)
{
    size_t before = faults->count;
    int64_t limit = service->max_file_bytes;
    file_intake_check_words(upload->filename, upload->purpose, faults);
    file_intake_check_expiry(upload->expires_after, faults);
    if (upload->mime_type != NULL && strlen(upload->mime_type) > MIME_TYPE_MAX_BYTES)
        fault_add(faults, FAULT_INVALID_PARAMETER, "mime_type",
                  "\"mime_type\" is longer than %d bytes.", MIME_TYPE_MAX_BYTES);
    if (upload->bytes < 1)
        fault_add(faults, FAULT_INVALID_PARAMETER, "bytes",
                  "\"bytes\" is %" PRId64 ": give the size of the whole file.", upload->bytes);
    if (upload->bytes > limit)
        fault_add(faults, FAULT_BODY_TOO_LARGE, "bytes",
                  "The file would have %" PRId64 " bytes, and this daemon takes %" PRId64
                  ". Split it, or have the operator raise max_file_bytes.",
                  upload->bytes, limit);
    return faults->count > before ? -1 : 0;
}

int
service_uploads_create(struct service *service, const struct upload_new *upload,
                       struct arena *arena, struct upload_info *out, struct fault_list *faults)
{
    struct err err;
    struct upload_row row = {
        .bytes = upload->bytes,
        .filename = upload->filename,
        .purpose = upload->purpose,
        .expires_after = upload->expires_after,
    };
    if (check_new(service, upload, faults) != 0)
        return -1;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    service_expire(service, db);
    int code = uploads_insert(db, &row, arena, &err);
    service_release(service, db);
    if (code == ERR_CONFLICT)
        return fault_add(faults, FAULT_QUEUE_FULL, NULL,
                         "%d uploads are pending already, which is the limit: complete or cancel "
                         "some of them; each ends by itself after an hour.",
                         UPLOADS_MAX_PENDING);
    if (code != 0)
        return fault_add_err(faults, &err);
    upload_info(&row, out);
    log_info("begin upload=%s bytes=%" PRId64, row.id, row.bytes);
    return 0;
}

static bool
has_ended(struct db *db, const char *id)
{
    struct err ignored;
    struct upload_row row = {0};
    struct arena *arena = arena_new();
    int code = uploads_get(db, id, arena, &row, &ignored);
    arena_free(arena);
    return code == ERR_NOT_FOUND || (code == 0 && row.state != UPLOAD_STATE_PENDING);
}

/* Bytes first, row second; when the row is refused the bytes go again, and of an upload that has
 * ended meanwhile (its folder goes while we use it) all that they have brought back. */
static int
store_part(struct service *service, struct db *db, const char *id, const struct upload *body,
           struct part_row *part, struct err *err)
{
    struct err ignored;
    const struct data_dir *dir = service->store.dir;
    int code = data_dir_store_part(dir, service_upload_path(body), id, part->id, err);
    if (code == 0)
        code = uploads_add_part(db, id, part, err);
    if (code == 0)
        return 0;
    if (has_ended(db, id)) {
        data_dir_remove_upload(dir, id, &ignored); /* else swept, as is the next */
        return ERR_CONFLICT;
    }
    data_dir_remove_part(dir, id, part->id, &ignored);
    return code;
}

static int
add_part(struct service *service, struct db *db, const char *id, const struct upload *body,
         struct part_row *part, struct arena *arena, struct fault_list *faults)
{
    struct err err;
    struct upload_row row;
    if (read_pending(service, db, id, arena, &row, faults) != 0)
        return -1;
    int code = store_part(service, db, row.id, body, part, &err);
    if (code == ERR_CONFLICT)
        return fault_changed(service, db, id, arena, faults);
    if (code == ERR_INVALID)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "data",
                         "The upload does not take this part: %s.", err.message);
    return code == 0 ? 0 : fault_add_err(faults, &err);
}

int
service_uploads_add_part_take(struct service *service, const char *id, struct upload *body,
                              struct arena *arena, struct upload_part_info *out,
                              struct fault_list *faults)
{
    char part_id[IDS_SIZE];
    struct part_row part = {.id = part_id, .bytes = service_upload_bytes(body)};
    int code = -1;
    ids_new(ID_PART, part_id);
    if (part.bytes == 0) {
        fault_add(faults, FAULT_INVALID_PARAMETER, "data", "The part is empty.");
    } else {
        struct db *db = service_acquire(service, faults);
        if (db != NULL) {
            code = add_part(service, db, id, body, &part, arena, faults);
            service_release(service, db);
        }
    }
    service_upload_abort(body);
    if (code != 0)
        return -1;
    *out = (struct upload_part_info){
        .id = arena_copy_string(arena, part_id),
        .upload_id = arena_copy_string(arena, id),
        .created_at = part.created_at,
    };
    return 0;
}

/* ---- completing ----------------------------------------------------------------------------- */

struct joining {
    struct service *service;
    const struct upload_row *row;
    const struct upload_completion *completion;
    struct upload *body; /* receives the bytes */
    struct md5_ctx md5;
    unsigned char *buffer; /* (COPY_BYTES) */
};

static const struct part_row *
find_part(const struct part_rows *parts, const char *id)
{
    for (size_t i = 0; i < parts->count; i++)
        if (strcmp(parts->items[i].id, id) == 0)
            return &parts->items[i];
    return NULL;
}

/* Every part is one of the upload's, named once, and together they have the announced size. */
static int
check_parts(const struct upload_row *row, const struct part_rows *parts,
            const struct upload_completion *completion, struct fault_list *faults)
{
    int64_t bytes = 0;
    if (completion->part_count == 0 || completion->part_count > UPLOADS_MAX_PARTS)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "part_ids",
                         "\"part_ids\" must list from 1 to %d parts, in their order.",
                         UPLOADS_MAX_PARTS);
    for (size_t i = 0; i < completion->part_count; i++) {
        const char *id = completion->part_ids[i];
        const struct part_row *part = find_part(parts, id);
        if (part == NULL)
            return fault_add(faults, FAULT_INVALID_PARAMETER, "part_ids",
                             "\"part_ids\" names '%.64s', which is no part of this upload.", id);
        for (size_t k = 0; k < i; k++)
            if (strcmp(completion->part_ids[k], id) == 0)
                return fault_add(faults, FAULT_INVALID_PARAMETER, "part_ids",
                                 "\"part_ids\" names part '%.64s' twice.", id);
        bytes += part->bytes;
    }
    if (bytes != row->bytes)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "part_ids",
                         "The parts hold %" PRId64 " bytes together, and the upload was announced "
                         "with %" PRId64 ". Send what is missing, or cancel it and begin anew.",
                         bytes, row->bytes);
    return 0;
}

static int
copy_part(struct joining *joining, int fd, struct fault_list *faults)
{
    for (;;) {
        struct err err;
        ssize_t length = read(fd, joining->buffer, COPY_BYTES);
        if (length == 0)
            return 0;
        if (length < 0) {
            err_set_errno(&err, "read a part of upload %s", joining->row->id);
            return fault_add_err(faults, &err);
        }
        md5_update(&joining->md5, (size_t)length, joining->buffer);
        if (service_upload_write(joining->body, joining->buffer, (size_t)length, faults) != 0)
            return -1;
    }
}

static int
copy_parts(struct joining *joining, struct fault_list *faults)
{
    struct err err;
    const struct data_dir *dir = joining->service->store.dir;
    int code = 0;
    for (size_t i = 0; i < joining->completion->part_count && code == 0; i++) {
        struct arena *arena = arena_new();
        const char *path =
            data_dir_part_path(dir, joining->row->id, joining->completion->part_ids[i], arena);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) { /* with its upload, while we copied */
            code = fault_ended(faults, joining->row->id, UPLOAD_STATE_PENDING);
        } else if (fd < 0) {
            err_set_errno(&err, "open %s", path);
            code = fault_add_err(faults, &err);
        } else {
            code = copy_part(joining, fd, faults);
            close(fd);
        }
        arena_free(arena);
    }
    return code;
}

static int
check_md5(struct joining *joining, struct fault_list *faults)
{
    unsigned char digest[MD5_DIGEST_SIZE];
    char hex[MD5_HEX_LENGTH + 1];
    const char *wanted = joining->completion->md5;
    md5_digest(&joining->md5, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (wanted == NULL || strcasecmp(wanted, hex) == 0)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, "md5",
                     "The parts in this order have the MD5 sum %s, not '%.64s': a part is damaged "
                     "or in the wrong place. Nothing was stored; the upload is pending still.",
                     hex, wanted);
}

static int
end_with_file(struct db *db, void *context, const char *file_id, struct err *err)
{
    const struct upload_row *row = context;
    (void)file_id;
    return uploads_end(db, row->id, UPLOAD_STATE_COMPLETED, err);
}

/* The joined bytes are a file like any other; the upload ends with its row. */
static int
store_joined(struct joining *joining, struct arena *arena, struct upload_info *out,
             struct fault_list *faults)
{
    struct err err;
    const struct upload_row *row = joining->row;
    struct file_intake intake = {
        .store = &joining->service->store,
        .path = service_upload_path(joining->body),
        .bytes = row->bytes,
        .filename = row->filename,
        .purpose = row->purpose,
        .expires_after = row->expires_after,
        .also = end_with_file,
        .context = (void *)(uintptr_t)row,
    };
    int code = file_intake_store(&intake, arena, &out->file, &err);
    if (code == ERR_CONFLICT)
        return fault_ended(faults, row->id, UPLOAD_STATE_PENDING);
    return code == 0 ? 0 : fault_add_err(faults, &err);
}

static int
join(struct joining *joining, struct arena *arena, struct upload_info *out,
     struct fault_list *faults)
{
    if (service_upload_begin(joining->service, &joining->body, faults) != 0)
        return -1;
    md5_init(&joining->md5);
    joining->buffer = mem_small(COPY_BYTES);
    int code = copy_parts(joining, faults);
    free(joining->buffer);
    if (code == 0)
        code = check_md5(joining, faults);
    if (code == 0)
        code = store_joined(joining, arena, out, faults);
    service_upload_abort(joining->body);
    return code;
}

static int
find_parts(struct service *service, const char *id, const struct upload_completion *completion,
           struct arena *arena, struct upload_row *row, struct fault_list *faults)
{
    struct err err;
    struct part_rows parts;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = read_pending(service, db, id, arena, row, faults);
    if (code == 0 && uploads_parts(db, row->seq, arena, &parts, &err) != 0)
        code = fault_add_err(faults, &err);
    service_release(service, db);
    return code == 0 ? check_parts(row, &parts, completion, faults) : -1;
}

static void
remove_parts(struct service *service, const char *id)
{
    struct err err;
    if (data_dir_remove_upload(service->store.dir, id, &err) != 0) /* swept at the next start */
        log_warn("remove upload=%s error=\"%s\"", id, err.message);
}

int
service_uploads_complete(struct service *service, const char *id,
                         const struct upload_completion *completion, struct arena *arena,
                         struct upload_info *out, struct fault_list *faults)
{
    struct upload_row row;
    if (find_parts(service, id, completion, arena, &row, faults) != 0)
        return -1;
    struct joining joining = {.service = service, .row = &row, .completion = completion};
    upload_info(&row, out);
    if (join(&joining, arena, out, faults) != 0)
        return -1;
    out->status = UPLOAD_COMPLETED;
    out->has_file = true;
    remove_parts(service, row.id);
    log_info("complete upload=%s file=%s", row.id, out->file.id);
    return 0;
}

int
service_uploads_cancel(struct service *service, const char *id, struct arena *arena,
                       struct upload_info *out, struct fault_list *faults)
{
    struct err err;
    struct upload_row row;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = read_pending(service, db, id, arena, &row, faults);
    if (code == 0 && uploads_end(db, row.id, UPLOAD_STATE_CANCELLED, &err) != 0)
        code = err.code == ERR_CONFLICT ? fault_changed(service, db, id, arena, faults)
                                        : fault_add_err(faults, &err);
    service_release(service, db);
    if (code != 0)
        return -1;
    row.state = UPLOAD_STATE_CANCELLED;
    upload_info(&row, out);
    remove_parts(service, row.id);
    log_info("cancel upload=%s", row.id);
    return 0;
}
