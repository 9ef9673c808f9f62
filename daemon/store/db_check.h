/*
 * Is a database sound? Every page, every index, every reference.
 */
#ifndef DAEMON_STORE_DB_CHECK_H
#define DAEMON_STORE_DB_CHECK_H

#include "core/base/err.h"
#include "daemon/store/db.h"

/* Reads all of it, beside others that work. ERR_INVALID says what is wrong first. */
int db_check(struct db *db, struct err *err);

#endif
