/*
 * Migrations: the schema's history, embedded in the program, applied in order and never changed.
 *
 * Each is one transaction that also writes its number, name and SHA-256 to the audit table
 * `migrations`; on a new database all of them together are one. A database that knows a newer
 * number, or another text under a number that we know, is refused before a byte of it is changed.
 * Before the first pending one on a database that holds anything the file is copied to
 * finetuned.db.before-NNNN.
 */
#ifndef DAEMON_STORE_MIGRATE_H
#define DAEMON_STORE_MIGRATE_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Number i stands at index i - 1. */
struct migration {
    const char *name;          /* "0001_initial" */
    const unsigned char *text; /* SQL statements */
    size_t length;
};

struct migration_list {
    const struct migration *items;
    size_t count;
};

/* Those of migrations/, embedded at build. */
struct migration_list migrate_embedded(void);

/*
 * How many migrations has the database at path had? Changes nothing; an absent or empty file has
 * had none. Refuses what migrate_run refuses.
 */
int migrate_inspect(const char *path, struct migration_list list, size_t *applied, struct err *err);

/*
 * Bring the database at path up to date; it is created when absent. ERR_UNSUPPORTED when it is
 * newer than the list or was made by other texts; ERR_INVALID when it is not ours or damaged;
 * ERR_FULL.
 */
int migrate_run(const char *path, struct migration_list list, struct err *err);

#endif
