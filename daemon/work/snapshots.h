/*
 * Snapshots: the models that a running job leaves behind, and which of its checkpoints stay.
 *
 * A folder is written below tmp/ and moved into place before its row; when the row is refused the
 * folder goes again. Of the checkpoints the newest SNAPSHOTS_KEPT stay, the one that is the best by
 * the job's metric, and the one that was when the newest resume state was saved: a run that
 * diverges goes back there, and what followed with the full learning rate counts no more. Belongs
 * to the thread of the job.
 */
#ifndef DAEMON_WORK_SNAPSHOTS_H
#define DAEMON_WORK_SNAPSHOTS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/train/trainer.h"
#include "daemon/store/jobs.h"
#include "daemon/store/store.h"
#include "daemon/work/recorder.h"
#include "daemon/work/room.h"

#include <stdbool.h>

enum { SNAPSHOTS_KEPT = 3 };

struct snapshots {
    const struct data_dir *dir;
    struct db *db;
    const struct job_row *job;
    struct recorder
        *recorder;        /* flushed before a row, so that a reader finds the points of the step */
    struct room *room;    /* where there is none, the job waits */
    struct arena *arena;  /* of the job */
    const char *model_id; /* that the final model will have */
    size_t state_best_step; /* the best one's, as the newest resume state has it; 0: none */
    bool has_final;
    struct model_row final; /* what jobs_finish inserts; its folder is in place */
    double final_values[METRIC_COUNT];
    const char *validation_json, *test_json; /* its evaluations, or NULL */
};

/* Keep one: a checkpoint with its row and event, or the final model's folder. ERR_STOPPED when the
 * disk was full until the run had to end. */
int snapshots_keep(struct snapshots *snapshots, const struct train_snapshot *snapshot,
                   struct err *err);

/* The folder of the checkpoint of a step, in the arena; NULL when it is gone. */
const char *snapshots_find(const struct snapshots *snapshots, size_t step);

/* The final model got no row: its folder goes. */
void snapshots_drop_final(struct snapshots *snapshots);

#endif
