/*
 * Checkpoints: the rows. The folder is data_dir_checkpoint_path(job id, step): in place before the
 * row, removed after it.
 */
#ifndef DAEMON_STORE_CHECKPOINTS_H
#define DAEMON_STORE_CHECKPOINTS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checkpoint_row {
    int64_t seq;        /* given on insertion */
    const char *id;     /* "ftckpt_…", given on insertion */
    int64_t created_at; /* given on insertion */
    const char *job_id; /* filled in when read; not needed on insertion */
    const char *model;  /* ids_checkpoint_model */
    int64_t step;
    struct model_shape shape;
    const char *files_json; /* as in models.h */
    const struct measure *measures;
    size_t measure_count;
};

struct checkpoint_rows {
    struct checkpoint_row *items;
    size_t count;
    bool has_more;
};

/* Insert row; fills in seq, id (arena) and created_at. ERR_CONFLICT when the job has one of this
 * step. */
int checkpoints_insert(struct db *db, int64_t job_seq, struct checkpoint_row *row,
                       struct arena *arena, struct err *err);

/* Has the job one of this step? 1, 0, or negative. */
int checkpoints_find(struct db *db, int64_t job_seq, int64_t step, struct err *err);

/* By the model id that a request carries; ERR_NOT_FOUND. */
int checkpoints_get_by_model(struct db *db, const char *model, struct arena *arena,
                             struct checkpoint_row *out, struct err *err);

/* Of one job. ERR_NOT_FOUND when query->after names none of them. Also what retention walks. */
int checkpoints_page(struct db *db, int64_t job_seq, const struct list_query *query,
                     struct arena *arena, struct checkpoint_rows *out, struct err *err);

/* Delete the row. ERR_NOT_FOUND; ERR_CONFLICT while an unfinished job starts from its model. */
int checkpoints_delete(struct db *db, const char *id, struct err *err);

/*
 * The index of the one that its job calls the best, by the name of the job's metric (NULL: of a job
 * that is older than the choice, the validation loss). It is judged from the oldest on by the rule
 * of core/train/best.h, so it is the oldest of equals: later ones may carry the measure of an
 * earlier validation. rows->count when none was measured. Rows are newest first.
 */
size_t checkpoints_best(const struct checkpoint_rows *rows, const char *metric);

/* Those of a greater step, ascending by step. */
int checkpoints_after(struct db *db, const struct rows_after *after, struct arena *arena,
                      struct checkpoint_rows *out, struct err *err);

#endif
