/* Prepared statements, bound by name and read in order; see query.h. */
#include "daemon/store/query.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

static void
note(struct query *query, int status)
{
    if (query->status == SQLITE_OK)
        query->status = status;
}

struct query
query_begin(struct db *db, enum statement statement)
{
    struct query query = {.db = db, .which = statement, .status = SQLITE_OK};
    if (db->statements[statement] == NULL)
        query.status =
            sqlite3_prepare_v3(db->connection, statement_text(statement), -1,
                               SQLITE_PREPARE_PERSISTENT, &db->statements[statement], NULL);
    query.statement = db->statements[statement];
    return query;
}

/* Names are ours: one that the statement does not have is a bug, found by the first test. */
static int
find_parameter(const struct query *query, const char *name)
{
    int index = sqlite3_bind_parameter_index(query->statement, name);
    assert(index > 0);
    return index;
}

void
query_bind_bytes(struct query *query, const char *name, const char *text, size_t length)
{
    if (query->statement == NULL)
        return;
    note(query, sqlite3_bind_text64(query->statement, find_parameter(query, name), text, length,
                                    SQLITE_STATIC, SQLITE_UTF8));
}

void
query_bind_text(struct query *query, const char *name, const char *text)
{
    query_bind_bytes(query, name, text, text == NULL ? 0 : strlen(text));
}

void
query_bind_integer(struct query *query, const char *name, int64_t value)
{
    if (query->statement == NULL)
        return;
    note(query, sqlite3_bind_int64(query->statement, find_parameter(query, name), value));
}

void
query_bind_real(struct query *query, const char *name, double value)
{
    if (query->statement == NULL)
        return;
    double stored = isfinite(value) ? value : 0;
    note(query, sqlite3_bind_double(query->statement, find_parameter(query, name), stored));
}

int
query_step(struct query *query, struct err *err)
{
    if (query->status != SQLITE_OK)
        return query_fail(query->db->connection, query->status, err);
    query->db->stepping = query->which;
    int status = sqlite3_step(query->statement);
    query->column = 0;
    if (status == SQLITE_ROW)
        return 1;
    if (status == SQLITE_DONE)
        return 0;
    query->status = status;
    return query_fail(query->db->connection, status, err);
}

int64_t
query_take_integer(struct query *query)
{
    return sqlite3_column_int64(query->statement, query->column++);
}

double
query_take_real(struct query *query)
{
    return sqlite3_column_double(query->statement, query->column++);
}

const char *
query_take_bytes(struct query *query, struct arena *arena, size_t *length)
{
    int column = query->column++;
    const char *text = (const char *)sqlite3_column_text(query->statement, column);
    *length = text == NULL ? 0 : (size_t)sqlite3_column_bytes(query->statement, column);
    return text == NULL ? NULL : arena_copy_bytes(arena, text, *length);
}

const char *
query_take_text(struct query *query, struct arena *arena)
{
    size_t length = 0;
    return query_take_bytes(query, arena, &length);
}

void
query_take_row(struct query *query, const struct column *columns, size_t count, struct arena *arena,
               void *row)
{
    for (size_t i = 0; i < count; i++) {
        void *field = (unsigned char *)row + columns[i].offset;
        switch (columns[i].kind) {
        case COLUMN_INTEGER:
            *(int64_t *)field = query_take_integer(query);
            break;
        case COLUMN_REAL:
            *(double *)field = query_take_real(query);
            break;
        case COLUMN_TEXT:
            *(const char **)field = query_take_text(query, arena);
            break;
        }
    }
}

void
query_end(struct query *query)
{
    if (query->statement == NULL)
        return;
    sqlite3_reset(query->statement);
    sqlite3_clear_bindings(query->statement);
}

int
query_run(struct query *query, struct err *err)
{
    int result = query_step(query, err);
    query_end(query);
    return result < 0 ? result : 0;
}

int
query_run_integer(struct query *query, int64_t *value, struct err *err)
{
    int result = query_step(query, err);
    if (result > 0) {
        *value = query_take_integer(query);
        int more =
            query_step(query, err); /* INSERT … RETURNING is done only when it is stepped out */
        result = more < 0 ? more : 1;
    }
    query_end(query);
    return result;
}

int64_t
query_changes(struct db *db)
{
    return sqlite3_changes64(db->connection);
}

struct meaning {
    int status;
    enum err_code code;
    const char *sentence;
};

/* What the library's primary result codes mean to a person. */
static const struct meaning meanings[] = {
    {SQLITE_FULL, ERR_FULL, "the database cannot grow: no space is left on its disk"},
    {SQLITE_IOERR, ERR_IO, "the system failed to read or write the database"},
    {SQLITE_BUSY, ERR_IO, "another program has locked the database: stop it and try again"},
    {SQLITE_LOCKED, ERR_IO, "the database is locked: try again"},
    {SQLITE_READONLY, ERR_IO, "the database cannot be written: check its owner and permissions"},
    {SQLITE_PERM, ERR_IO, "the database may not be used: check its owner and permissions"},
    {SQLITE_CANTOPEN, ERR_IO, "the database cannot be opened: check its folder and permissions"},
    {SQLITE_PROTOCOL, ERR_IO, "the database's lock files cannot be used on this file system"},
    {SQLITE_CORRUPT, ERR_INVALID, "the database is damaged: restore a backup"},
    {SQLITE_NOTADB, ERR_INVALID, "the file is not a database: restore a backup"},
    {SQLITE_FORMAT, ERR_INVALID, "the file is not a database: restore a backup"},
    {SQLITE_TOOBIG, ERR_INVALID, "a value is too long for the database"},
    {SQLITE_NOMEM, ERR_MEMORY, "the database ran out of memory"},
};

int
query_fail(sqlite3 *connection, int status, struct err *err)
{
    int primary = status & 0xff;
    int system = connection == NULL ? 0 : sqlite3_system_errno(connection);
    if (primary == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EROFS))
        primary = SQLITE_FULL;
    if (primary == SQLITE_CANTOPEN && (system == ENOSPC || system == EDQUOT))
        primary = SQLITE_FULL; /* no room for the log's files */
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].status == primary)
            return err_set(err, meanings[i].code, "%s", meanings[i].sentence);
    return err_set(err, ERR_INTERNAL, "the database refused a change (code %d)", status);
}

int64_t
query_now(void)
{
    return (int64_t)time(NULL);
}
