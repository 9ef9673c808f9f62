/* Idle connections in a stack under a lock; see db_pool.h. */
#include "daemon/store/db_pool.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* More are opened when needed and closed when they come back to a full pool. */
enum { IDLE_MAX = 16 };

struct db_pool {
    const char *path; /* in arena */
    struct arena *arena;
    pthread_mutex_t lock; /* guards what follows */
    struct db *idle[IDLE_MAX];
    size_t idle_count;
};

int
db_pool_open(const char *path, struct db_pool **out, struct err *err)
{
    *out = NULL;
    struct db *first = NULL;
    if (db_open(path, &first, err) != 0)
        return err->code;
    struct db_pool *pool = mem_small(sizeof *pool);
    *pool = (struct db_pool){.arena = arena_new(), .idle = {first}, .idle_count = 1};
    pool->path = arena_copy_string(pool->arena, path);
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        db_close(first);
        arena_free(pool->arena);
        free(pool);
        return err_set(err, ERR_MEMORY, "a lock for the database connections cannot be made");
    }
    *out = pool;
    return 0;
}

void
db_pool_close(struct db_pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->idle_count; i++)
        db_close(pool->idle[i]);
    pthread_mutex_destroy(&pool->lock);
    arena_free(pool->arena);
    free(pool);
}

struct db *
db_pool_acquire(struct db_pool *pool, struct err *err)
{
    struct db *db = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->idle_count > 0)
        db = pool->idle[--pool->idle_count];
    pthread_mutex_unlock(&pool->lock);
    if (db == NULL)
        db_open(pool->path, &db, err);
    return db;
}

void
db_pool_release(struct db_pool *pool, struct db *db)
{
    if (db == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    if (pool->idle_count < IDLE_MAX) {
        pool->idle[pool->idle_count++] = db;
        db = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    db_close(db);
}
