/*
 * Backups: everything that a data directory holds as one file, made while a daemon works on it.
 *
 * A tar archive of the folder finetuned-backup/:
 *
 *   BACKUP         the number of this format, a line of text
 *   FORMAT         as in the data directory (data_dir.h)
 *   finetuned.db   the database as it was at one moment (SQLite's online backup)
 *   …              every file that this database names (inventory.h), where it lies in the
 * directory SHA256SUMS     of all the others, in their order, as sha256sum -c reads it
 *
 * The database is copied first; then every file is opened before the first one is read, so that
 * what is deleted meanwhile is still there. What goes between these two makes the backup begin anew
 * with a fresh copy. There is no backup with holes: it is whole or there is none.
 */
#ifndef DAEMON_STORE_BACKUP_H
#define DAEMON_STORE_BACKUP_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raised when older programs could not restore it any more. */
enum { BACKUP_FORMAT = 1 };

#define BACKUP_FOLDER      "finetuned-backup"
#define BACKUP_FORMAT_FILE "BACKUP"
#define BACKUP_SUMS_FILE   "SHA256SUMS"

enum { BACKUP_MAX_ATTEMPTS = 8 };

/* Called now and then; false: stop (ERR_STOPPED). */
typedef bool backup_listener(void *context, int64_t done, int64_t total);

struct backup_order {
    const char *data_dir; /* existing; a daemon may use it */
    const char *file;     /* of the backup */
    bool replace;         /* a file that is there already */
    backup_listener *listener;
    void *context;
};

struct backup_report {
    size_t files;    /* stored ones, beside the database */
    int64_t bytes;   /* of the backup */
    size_t schema;   /* of its database */
    size_t attempts; /* how often it was begun */
};

/*
 * Write the backup: to a temporary name beside `file`, synced, renamed. ERR_CONFLICT when file is
 * there and is not to be replaced, or lies in the data directory; ERR_INVALID for stored files that
 * are damaged or missing (finetuned doctor lists all); ERR_UNSUPPORTED for data of a newer program;
 * ERR_FULL; ERR_STOPPED. Then nothing new stays behind.
 */
int backup_write(const struct backup_order *order, struct backup_report *out, struct err *err);

#endif
