/*
 * Everything stored, opened in the right order: directory and lock, migrations, connections, sweep.
 */
#ifndef DAEMON_STORE_STORE_H
#define DAEMON_STORE_STORE_H

#include "core/base/err.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db_pool.h"
#include "daemon/store/sweep.h"

struct store {
    struct data_dir *dir;
    struct db_pool *pool;
    struct sweep_report swept; /* what the start removed, for the log */
};

/*
 * Errors as data_dir_open and migrate_run give them; after an error the store is all NULL. Rows
 * that a crash left running are still so: see jobs_recover.
 */
int store_open(const char *data_dir, struct store *out, struct err *err);

/* Close; a store that is all zeros is fine. */
void store_close(struct store *store);

#endif
