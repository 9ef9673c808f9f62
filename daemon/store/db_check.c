/* SQLite's own checks; see db_check.h. */
#include "daemon/store/db_check.h"

#include "core/base/mem.h"
#include "daemon/store/query.h"

#include <string.h>

static int
check_pages(struct db *db, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_INTEGRITY_CHECK);
    int code = query_step(&query, err);
    const char *said = code > 0 ? query_take_text(&query, arena) : NULL;
    query_end(&query);
    if (code > 0)
        code = said != NULL && strcmp(said, "ok") == 0
                   ? 0
                   : err_set(err, ERR_INVALID, "the database is damaged: %.300s",
                             said != NULL ? said : "no answer");
    arena_free(arena);
    return code;
}

static int
check_references(struct db *db, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_FOREIGN_KEY_CHECK);
    int code = query_step(&query, err);
    if (code > 0)
        code = err_set(err, ERR_INVALID,
                       "the database is damaged: a row of %s names a row that does not exist",
                       query_take_text(&query, arena));
    query_end(&query);
    arena_free(arena);
    return code;
}

int
db_check(struct db *db, struct err *err)
{
    int code = check_pages(db, err);
    return code != 0 ? code : check_references(db, err);
}
