/*
 * One `finetuned run` on its way: what its stages share. For daemon/command_run.c and the files
 * run_prepare.c, run_observer.c and run_train.c only.
 */
#ifndef DAEMON_RUN_STAGES_H
#define DAEMON_RUN_STAGES_H

#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/train/plan.h"
#include "core/train/trainer.h"
#include "daemon/job_params.h"
#include "daemon/run_lines.h"
#include "daemon/run_states.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything of one run; released at the end in reverse. */
struct run {
    struct arena *arena;
    const char *path; /* of the job file */
    bool resumes;
    int64_t resume_interval; /* seconds */
    struct run_states states;
    struct resume_file *saved; /* the state to go on from; NULL: the beginning */
    const char *damage;        /* what is to be said of states that are no good */
    bool halved;               /* it diverged once and runs with half the learning rate */
    struct job_request request;
    struct train_request train;
    struct train_plan plan;
    bool planned;
    size_t process_bytes; /* before anything of the job */
    struct gemm_engine *engine;
    struct pool *pool;
    const char *base_sha256; /* NULL for a model without weights */
    struct run_state state;
    struct err output_err; /* what went wrong in an observer that cannot say so */
};

/* Read the job, check what it would write, find the state to go on from, and plan: an exit code,
 * EXIT_OK when training can begin. What is wrong is said on standard error. */
int run_prepare(struct run *run);

/* Reserve what the planned job computes with: the pool, and the base model's hash as the saved
 * model will name it. */
int run_prepare_computing(struct run *run, struct err *err);

/* What training calls, and a line of its own. */
struct train_observer run_observer_of(struct run *run);
void run_observer_say(struct run *run, enum train_level level, const char *message);

/* Train, measure, and say how it ended: the exit code. */
int run_train(struct run *run);

#endif
