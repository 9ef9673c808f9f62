/* Idle connections in a stack under a lock; see db_pool.h. */
#include "daemon/store/db_pool.h"

#include "core/base/mem.h"
#include "daemon/store/query.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* More are opened when needed and closed when they come back to a full pool. */
enum { IDLE_MAX = 16 };

/* Twice what the log comes to between two checkpoints. */
enum { LOG_RESERVE_BYTES = 8 << 20 };

struct db_pool {
    const char *path; /* in arena */
    struct arena *arena;
    struct changes *changes;
    pthread_mutex_t lock; /* guards what follows */
    struct db *idle[IDLE_MAX];
    size_t idle_count;
};

/*
 * Take room on the disk for the write-ahead log, beyond its end: it grows into it. So when the disk
 * is full the small changes (a cancel, a pause, an event) still find a place. Where the file system
 * has no such thing, or no room, there is none. Closing the file releases nobody's lock: the
 * library keeps its locks on other files.
 */
static void
reserve_log(const char *path)
{
    char log[PATH_MAX];
    int length = snprintf(log, sizeof log, "%s-wal", path);
    int fd = length < 0 || (size_t)length >= sizeof log ? -1 : open(log, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOG_RESERVE_BYTES);
    close(fd);
}

/*
 * The library would remove the log with the last connection, and its room with it. A disk that
 * fills up while nobody runs would then let no daemon start, not even to show what there is.
 */
static void
keep_log(struct db *db)
{
    int yes = 1;
    sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
}

/* Everything into the database, so that the log is empty. When that fails it is not, as after a
 * crash. */
static void
empty_log(struct db *db)
{
    sqlite3_wal_checkpoint_v2(db->connection, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int
db_pool_open(const char *path, struct db_pool **out, struct err *err)
{
    *out = NULL;
    struct db *first = NULL;
    if (db_open(path, &first, err) != 0)
        return err->code;
    keep_log(first);
    reserve_log(path);
    struct db_pool *pool = mem_small(sizeof *pool);
    *pool = (struct db_pool){
        .arena = arena_new(), .changes = changes_new(), .idle = {first}, .idle_count = 1};
    pool->path = arena_copy_string(pool->arena, path);
    db_tell_changes(first, pool->changes);
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        db_close(first);
        changes_free(pool->changes);
        arena_free(pool->arena);
        free(pool);
        return err_set(err, ERR_MEMORY, "a lock for the database connections cannot be made");
    }
    *out = pool;
    return 0;
}

struct changes *
db_pool_changes(struct db_pool *pool)
{
    return pool->changes;
}

void
db_pool_close(struct db_pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->idle_count > 0)
        empty_log(pool->idle[0]);
    for (size_t i = 0; i < pool->idle_count; i++)
        db_close(pool->idle[i]);
    reserve_log(pool->path);
    pthread_mutex_destroy(&pool->lock);
    changes_free(pool->changes);
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
    if (db == NULL && db_open(pool->path, &db, err) == 0) {
        keep_log(db);
        db_tell_changes(db, pool->changes);
    }
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
