/* Rows of uploaded files; see files.h. */
#include "daemon/store/files.h"

#include "daemon/store/columns.h"
#include "daemon/store/list.h"
#include "daemon/store/query.h"
#include "daemon/store/use.h"

static const struct column columns[] = {
    FILE_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct file_row, seq)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct file_row)};

static int
insert(struct db *db, void *context, struct err *err)
{
    struct file_row *row = context;
    row->created_at = query_now();
    row->expires_at = row->expires_after > 0 ? row->created_at + row->expires_after : 0;
    struct query query = query_begin(db, STATEMENT_FILE_INSERT);
    query_bind_text(&query, ":id", row->id);
    query_bind_integer(&query, ":created_at", row->created_at);
    query_bind_integer(&query, ":bytes", row->bytes);
    query_bind_text(&query, ":filename", row->filename);
    query_bind_text(&query, ":purpose", row->purpose);
    query_bind_text(&query, ":sha256", row->sha256);
    query_bind_text(&query, ":status_details", row->status_details);
    if (row->expires_at > 0)
        query_bind_integer(&query, ":expires_at", row->expires_at);
    int result = query_run_integer(&query, &row->seq, err);
    return result < 0 ? result : 0;
}

int
files_insert(struct db *db, struct file_row *row, struct err *err)
{
    if (db_write(db, insert, row, err) != 0)
        return err_prefix(err, "record file %s", row->id);
    return 0;
}

int
files_get(struct db *db, const char *id, struct arena *arena, struct file_row *out, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_FILE_GET);
    query_bind_text(&query, ":id", id);
    return list_read_one(&query, &shape, "file", id, arena, out, err);
}

static int
count_all(struct db *db, const char *purpose, int64_t *total, struct err *err)
{
    struct query query =
        query_begin(db, purpose == NULL ? STATEMENT_FILES_COUNT : STATEMENT_FILES_OF_PURPOSE_COUNT);
    if (purpose != NULL)
        query_bind_text(&query, ":purpose", purpose);
    int result = query_run_integer(&query, total, err);
    return result < 0 ? result : 0;
}

static enum statement
page_statement(bool ascending, bool of_purpose)
{
    if (of_purpose)
        return ascending ? STATEMENT_FILES_OF_PURPOSE_NEWER : STATEMENT_FILES_OF_PURPOSE_OLDER;
    return ascending ? STATEMENT_FILES_NEWER : STATEMENT_FILES_OLDER;
}

int
files_page(struct db *db, const struct list_query *query, const char *purpose, struct arena *arena,
           struct file_rows *out, struct err *err)
{
    *out = (struct file_rows){0};
    int64_t cursor = 0;
    struct query lookup = query_begin(db, STATEMENT_FILE_SEQ);
    query_bind_text(&lookup, ":id", query->after);
    if (list_find_cursor(query, &lookup, "file", &cursor, err) != 0)
        return err->code;
    struct query select = query_begin(db, page_statement(query->ascending, purpose != NULL));
    query_bind_integer(&select, ":cursor", cursor);
    if (purpose != NULL)
        query_bind_text(&select, ":purpose", purpose);
    struct row_list rows;
    if (list_read(&select, &shape, query->limit, arena, &rows, &out->has_more, err) != 0)
        return err->code;
    out->items = rows.items;
    out->count = rows.count;
    return count_all(db, purpose, &out->total, err);
}

static int delete (struct db *db, void *context, struct err *err)
{
    const char *id = context;
    if (use_check(db, STATEMENT_FILE_USER, "file", id, err) != 0)
        return err->code;
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_FILE_DELETE);
    query_bind_text(&query, ":id", id);
    int found = query_run_integer(&query, &seq, err);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no file '%.64s'", id);
    return found < 0 ? found : 0;
}

int
files_delete(struct db *db, const char *id, struct err *err)
{
    return db_write(db, delete, (void *)(uintptr_t)id, err);
}

int
files_find_expired(struct db *db, struct arena *arena, const char **id, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_FILES_EXPIRED);
    query_bind_integer(&query, ":now", query_now());
    int found = query_step(&query, err);
    if (found > 0)
        *id = query_take_text(&query, arena);
    query_end(&query);
    return found;
}
