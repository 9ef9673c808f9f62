/*
 * One run, as its parts share it: the loop (trainer.c), what is evaluated and which model is the
 * best (trainer_evaluate.c), resume states (trainer_resume.c). Nobody else includes this.
 */
#ifndef CORE_TRAIN_TRAINER_RUN_H
#define CORE_TRAIN_TRAINER_RUN_H

#include "core/train/best.h"
#include "core/train/resume_pace.h"
#include "core/train/session.h"
#include "core/train/trainer.h"

#include <stdatomic.h>

/* Of which a run that ends early is judged. */
enum { RUN_NEWEST_LOSSES = 64 };

/* A run in progress: the session plus where it stands. */
struct run {
    struct session *session;
    const struct train_plan *plan;
    struct pool *pool;
    const struct train_observer *observer;
    atomic_bool stopping; /* should_stop said so once: work may be left out, so it stays */
    struct model_save save;
    struct model_config config; /* of the final model: the plan's, with what validation gave */
    struct resume_owner owner;
    struct resume_pace pace;
    size_t steps_per_epoch;
    int64_t drawn_epoch;     /* whose order the session has */
    double started;          /* of train_run, monotonic seconds; earlier runs put it back */
    double training_seconds; /* inside steps alone */
    size_t rows_done;
    bool halved; /* the learning rate */
    struct train_progress progress;
    bool pending;                /* what follows the latest step has not been done */
    double values[METRIC_COUNT]; /* of that step */
    double latest[METRIC_COUNT];
    struct best best;       /* without the step's own validation while that is pending */
    bool holds_best;        /* the parameters are those of best.step, not of the latest step */
    bool validated, tested; /* the session's outputs are those of the present parameters */
    size_t kept_step;       /* of the latest state, and its `pending`; 0: none */
    bool kept_pending;
    /* losses of the steps that this process made: of the last quarter of the plan's, and the newest
     * ones, by step */
    double late_losses;
    size_t late_steps;
    double newest_losses[RUN_NEWEST_LOSSES];
    size_t steps_made;
};

double run_now(void); /* monotonic seconds */

/* Has the run been asked to stop? From any thread; context is the run. */
bool run_stopped(void *context);
int run_say_stopped(struct err *err);

void run_clear(double values[METRIC_COUNT]); /* all NaN */
void run_say(const struct run *run, enum train_level level, const char *message);

/* Steps of an epoch of a plan. */
size_t run_steps_per_epoch(const struct train_plan *plan);

/* ---- trainer_evaluate.c ---------------------------------------------------------------------- */

/* Evaluate, report and keep what is due after a step. Stopped within, it can be done again. */
int run_after_step(struct run *run, struct err *err);

/* Has the run come to its end, by the plan or by early stopping? */
bool run_is_over(const struct run *run);

/* Hand the final model over, with the documents of its evaluations. */
int run_finish(struct run *run, struct err *err);

/* ---- trainer_stuck.c ------------------------------------------------------------------------- */

/* Remember the loss of a step that is done. */
void run_note_loss(struct run *run, size_t step);

/* Warn of a run whose late losses are those of a model that knows no text. */
void run_tell_stuck(const struct run *run);

/* ---- trainer_probe.c ------------------------------------------------------------------------- */

/* All of a run of METHOD_LINEAR_PROBE: fit, measure, hand over. It leaves no states. */
int run_fit_probe(struct run *run, struct err *err);

/* Before the first step: the classifier becomes a linear probe. */
int run_probe_head(struct run *run, struct err *err);

/* ---- trainer_resume.c ------------------------------------------------------------------------ */

/* Offer a state of the latest completed step, unless it has one or has no good numbers. */
int run_offer_state(struct run *run, struct err *err);

/* Go on where a state ends. */
int run_restore(struct run *run, const struct resume_file *file, struct err *err);

#endif
