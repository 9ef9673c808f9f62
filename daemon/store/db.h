/*
 * One connection to the database.
 *
 * Every connection is WAL, synchronous=FULL, foreign_keys on, trusted_schema off, with a busy
 * timeout of 5 s. A connection belongs to one thread at a time; threads take theirs from db_pool.h.
 * Reads are single statements. Writes run inside db_write. No statement stays open between calls.
 * Errors are sentences without SQL: ERR_FULL when there is no room, ERR_INVALID for a damaged file,
 * ERR_IO when the system fails or another program holds the database, ERR_INTERNAL for our
 * mistakes.
 */
#ifndef DAEMON_STORE_DB_H
#define DAEMON_STORE_DB_H

#include "core/base/err.h"
#include "daemon/store/changes.h"

#include <stdint.h>

/* "ftnd": in the file's header, so that `file` and we know whose database it is. */
enum { DB_APPLICATION_ID = 0x66746e64, DB_BUSY_TIMEOUT_MS = 5000 };

struct db;

/* Open the database at path (created with mode 0600 when absent); migrations are migrate.h's. */
int db_open(const char *path, struct db **out, struct err *err);

/* From now on what this connection commits is told there; see changes.h. */
void db_tell_changes(struct db *db, struct changes *changes);

/* Open an existing database to look at it: nothing in it is changed, no setting is made. */
int db_open_read_only(const char *path, struct db **out, struct err *err);

/* NULL is fine. */
void db_close(struct db *db);

/* Part of a write transaction: 0, or a negative code with err filled, which undoes all of it. */
typedef int db_function(struct db *db, void *context, struct err *err);

/*
 * Run function in a write transaction: BEGIN IMMEDIATE, then COMMIT when it returns 0, ROLLBACK
 * otherwise. Inside another db_write it joins that transaction; when an inner one fails the outer
 * one cannot commit any more, whatever its function returns. Every writing function of this folder
 * is one db_write, so several of them can be made one transaction.
 */
int db_write(struct db *db, db_function *function, void *context, struct err *err);

/*
 * Note that the write transaction changes what belongs to a job, to be told when it is committed.
 * Changes of rows of jobs need no note.
 */
void db_note_change(struct db *db, int64_t job_seq);

/* Can the database be written? For the readiness check: takes the write lock and gives it back. */
int db_check_writable(struct db *db, struct err *err);

#endif
