/* Connections and write transactions; see db.h. */
#include "daemon/store/db.h"

#include "core/base/mem.h"
#include "daemon/store/query.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char settings[] = "PRAGMA trusted_schema = OFF;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA cache_size = -512;"; /* KiB: a dozen may be open */

int
db_create_private(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : err_set_errno(err, "create the database %s", path);
    close(fd);
    return 0;
}

static int
open_connection(const char *path, int flags, const char *pragmas, struct db **out, struct err *err)
{
    struct db *db = mem_small(sizeof *db);
    *db = (struct db){0};
    int status = sqlite3_open_v2(path, &db->connection, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (status == SQLITE_OK) {
        sqlite3_extended_result_codes(db->connection, 1);
        sqlite3_busy_timeout(db->connection, DB_BUSY_TIMEOUT_MS);
        status = sqlite3_exec(db->connection, pragmas, NULL, NULL, NULL);
    }
    if (status != SQLITE_OK) {
        query_fail(db->connection, status, err);
        db_close(db);
        return err_prefix(err, "open the database %s", path);
    }
    *out = db;
    return 0;
}

static int
note_wal(void *context, int count, char **values, char **names)
{
    (void)names;
    *(bool *)context = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
    return 0;
}

/* The library keeps another journal without a word where a file system has no shared memory. */
static int
use_wal(struct db *db, struct err *err)
{
    bool wal = false;
    int status = sqlite3_exec(db->connection, "PRAGMA journal_mode = WAL", note_wal, &wal, NULL);
    if (status != SQLITE_OK)
        return query_fail(db->connection, status, err);
    if (!wal)
        return err_set(err, ERR_IO,
                       "its file system cannot hold a write-ahead log: choose a data directory on "
                       "a local disk");
    return 0;
}

int
db_open(const char *path, struct db **out, struct err *err)
{
    *out = NULL;
    struct db *db = NULL;
    if (db_create_private(path, err) != 0 ||
        open_connection(path, SQLITE_OPEN_READWRITE, settings, &db, err) != 0)
        return err->code;
    if (use_wal(db, err) != 0) {
        db_close(db);
        return err_prefix(err, "open the database %s", path);
    }
    *out = db;
    return 0;
}

int
db_open_read_only(const char *path, struct db **out, struct err *err)
{
    *out = NULL;
    return open_connection(path, SQLITE_OPEN_READONLY, "PRAGMA trusted_schema = OFF", out, err);
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->connection);
    free(db);
}

static void
note(struct db *db, struct change change)
{
    for (size_t i = 0; i < db->noted_count; i++)
        if (db->noted[i].job_seq == change.job_seq) {
            db->noted[i].queue = db->noted[i].queue || change.queue;
            return;
        }
    if (db->noted_count < DB_NOTED_MAX) {
        db->noted[db->noted_count++] = change;
        return;
    }
    db->noted[0] = (struct change){.job_seq = 0, .queue = true};
    db->noted_count = 1;
}

void
db_note_change(struct db *db, int64_t job_seq)
{
    note(db, (struct change){.job_seq = job_seq});
}

/*
 * Whoever writes a row of jobs, by whatever statement, has changed the job. Most may have moved
 * places in the queue; those that a running job does every second have not.
 */
static void
note_row(void *context, int operation, const char *schema, const char *table, sqlite3_int64 row)
{
    struct db *db = context;
    (void)operation;
    (void)schema;
    if (strcmp(table, "jobs") != 0)
        return;
    bool progress = db->stepping == STATEMENT_JOB_FLUSH || db->stepping == STATEMENT_JOB_SET_RUN ||
                    db->stepping == STATEMENT_JOB_REWIND;
    note(db, (struct change){.job_seq = row, .queue = !progress});
}

void
db_tell_changes(struct db *db, struct changes *changes)
{
    db->changes = changes;
    sqlite3_update_hook(db->connection, note_row, db);
}

static int
run(struct db *db, enum statement statement, struct err *err)
{
    struct query query = query_begin(db, statement);
    return query_run(&query, err);
}

/* After some failures (a full disk) the library has rolled back by itself. */
static void
roll_back(struct db *db)
{
    struct err ignored;
    if (!sqlite3_get_autocommit(db->connection))
        run(db, STATEMENT_ROLLBACK, &ignored);
}

static int
write_outermost(struct db *db, db_function *function, void *context, struct err *err)
{
    if (run(db, STATEMENT_BEGIN, err) != 0)
        return err->code;
    db->writing = true;
    db->doomed = false;
    db->noted_count = 0;
    int result = function(db, context, err);
    db->writing = false;
    if (result == 0 && db->doomed)
        result = err_set(err, ERR_INTERNAL, "a part of a transaction failed and was passed over");
    if (result == 0)
        result = run(db, STATEMENT_COMMIT, err);
    if (result != 0)
        roll_back(db);
    else if (db->changes != NULL)
        changes_tell(db->changes, db->noted, db->noted_count);
    return result;
}

int
db_write(struct db *db, db_function *function, void *context, struct err *err)
{
    if (!db->writing)
        return write_outermost(db, function, context, err);
    int result = function(db, context, err);
    if (result != 0)
        db->doomed = true;
    return result;
}

int
db_check_writable(struct db *db, struct err *err)
{
    assert(!db->writing);
    int result = run(db, STATEMENT_BEGIN, err);
    roll_back(db);
    return result;
}
