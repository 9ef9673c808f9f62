/*
 * Restoring a backup (backup.h) into a data directory that is not there yet, or empty.
 *
 * Everything is unpacked and verified under another name first: the sums of the archive, the
 * database, and every file that the database names. Only then the directory gets its name. Jobs
 * that ran when the backup was made are queued again at the next start, as after a crash.
 */
#ifndef DAEMON_STORE_RESTORE_H
#define DAEMON_STORE_RESTORE_H

#include "daemon/store/backup.h"

struct restore_order {
    const char *file;
    const char *data_dir;
    backup_listener *listener;
    void *context;
};

/*
 * ERR_CONFLICT when the directory holds something; ERR_INVALID for a file that is no backup or is
 * damaged; ERR_UNSUPPORTED for one of a newer program; ERR_FULL; ERR_STOPPED. Then nothing new
 * stays behind. out->attempts is not set.
 */
int restore_run(const struct restore_order *order, struct backup_report *out, struct err *err);

#endif
