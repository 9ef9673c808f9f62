/*
 * One call of train_plan_make, as its parts share it: files, model and numbers (plan.c), what the
 * rows are to say (plan_targets.c), and which an epoch repeats (plan_repeats.c). Nobody else
 * includes this.
 */
#ifndef CORE_TRAIN_PLAN_PARTS_H
#define CORE_TRAIN_PLAN_PARTS_H

#include "core/train/plan.h"

/* What one call of train_plan_make carries about. */
struct planner {
    const struct train_request *request;
    struct arena *arena;
    struct train_plan *plan;
    struct train_fault *fault;
    struct err *err;
};

/* File a refusal whose message stands in err already; parameter NULL: that of the part. */
int plan_blame(struct planner *p, enum train_part part, const char *parameter, size_t line,
               bool unsupported);

/* ---- plan_targets.c -------------------------------------------------------------------------- */

/* Does the form of a file's labels fit the task? That of the training file decides it if nobody
 * did. */
int plan_check_task(struct planner *p, enum train_part part, const struct labelled_file *file);

/* What the model is to say, by the training file: label set and targets. */
int plan_collect_labels(struct planner *p);

/* Are the labels of a validation or test file among those of the training file? */
int plan_check_labels(struct planner *p, enum train_part part, const struct labelled_file *file);

/* Which rows of the training file validate, when there is no validation file. */
void plan_split(struct planner *p);

/* What the loss counts and how: standardised numbers, weights of classes. After the split. */
int plan_settle_loss(struct planner *p);

/* ---- plan_repeats.c -------------------------------------------------------------------------- */

/* How many rows an epoch repeats. After the split, before steps are counted. */
int plan_count_repeats(struct planner *p);

/* ---- plan_windows.c -------------------------------------------------------------------------- */

/* Whether long texts become windows, and how many rows an epoch gets by them. After the repeats,
 * before steps are counted. */
int plan_choose_windows(struct planner *p);

#endif
