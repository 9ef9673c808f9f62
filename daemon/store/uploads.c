/* Rows of uploads in parts; see uploads.h. */
#include "daemon/store/uploads.h"

#include "daemon/store/columns.h"
#include "daemon/store/list.h"
#include "daemon/store/query.h"

#include <string.h>

static const char *const state_names[] = {
    [UPLOAD_STATE_PENDING] = "pending",
    [UPLOAD_STATE_COMPLETED] = "completed",
    [UPLOAD_STATE_CANCELLED] = "cancelled",
    [UPLOAD_STATE_EXPIRED] = "expired",
};

_Static_assert(sizeof state_names / sizeof state_names[0] == UPLOAD_STATE_COUNT,
               "every state has a name");

static const struct column columns[] = {
    UPLOAD_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct upload_raw, row.seq)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct upload_raw)};

static const struct column part_columns[] = {
    PART_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct part_row, seq)}};
static const struct row_shape part_shape = {
    part_columns, sizeof part_columns / sizeof part_columns[0], sizeof(struct part_row)};

static int
check_pending(struct db *db, struct err *err)
{
    int64_t pending = 0;
    struct query query = query_begin(db, STATEMENT_UPLOADS_COUNT);
    int found = query_run_integer(&query, &pending, err);
    if (found < 0)
        return found;
    if (pending >= UPLOADS_MAX_PENDING)
        return err_set(err, ERR_CONFLICT, "%d uploads are pending already", UPLOADS_MAX_PENDING);
    return 0;
}

static int
insert(struct db *db, void *context, struct err *err)
{
    struct upload_row *row = context;
    if (check_pending(db, err) != 0)
        return err->code;
    row->state = UPLOAD_STATE_PENDING;
    row->created_at = query_now();
    row->expires_at = row->created_at + UPLOADS_LIFE_SECONDS;
    struct query query = query_begin(db, STATEMENT_UPLOAD_INSERT);
    query_bind_text(&query, ":id", row->id);
    query_bind_integer(&query, ":created_at", row->created_at);
    query_bind_integer(&query, ":expires_at", row->expires_at);
    query_bind_integer(&query, ":bytes", row->bytes);
    query_bind_text(&query, ":filename", row->filename);
    query_bind_text(&query, ":purpose", row->purpose);
    query_bind_integer(&query, ":expires_after", row->expires_after);
    int result = query_run_integer(&query, &row->seq, err);
    return result < 0 ? result : 0;
}

int
uploads_insert(struct db *db, struct upload_row *row, struct arena *arena, struct err *err)
{
    char id[IDS_SIZE];
    ids_new(ID_UPLOAD, id);
    row->id = arena_copy_string(arena, id);
    return db_write(db, insert, row, err);
}

int
uploads_get(struct db *db, const char *id, struct arena *arena, struct upload_row *out,
            struct err *err)
{
    struct upload_raw raw = {0};
    struct query query = query_begin(db, STATEMENT_UPLOAD_GET);
    query_bind_text(&query, ":id", id);
    if (list_read_one(&query, &shape, "upload", id, arena, &raw, err) != 0)
        return err->code;
    *out = raw.row;
    for (int i = 0; i < UPLOAD_STATE_COUNT; i++)
        if (strcmp(state_names[i], raw.status) == 0)
            out->state = (enum upload_state)i;
    return 0;
}

struct addition {
    const char *upload_id;
    struct part_row *part;
    struct arena *arena;
};

/* How many parts an upload has and what they add up to. */
static int
measure_parts(struct db *db, int64_t upload_seq, int64_t *count, int64_t *bytes, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_UPLOAD_PARTS_SUM);
    query_bind_integer(&query, ":upload", upload_seq);
    int found = query_step(&query, err);
    if (found > 0) {
        *count = query_take_integer(&query);
        *bytes = query_take_integer(&query);
    }
    query_end(&query);
    return found < 0 ? found : 0;
}

static int
check_room(struct db *db, const struct upload_row *upload, int64_t more, struct err *err)
{
    int64_t count = 0;
    int64_t bytes = 0;
    if (measure_parts(db, upload->seq, &count, &bytes, err) != 0)
        return err->code;
    if (count >= UPLOADS_MAX_PARTS)
        return err_set(err, ERR_INVALID, "an upload may have %d parts: send larger ones",
                       UPLOADS_MAX_PARTS);
    if (more > upload->bytes || bytes > 2 * upload->bytes - more)
        return err_set(err, ERR_INVALID,
                       "its parts would hold %lld bytes, and %lld were announced: cancel it and "
                       "begin an upload of the right size",
                       (long long)(bytes + more), (long long)upload->bytes);
    return 0;
}

