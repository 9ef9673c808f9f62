/*
 * What becomes of bytes that are whole: judged as a data set, moved to files/, named by a row.
 *
 * One way in for an upload in one piece and for one in parts. For daemon/service_*.c only.
 */
#ifndef DAEMON_FILE_INTAKE_H
#define DAEMON_FILE_INTAKE_H

#include "daemon/service.h"
#include "daemon/store/files.h"
#include "daemon/store/store.h"

struct file_intake {
    const struct store *store;
    const char *path; /* in tmp/; moved away on success, else the caller's still */
    int64_t bytes;
    const char *filename, *purpose;
    int64_t expires_after; /* seconds; 0: never */
    /* Called in the transaction that inserts the row; NULL: nothing more is to be written. */
    int (*also)(struct db *db, void *context, const char *file_id, struct err *err);
    void *context;
};

/* All that can be wrong with the words around the bytes. */
int file_intake_check_words(const char *filename, const char *purpose, struct fault_list *faults);

/* 0 or the range that the API promises; both in seconds. */
int file_intake_check_expiry(int64_t expires_after, struct fault_list *faults);

/* Judge and store; the words are checked. ERR_CONFLICT is `also`'s. */
int file_intake_store(const struct file_intake *intake, struct arena *arena, struct file_info *out,
                      struct err *err);

/* A row as the seam shows it; strings are copied. */
void file_intake_info(const struct file_row *row, struct arena *arena, struct file_info *out);

#endif
