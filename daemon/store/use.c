/* Things in use; see use.h. */
#include "daemon/store/use.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <string.h>

int
use_refuse(struct query *query, const char *what, struct err *err)
{
    struct arena *arena = arena_new();
    int found = query_step(query, err);
    if (found > 0) {
        const char *kind = query_take_text(query, arena);
        const char *user = query_take_text(query, arena);
        found = err_set(err, ERR_CONFLICT,
                        "%s is needed by %s %s, which has not ended: %s the %s or wait for its end",
                        what, kind, user, strcmp(kind, "job") == 0 ? "cancel" : "delete", kind);
    }
    query_end(query);
    arena_free(arena);
    return found;
}

int
use_check(struct db *db, enum statement user, const char *thing, const char *id, struct err *err)
{
    char what[256];
    struct query query = query_begin(db, user);
    query_bind_text(&query, ":id", id);
    snprintf(what, sizeof what, "%s '%.200s'", thing, id);
    return use_refuse(&query, what, err);
}