static int
add_part(struct db *db, void *context, struct err *err)
{
    const struct addition *addition = context;
    struct part_row *part = addition->part;
    struct upload_row upload = {0};
    if (uploads_get(db, addition->upload_id, addition->arena, &upload, err) != 0)
        return err->code;
    if (upload.state != UPLOAD_STATE_PENDING)
        return err_set(err, ERR_CONFLICT, "the upload is %s", state_names[upload.state]);
    if (check_room(db, &upload, part->bytes, err) != 0)
        return err->code;
    part->created_at = query_now();
    struct query query = query_begin(db, STATEMENT_UPLOAD_PART_INSERT);
    query_bind_integer(&query, ":upload", upload.seq);
    query_bind_text(&query, ":id", part->id);
    query_bind_integer(&query, ":created_at", part->created_at);
    query_bind_integer(&query, ":bytes", part->bytes);
    int result = query_run_integer(&query, &part->seq, err);
    return result < 0 ? result : 0;
}

int
uploads_add_part(struct db *db, const char *upload_id, struct part_row *part, struct err *err)
{
    struct addition addition = {upload_id, part, arena_new()};
    int result = db_write(db, add_part, &addition, err);
    arena_free(addition.arena);
    return result;
}

int
uploads_parts(struct db *db, int64_t upload_seq, struct arena *arena, struct part_rows *out,
              struct err *err)
{
    bool has_more = false;
    struct row_list rows;
    struct query query = query_begin(db, STATEMENT_UPLOAD_PARTS);
    query_bind_integer(&query, ":upload", upload_seq);
    if (list_read(&query, &part_shape, UPLOADS_MAX_PARTS, arena, &rows, &has_more, err) != 0)
        return err->code;
    *out = (struct part_rows){rows.items, rows.count};
    return 0;
}

struct ending {
    const char *id;
    enum upload_state to;
};

static int
end_upload(struct db *db, void *context, struct err *err)
{
    const struct ending *ending = context;
    struct query query = query_begin(db, STATEMENT_UPLOAD_END);
    query_bind_text(&query, ":id", ending->id);
    query_bind_text(&query, ":status", state_names[ending->to]);
    if (query_run(&query, err) != 0)
        return err->code;
    if (query_changes(db) == 0)
        return err_set(err, ERR_CONFLICT, "upload %.64s has ended already", ending->id);
    return 0;
}

int
uploads_end(struct db *db, const char *id, enum upload_state to, struct err *err)
{
    struct ending ending = {id, to};
    return db_write(db, end_upload, &ending, err);
}

/* A pending upload whose time is over: 1 and its id, 0 when there is none. */
static int
find_expired(struct db *db, int64_t now, struct arena *arena, const char **id, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_UPLOAD_EXPIRED);
    query_bind_integer(&query, ":now", now);
    int found = query_step(&query, err);
    if (found > 0)
        *id = query_take_text(&query, arena);
    query_end(&query);
    return found;
}

static int
forget(struct db *db, void *context, struct err *err)
{
    const int64_t *before = context;
    struct query query = query_begin(db, STATEMENT_UPLOADS_FORGET);
    query_bind_integer(&query, ":before", *before);
    return query_run(&query, err);
}

/* Is there anything to forget? Asked first, since a sweep comes with every request. */
static int
forget_old(struct db *db, int64_t before, struct err *err)
{
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_UPLOAD_OLD);
    query_bind_integer(&query, ":before", before);
    int found = query_run_integer(&query, &seq, err);
    return found > 0 ? db_write(db, forget, &before, err) : found;
}

int
uploads_sweep(struct db *db, const struct data_dir *dir, struct err *err)
{
    struct arena *arena = arena_new();
    const char *id = NULL;
    int64_t now = query_now();
    int result = 0;
    while ((result = find_expired(db, now, arena, &id, err)) > 0) {
        result = uploads_end(db, id, UPLOAD_STATE_EXPIRED, err);
        if (result == ERR_CONFLICT) /* another thread was faster */
            continue;
        if (result != 0 || (result = data_dir_remove_upload(dir, id, err)) != 0)
            break;
    }
    arena_free(arena);
    return result != 0 ? result : forget_old(db, now - UPLOADS_KEPT_SECONDS, err);
}
