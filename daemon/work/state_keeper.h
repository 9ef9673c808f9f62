/*
 * The keeper of a running job's resume states: saves them, and finds the one to go on from.
 *
 * A folder is written below tmp/ and moved into place before its row, and the points up to its step
 * are written before that; when the row is refused the folder goes again. The newest
 * RESUME_STATES_KEPT stay. While the disk is full the job waits, but for the last state of a run
 * that is being stopped. A state that cannot be saved for another reason is no reason to end a job:
 * that is said once, and the next one is tried when it is due. Belongs to the thread of the job.
 */
#ifndef DAEMON_WORK_STATE_KEEPER_H
#define DAEMON_WORK_STATE_KEEPER_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/train/resume_state.h"
#include "daemon/store/jobs.h"
#include "daemon/store/resume_states.h"
#include "daemon/store/store.h"
#include "daemon/work/recorder.h"
#include "daemon/work/room.h"

#include <stdbool.h>
#include <stdint.h>

struct state_keeper {
    const struct data_dir *dir;
    struct db *db;
    const struct job_row *job;
    struct recorder *recorder;
    struct room *room;
    int64_t newest_step; /* of the newest good state; 0: there is none */
    bool has_complained; /* that the latest could not be saved */
};

/* 0 when it is saved, 1 when it could not be, ERR_CONFLICT when the job is lost, ERR_STOPPED when
 * the disk was full until the run had to end. */
int state_keeper_save(struct state_keeper *keeper, const struct resume_state *state,
                      struct err *err);

/*
 * The newest good state of the job, opened, with its row in the arena; *file is NULL when there is
 * none. Damaged ones are passed by, with an event that names each. ERR_UNSUPPORTED for one of a
 * newer program, ERR_IO when the system cannot read one (both messages are for people);
 * other codes when the store fails.
 */
int state_keeper_choose(struct state_keeper *keeper, struct arena *arena, struct resume_file **file,
                        struct resume_state_row *row, struct err *err);

/* The job has succeeded and its rows are gone: their folders follow. */
void state_keeper_remove_folders(struct state_keeper *keeper);

#endif
