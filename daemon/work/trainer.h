/*
 * The trainer: one job from its claim to its end, joining store and core.
 *
 * It reads the stored request, opens files and base model, trains, keeps what the run reports
 * (recorder.h) and the models that it leaves (snapshots.h), and writes the end of the job. Whatever
 * happens, the row is left in a state of the table in job_state.h, or, when the daemon stops before
 * that can be written, `running`, which the next start puts back into the queue.
 */
#ifndef DAEMON_WORK_TRAINER_H
#define DAEMON_WORK_TRAINER_H

#include "core/gemm/gemm.h"
#include "daemon/store/jobs.h"
#include "daemon/store/store.h"
#include "daemon/work/catalog.h"
#include "daemon/work/scheduler.h"

#include <stdatomic.h>
#include <stddef.h>

/* Why a run shall end early. */
enum trainer_stop {
    TRAINER_GO_ON,
    TRAINER_CANCELLED, /* the row says so already */
    TRAINER_PAUSE,     /* the row says `pausing`: save the state, then it is paused */
    TRAINER_SHUTDOWN   /* back into the queue */
};

/* Borrowed parts, shared by all runs. */
struct trainer {
    const struct store *store;
    const struct catalog *catalog;
    const struct gemm_engine *engine;
    struct hash_memory *hashes;  /* of base models' weights */
    struct scheduler *scheduler; /* its stop ends the waiting for a database that refuses */
    size_t threads;              /* of a job that does not say; 0: as many as the machine gives */
    double resume_interval;      /* seconds between resume states; core/train/resume_pace.h */
};

/* Run a job that jobs_claim has just given to this thread. *stop is enum trainer_stop, set by
 * others. */
void trainer_run_job(const struct trainer *trainer, struct db *db, const struct job_row *job,
                     const atomic_int *stop);

#endif
