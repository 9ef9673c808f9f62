/* Things in use; see use.h. */
#include "daemon/store/use.h"

#include "core/base/mem.h"
#include "daemon/store/query.h"

int
use_check(struct db *db, enum statement user, const char *thing, const char *id, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, user);
    query_bind_text(&query, ":id", id);
    int found = query_step(&query, err);
    if (found > 0)
        found = err_set(err, ERR_CONFLICT,
                        "%s '%.200s' is needed by job %s, which has not ended: cancel the job or "
                        "wait for its end",
                        thing, id, query_take_text(&query, arena));
    query_end(&query);
    arena_free(arena);
    return found;
}
