/*
 * Uploads in parts: the rows. A part's bytes are data_dir_part_path(upload id, part id): stored
 * before the row, removed together when the upload ends.
 *
 * An upload is PENDING for an hour; then it is ended by whoever looks (uploads_sweep). Ended rows
 * are kept for a day, so that a late request is told what became of its upload.
 */
#ifndef DAEMON_STORE_UPLOADS_H
#define DAEMON_STORE_UPLOADS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db.h"
#include "daemon/store/ids.h"

#include <stddef.h>
#include <stdint.h>

enum {
    UPLOADS_LIFE_SECONDS = 3600,
    UPLOADS_KEPT_SECONDS = 24 * 3600,
    UPLOADS_MAX_PENDING = 1000,
    UPLOADS_MAX_PARTS = 2000 /* of one upload */
};

enum upload_state {
    UPLOAD_STATE_PENDING,
    UPLOAD_STATE_COMPLETED,
    UPLOAD_STATE_CANCELLED,
    UPLOAD_STATE_EXPIRED,
    UPLOAD_STATE_COUNT
};

struct upload_row {
    int64_t seq;    /* given by uploads_insert, as are id, state and the times */
    const char *id; /* "upload_…" */
    enum upload_state state;
    int64_t created_at, expires_at;
    int64_t bytes; /* that the parts must add up to */
    const char *filename;
    const char *purpose;
    int64_t expires_after; /* of the file that comes of it, seconds; 0: never */
};

struct part_row {
    int64_t seq;    /* given by uploads_add_part */
    const char *id; /* "part_…", by ids_new: names the stored bytes too */
    int64_t created_at;
    int64_t bytes;
};

struct part_rows {
    struct part_row *items; /* in the order of their arrival */
    size_t count;
};

/* Insert row; fills in what it says above, the id in the arena. ERR_CONFLICT when
 * UPLOADS_MAX_PENDING are pending. */
int uploads_insert(struct db *db, struct upload_row *row, struct arena *arena, struct err *err);

/* ERR_NOT_FOUND when there is none. */
int uploads_get(struct db *db, const char *id, struct arena *arena, struct upload_row *out,
                struct err *err);

/*
 * Add a part to a pending upload; fills in seq and created_at. ERR_NOT_FOUND; ERR_CONFLICT when the
 * upload has ended; ERR_INVALID when its parts would be too many, or more than twice the bytes that
 * were announced (a part may be sent again when its answer was lost).
 */
int uploads_add_part(struct db *db, const char *upload_id, struct part_row *part, struct err *err);

int uploads_parts(struct db *db, int64_t upload_seq, struct arena *arena, struct part_rows *out,
                  struct err *err);

/* End a pending upload. ERR_CONFLICT when it has ended already. */
int uploads_end(struct db *db, const char *id, enum upload_state to, struct err *err);

/* End the pending uploads whose time is over and remove their parts; forget what ended long ago. */
int uploads_sweep(struct db *db, const struct data_dir *dir, struct err *err);

#endif
