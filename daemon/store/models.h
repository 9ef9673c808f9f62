/*
 * Fine-tuned models: the rows. The folder is data_dir_model_path(job id): in place before the row,
 * removed after it. Base models are folders of the user and have no rows.
 */
#ifndef DAEMON_STORE_MODELS_H
#define DAEMON_STORE_MODELS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/rows.h"

#include <stddef.h>
#include <stdint.h>

struct model_row {
    int64_t seq;        /* given on insertion */
    const char *id;     /* ids_model */
    int64_t created_at; /* given on insertion */
    const char *job_id;
    const char *base; /* the model that the job started from */
    const char *root; /* the base model at the bottom of it */
    const char *task;
    struct model_shape shape;
    const char *files_json; /* [{"name", "bytes", "sha256"}], made by the caller */
};

struct model_rows {
    struct model_row *items;
    size_t count;
};

/* Insert row; fills in seq and created_at. jobs_finish does this in the job's last transaction. */
int models_insert(struct db *db, struct model_row *row, struct err *err);

/* ERR_NOT_FOUND when there is none. */
int models_get(struct db *db, const char *id, struct arena *arena, struct model_row *out,
               struct err *err);

/* All, newest first. */
int models_list(struct db *db, struct arena *arena, struct model_rows *out, struct err *err);

/* Delete the row. ERR_NOT_FOUND; ERR_CONFLICT while an unfinished job starts from it (names the
 * job). */
int models_delete(struct db *db, const char *id, struct err *err);

/* ERR_CONFLICT while an unfinished job starts from the model of that id, of whatever kind. For the
 * transaction that removes one without a row. */
int models_check_unused(struct db *db, const char *id, struct err *err);

#endif
