/*
 * The training loop: a plan goes in, metric points and models come out through an observer.
 *
 * Seeded shuffle each epoch, ragged batches, forward, loss, backward, clipping, optimizer;
 * validation at the end of each epoch (and every eval_steps); the test file once, with the final
 * model, which is the last one or the best. A step modifies
 * nothing before its optimizer phase, so a run can be dropped at any moment; a run that goes on
 * from a resume state ends in the same bytes as one that was never dropped.
 */
#ifndef CORE_TRAIN_TRAINER_H
#define CORE_TRAIN_TRAINER_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/hub/model_dir.h"
#include "core/train/metrics.h"
#include "core/train/plan.h"
#include "core/train/resume_state.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum train_level { TRAIN_INFO, TRAIN_WARN };

/* Where a run stands, after a completed step. */
struct train_progress {
    size_t step, total_steps;
    double epoch;                              /* epochs completed, with fraction */
    double seconds_elapsed;                    /* since train_run began, earlier runs included */
    double rows_per_second, tokens_per_second; /* completed steps over training time alone */
    int64_t trained_tokens;
};

/* The metric point of one step; values[m] is NaN where the step has none. Steps ascend strictly. */
struct train_point {
    struct train_progress progress;
    double values[METRIC_COUNT];
};

/* A model to be kept: a checkpoint, or the final one. `latest` holds the last value of each metric;
 * of the final one, validation and test values are those of this very model. */
struct train_snapshot {
    bool final;
    struct train_progress progress;
    double latest[METRIC_COUNT];
    struct model_save save; /* hand it to model_dir_save; valid during the call */
    size_t best_step;       /* whose checkpoint is the best so far and must stay; 0: none */
    enum metric best_by;    /* by which models are compared */
    /* evaluations of the final model (core/eval/evaluation.h); NULL without such rows; borrowed */
    json_t *validation, *test;
};

/*
 * How a run reports. Called on the thread of train_run, never under a lock. on_model returns 0 or a
 * negative code with err filled, which ends the run; NULL: only points are wanted, so no evaluation
 * is written either. should_stop is asked many times a step from any thread of the pool; true once
 * ends the run with ERR_STOPPED.
 *
 * on_resume_state is offered what resume_state_write can save: when a state is due, and at last
 * when the run was stopped after a step that no state has (state->stopping; what it returns then
 * does not matter). 0: it is saved; positive: it is not, but go on; negative: the run ends.
 *
 * find_checkpoint is asked for the folder of the best checkpoint that on_model was given, when
 * that is to become the final model; NULL: it is gone. The folder must stay during the call of
 * train_run.
 */
struct train_observer {
    void *context;
    void (*on_event)(void *context, enum train_level level, const char *message);
    void (*on_point)(void *context, const struct train_point *point);
    int (*on_model)(void *context, const struct train_snapshot *snapshot, struct err *err);
    bool (*should_stop)(void *context);
    int (*on_resume_state)(void *context, const struct resume_state *state, struct err *err);
    const char *(*find_checkpoint)(void *context, size_t step);
};

/* Tell the observer, if it listens to events. */
static inline void
train_say(const struct train_observer *observer, enum train_level level, const char *message)
{
    if (observer->on_event != NULL)
        observer->on_event(observer->context, level, message);
}

/* How a run goes on, and how often it offers a resume state. */
struct train_resume {
    const struct resume_file *state; /* to go on from; NULL: from the beginning */
    bool halved;     /* with half the learning rate from here on; a state may say so, too */
    double interval; /* seconds between states, stretched as resume_pace.h says; < 0: each step */
};

/* Where the run of a plan stands that goes on from a state with these facts. */
struct train_progress train_progress_at(const struct train_plan *plan,
                                        const struct resume_facts *facts);

/*
 * Run a plan to its end. base_sha256 may be NULL. 0; ERR_STOPPED; ERR_INVALID for a model folder
 * that does not load (names the tensor); ERR_MEMORY; ERR_DIVERGED for a loss or gradient that is
 * not finite; ERR_CONFLICT for a resume state of another job (resume_state_check); or what on_model
 * or on_resume_state returned.
 */
int train_run(const struct train_plan *plan, const struct train_request *request,
              const struct gemm_engine *engine, struct pool *pool,
              const struct train_observer *observer, const char *base_sha256, struct err *err);

#endif
