/* Opening in order, closing in reverse; see store.h. */
#include "daemon/store/store.h"

#include "daemon/store/migrate.h"

static int
sweep(struct store *store, struct err *err)
{
    struct db *db = db_pool_acquire(store->pool, err);
    if (db == NULL)
        return err->code;
    int result = sweep_expired(store->dir, db, err);
    if (result == 0)
        result = sweep_run(store->dir, db, &store->swept, err);
    db_pool_release(store->pool, db);
    return result;
}

int
store_open(const char *data_dir, struct store *out, struct err *err)
{
    *out = (struct store){0};
    struct arena *arena = arena_new();
    int result = data_dir_open(data_dir, &out->dir, err);
    if (result == 0) {
        const char *path = data_dir_database_path(out->dir, arena);
        if (migrate_run(path, migrate_embedded(), err) != 0 ||
            db_pool_open(path, &out->pool, err) != 0 || sweep(out, err) != 0)
            result = err->code;
    }
    if (result != 0)
        store_close(out);
    arena_free(arena);
    return result;
}

void
store_close(struct store *store)
{
    db_pool_close(store->pool);
    data_dir_close(store->dir);
    *store = (struct store){0};
}
