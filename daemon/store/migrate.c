/*
 * Migrations; see migrate.h.
 *
 * First the database is only looked at (read-only: a refused one stays as it is), then copied, then
 * changed, one transaction a migration.
 */
#include "daemon/store/migrate.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/db_copy.h"
#include "daemon/store/query.h"

#include "migrations.inc"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SHA256_HEX_SIZE = 65 };

static const char audit_table[] = "CREATE TABLE migrations ("
                                  " number INTEGER PRIMARY KEY,"
                                  " name TEXT NOT NULL,"
                                  " sha256 TEXT NOT NULL,"
                                  " applied_at INTEGER NOT NULL) STRICT";

struct migration_list
migrate_embedded(void)
{
    return (struct migration_list){embedded, sizeof embedded / sizeof embedded[0]};
}

static bool
is_empty_file(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || status.st_size == 0;
}

/* Is an open database ours (true), or empty and nobody's (false)? ERR_INVALID for somebody else's.
 */
static int
check_owner(struct db *db, bool *ours, struct err *err)
{
    int64_t application = 0;
    int64_t tables = 0;
    struct query query = query_begin(db, STATEMENT_APPLICATION_ID);
    if (query_run_integer(&query, &application, err) < 0)
        return err->code;
    query = query_begin(db, STATEMENT_TABLES_COUNT);
    if (query_run_integer(&query, &tables, err) < 0)
        return err->code;
    *ours = application == DB_APPLICATION_ID;
    if (!*ours && (application != 0 || tables != 0))
        return err_set(err, ERR_INVALID,
                       "it is no database of finetuned: choose another data "
                       "directory or restore a backup");
    return 0;
}

static int
check_row(struct migration_list list, size_t index, int64_t number, const char *sha256,
          struct err *err)
{
    if (number != (int64_t)index + 1)
        return err_set(err, ERR_INVALID,
                       "migration %zu is missing from its history: restore a "
                       "backup",
                       index + 1);
    if (index >= list.count)
        return err_set(err, ERR_UNSUPPORTED,
                       "it was written by a newer finetuned (schema %lld or later, this program "
                       "knows %zu): install that version, or go back to the copy that it made "
                       "beside the database before it changed it",
                       (long long)number, list.count);
    char expected[SHA256_HEX_SIZE];
    fileio_sha256_bytes(list.items[index].text, list.items[index].length, expected);
    if (strcmp(expected, sha256) != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "its schema was made by another text of migration %s than this program "
                       "has: use the program that made it",
                       list.items[index].name);
    return 0;
}

/* Hold the history against the list; *applied = how many of it are done. */
static int
check_history(struct db *db, struct migration_list list, size_t *applied, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_MIGRATIONS_ALL);
    int result = 0;
    while ((result = query_step(&query, err)) > 0) {
        int64_t number = query_take_integer(&query);
        result = check_row(list, *applied, number, query_take_text(&query, arena), err);
        if (result != 0)
            break;
        (*applied)++;
    }
    query_end(&query);
    arena_free(arena);
    return result;
}

int
migrate_inspect(const char *path, struct migration_list list, size_t *applied, struct err *err)
{
    *applied = 0;
    if (is_empty_file(path))
        return 0;
    struct db *db = NULL;
    if (db_open_read_only(path, &db, err) != 0)
        return err->code;
    bool ours = false;
    int result = check_owner(db, &ours, err);
    if (result == 0 && ours)
        result = check_history(db, list, applied, err);
    db_close(db);
    return result == 0 ? 0 : err_prefix(err, "the database %s is refused", path);
}

static int
execute(struct db *db, const char *sql, struct err *err)
{
    int status = sqlite3_exec(db->connection, sql, NULL, NULL, NULL);
    return status == SQLITE_OK ? 0 : query_fail(db->connection, status, err);
}

struct application {
    const struct migration *migration;
    size_t number;
    struct arena *arena;
};

static int
record(struct db *db, const struct application *application, struct err *err)
{
    const struct migration *migration = application->migration;
    char sha256[SHA256_HEX_SIZE];
    fileio_sha256_bytes(migration->text, migration->length, sha256);
    struct query query = query_begin(db, STATEMENT_MIGRATION_INSERT);
    query_bind_integer(&query, ":number", (int64_t)application->number);
    query_bind_text(&query, ":name", migration->name);
    query_bind_text(&query, ":sha256", sha256);
    query_bind_integer(&query, ":applied_at", query_now());
    return query_run(&query, err);
}

/* Foreign keys are off while tables are rebuilt; here is their day of reckoning. */
static int
check_foreign_keys(struct db *db, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_FOREIGN_KEY_CHECK);
    int found = query_step(&query, err);
    query_end(&query);
    if (found > 0)
        return err_set(err, ERR_INTERNAL, "it leaves a reference to a row that does not exist");
    return found;
}

static int
apply(struct db *db, void *context, struct err *err)
{
    const struct application *application = context;
    const struct migration *migration = application->migration;
    if (application->number == 1) {
        const char *mark =
            arena_printf(application->arena, "PRAGMA application_id = %d", DB_APPLICATION_ID);
        if (execute(db, mark, err) != 0 || execute(db, audit_table, err) != 0)
            return err->code;
    }
    const char *sql =
        arena_copy_bytes(application->arena, (const char *)migration->text, migration->length);
    if (execute(db, sql, err) != 0)
        return err->code;
    if (sqlite3_get_autocommit(db->connection))
        return err_set(err, ERR_INTERNAL, "it ended its own transaction");
    return check_foreign_keys(db, err) != 0 ? err->code : record(db, application, err);
}

struct pending {
    struct migration_list list;
    size_t applied;
    struct arena *arena;
};

/* A new database is made whole in one transaction: it costs one wait for the disk, not one each. */
static int
apply_all(struct db *db, void *context, struct err *err)
{
    const struct pending *pending = context;
    for (size_t i = pending->applied; i < pending->list.count; i++) {
        struct application application = {&pending->list.items[i], i + 1, pending->arena};
        if (apply(db, &application, err) != 0)
            return err_prefix(err, "migration %s", pending->list.items[i].name);
    }
    return 0;
}

static int
apply_each(struct db *db, const struct pending *pending, struct err *err)
{
    for (size_t i = pending->applied; i < pending->list.count; i++) {
        struct application application = {&pending->list.items[i], i + 1, pending->arena};
        if (db_write(db, apply, &application, err) != 0)
            return err_prefix(err, "migration %s", pending->list.items[i].name);
    }
    return 0;
}

/* Everything behind the first `applied` of the list. */
static int
apply_pending(struct db *db, const char *path, struct migration_list list, size_t applied,
              struct err *err)
{
    struct arena *arena = arena_new();
    int result = execute(db, "PRAGMA foreign_keys = OFF", err);
    if (result == 0 && applied > 0)
        result = db_copy(db, arena_printf(arena, "%s.before-%04zu", path, applied + 1), err);
    struct pending pending = {list, applied, arena};
    if (result == 0)
        result = applied == 0 ? db_write(db, apply_all, &pending, err)
                              : apply_each(db, &pending, err);
    arena_free(arena);
    return result;
}

int
migrate_run(const char *path, struct migration_list list, struct err *err)
{
    size_t applied = 0;
    struct db *db = NULL;
    if (migrate_inspect(path, list, &applied, err) != 0)
        return err->code;
    if (applied == list.count)
        return 0;
    if (db_open(path, &db, err) != 0)
        return err->code;
    int result = apply_pending(db, path, list, applied, err);
    db_close(db);
    return result;
}
