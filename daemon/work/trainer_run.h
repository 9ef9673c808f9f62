/*
 * One run of a job, as the two halves of the trainer share it: the way to the end (trainer.c) and
 * how the end is written (trainer_end.c). Nobody else includes this.
 */
#ifndef DAEMON_WORK_TRAINER_RUN_H
#define DAEMON_WORK_TRAINER_RUN_H

#include "core/base/pool.h"
#include "core/train/plan.h"
#include "daemon/job_params.h"
#include "daemon/work/recorder.h"
#include "daemon/work/snapshots.h"
#include "daemon/work/state_keeper.h"
#include "daemon/work/trainer.h"

#include <pthread.h>
#include <stdbool.h>

enum run_outcome {
    RUN_SUCCEEDED, /* the final model's folder is in place */
    RUN_FAILED,    /* run->failure says why */
    RUN_STOPPED,   /* by the daemon's end */
    RUN_PAUSED,    /* by a client */
    RUN_LOST,      /* the job was cancelled, or is no longer ours */
    RUN_FULL       /* run->failure says what: the disk is full; wait and begin again */
};

struct run {
    const struct trainer *trainer;
    struct db *db;
    const struct job_row *job;
    const atomic_int *stop; /* enum trainer_stop */
    pthread_t thread;       /* that runs the job, and alone may write */
    struct arena *arena;
    struct recorder recorder;
    struct room room;
    struct snapshots snapshots;
    struct state_keeper states;
    struct resume_file *state; /* that the run starts from; NULL: the beginning */
    bool halved;               /* it diverged once and runs with half the learning rate */
    struct job_request request;
    struct catalog_model base;
    const char *base_sha256; /* NULL without weights */
    struct train_request train;
    struct train_plan plan;
    bool has_plan;
    struct pool *pool;
    const char *baseline_json; /* of the finished model; NULL: not measured */
    struct job_error failure;
};

/* What simple models say of the rows that the finished model was measured on. */
enum run_outcome run_measure_baseline(struct run *run);

/* Is the run to end now? Of any thread of the pool; context is the run. */
bool run_should_stop(void *context);

/* Note why the job fails and return RUN_FAILED, or RUN_FULL for a full disk. code NULL: by the kind
 * of error. */
enum run_outcome run_fail(struct run *run, const char *code, const char *param,
                          const struct err *err);

/* The same for a step that failed in the database: RUN_LOST when the lease is gone. */
enum run_outcome run_fail_store(struct run *run, const struct err *err);

/* Why a run that was ended early was ended. */
enum run_outcome run_stop_outcome(struct run *run);

/* Write the end into the database, trying until it is written or the daemon stops. */
void run_write_end(struct run *run, enum run_outcome outcome);

#endif
