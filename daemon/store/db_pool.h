/*
 * Connections for whoever needs one for a moment: the HTTP threads, the worker, the predictor.
 *
 * A connection is opened when none is idle, so nobody ever waits for another's query. The pool's
 * lock guards only its list; it is never held across SQL. Some room on the disk is kept for the
 * database's log, from the first opening on, whether the pool is open or not. Thread-safe.
 */
#ifndef DAEMON_STORE_DB_POOL_H
#define DAEMON_STORE_DB_POOL_H

#include "daemon/store/db.h"

struct db_pool;

/* The database must have been migrated. The first connection is opened at once, so errors show
 * here. */
int db_pool_open(const char *path, struct db_pool **out, struct err *err);

/* What the pool's connections commit is told here. */
struct changes *db_pool_changes(struct db_pool *pool);

/* Every connection must be back; NULL is fine. */
void db_pool_close(struct db_pool *pool);

/* Borrow a connection for this thread; NULL with err filled when one cannot be opened. */
struct db *db_pool_acquire(struct db_pool *pool, struct err *err);

/* Give it back; NULL is fine. */
void db_pool_release(struct db_pool *pool, struct db *db);

#endif
