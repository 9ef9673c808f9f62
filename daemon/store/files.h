/*
 * Uploaded files: the rows. The bytes are data_dir.h's: stored before the row, removed after it.
 */
#ifndef DAEMON_STORE_FILES_H
#define DAEMON_STORE_FILES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stdint.h>

struct file_row {
    int64_t seq;        /* given by files_insert */
    const char *id;     /* by ids_new: names the stored bytes too */
    int64_t created_at; /* unix seconds, given by files_insert */
    int64_t bytes;
    const char *filename;
    const char *purpose;
    const char *sha256;         /* of the bytes, hex */
    const char *status_details; /* the first fault; NULL: processed */
    int64_t expires_at;         /* 0: never; given by files_insert, from */
    int64_t expires_after;      /* seconds, 0: never; not filled in when read */
};

struct file_rows {
    struct file_row *items;
    size_t count;
    bool has_more;
    int64_t total; /* of all that match the purpose, not only this page */
};

/* Insert row; fills in seq, created_at and expires_at. */
int files_insert(struct db *db, struct file_row *row, struct err *err);

/* ERR_NOT_FOUND when there is none. */
int files_get(struct db *db, const char *id, struct arena *arena, struct file_row *out,
              struct err *err);

/* purpose NULL: all. ERR_NOT_FOUND when query->after names no file. */
int files_page(struct db *db, const struct list_query *query, const char *purpose,
               struct arena *arena, struct file_rows *out, struct err *err);

/* Delete the row. ERR_NOT_FOUND; ERR_CONFLICT while an unfinished job or evaluation needs the file
 * (names it). */
int files_delete(struct db *db, const char *id, struct err *err);

/* The id of a file whose time is over and that no unfinished job or evaluation needs: 1, 0 when
 * there is none, or negative. */
int files_find_expired(struct db *db, struct arena *arena, const char **id, struct err *err);

#endif
