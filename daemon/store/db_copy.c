/* SQLite's online backup into a file; see db_copy.h. */
#include "daemon/store/db_copy.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "daemon/store/query.h"

/* In one step, so that all pages are of one moment. That a lock was not to be had is told by the
 * step alone: the end of a backup knows only of graver things. */
static int
copy_pages(struct db *from, sqlite3 *to, struct err *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->connection, "main");
    if (backup == NULL)
        return query_fail(to, sqlite3_extended_errcode(to), err);
    int status = sqlite3_backup_step(backup, -1);
    int end = sqlite3_backup_finish(backup);
    if (end != SQLITE_OK)
        return query_fail(to, end, err);
    return status == SQLITE_DONE ? 0 : query_fail(from->connection, status, err);
}

static int
write_copy(struct db *db, const char *path, struct err *err)
{
    sqlite3 *copy = NULL;
    if (fileio_remove_tree(path, err) != 0 || db_create_private(path, err) != 0)
        return err->code;
    int status = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL);
    int result = status == SQLITE_OK ? copy_pages(db, copy, err) : query_fail(copy, status, err);
    sqlite3_close(copy);
    return result == 0 ? fileio_sync(path, err) : result;
}

int
db_copy(struct db *db, const char *target, struct err *err)
{
    struct arena *arena = arena_new();
    const char *unfinished = arena_printf(arena, "%s.unfinished", target);
    int result = write_copy(db, unfinished, err);
    if (result == 0)
        result = fileio_rename(unfinished, target, err);
    if (result != 0) {
        struct err ignored;
        fileio_remove_tree(unfinished, &ignored);
        err_prefix(err, "copy the database to %s", target);
    }
    arena_free(arena);
    return result;
}
