/*
 * A copy of a whole database, as it is at one moment, while others read and write it.
 */
#ifndef DAEMON_STORE_DB_COPY_H
#define DAEMON_STORE_DB_COPY_H

#include "core/base/err.h"
#include "daemon/store/db.h"

/*
 * A complete copy at target (mode 0600, synced, in the place of what was there), or nothing new:
 * it is written to "<target>.unfinished" first. Readers and writers of db go on meanwhile.
 */
int db_copy(struct db *db, const char *target, struct err *err);

#endif
