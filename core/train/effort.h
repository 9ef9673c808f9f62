/*
 * What a job will take beside memory, told before it runs: tokens, time, disk.
 *
 * Tokens and work come from the lengths that a survey of the rows finds. Time is a plain model: the
 * useful operations of all passes, at three quarters of the engine's measured rate on as many
 * threads as the job gets. Three quarters is what steps reach on cached and uncached shapes alike;
 * a machine that computes something else meanwhile takes longer.
 */
#ifndef CORE_TRAIN_EFFORT_H
#define CORE_TRAIN_EFFORT_H

#include "core/base/err.h"
#include "core/train/plan.h"

#include <stddef.h>
#include <stdint.h>

struct effort {
    int64_t tokens;    /* that steps train on, of all epochs */
    double operations; /* floating-point, of training, validation and test */
};

/* ERR_MEMORY, or what tokenizer_open says of the base model's folder. */
int effort_estimate(const struct train_plan *plan, const char *base_folder, struct effort *out,
                    struct err *err);

/* rate: GFLOP/s of one thread; more threads than this machine has for the process compute no
 * faster. 0 when the rate is not known. */
double effort_seconds(const struct effort *effort, double rate, size_t threads);

/* What is kept beside the final model, at most. */
enum { EFFORT_CHECKPOINTS = 4, EFFORT_RESUME_STATES = 2 };

/*
 * Bytes that the job will hold on the disk at most: models (the final one, checkpoints kept, one in
 * the making) and resume states (those kept, one in the making), from the model's shape and the
 * optimizer. ERR_INVALID for a shape that does not fit this machine.
 */
int effort_disk_bytes(const struct train_plan *plan, const char *base_folder, int64_t *out,
                      struct err *err);

#endif
