/*
 * Is a stored thing needed by a job that has not ended? Private to this folder.
 */
#ifndef DAEMON_STORE_USE_H
#define DAEMON_STORE_USE_H

#include "core/base/err.h"
#include "daemon/store/db.h"
#include "daemon/store/statements.h"

/*
 * Run a statement that finds the id of an unfinished job that uses the thing called id. 0 when
 * there is none; ERR_CONFLICT: "<thing> '<id>' is needed by job …". To be called in the write
 * transaction that deletes the thing, so that no job can come between.
 */
int use_check(struct db *db, enum statement user, const char *thing, const char *id,
              struct err *err);

#endif
