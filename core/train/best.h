/*
 * Which model of a run is the best, and when a run ends early.
 *
 * After each validation the value of one metric is judged: better than the best so far, by however
 * little, is the new best (the first of equals stays). Early stopping counts validations that did
 * not improve on the best by more than min_delta, and ends the run at `patience` of them. Both as
 * transformers' Trainer and its EarlyStoppingCallback do. Pure, so that a run that goes on from a
 * state judges as one that was never interrupted.
 */
#ifndef CORE_TRAIN_BEST_H
#define CORE_TRAIN_BEST_H

#include "core/base/err.h"
#include "core/train/params.h"

#include <stdbool.h>
#include <stddef.h>

struct best {
    size_t step;    /* of the best model; 0: none was judged yet */
    double value;   /* of its metric; NaN without a step */
    size_t without; /* validations since the last one that early stopping takes for progress */
    bool ended;     /* by early stopping */
};

struct best best_none(void);

/* THE rule: is a value of this metric better than another? NaN is never better, and any number is
 * better than NaN. */
bool best_is_better(enum metric by, double value, double than);

/* The judgement after a validation at a step with this value (NaN is never better). params are
 * resolved. */
struct best best_judge(const struct best *before, const struct train_params *params, size_t step,
                       double value);

/*
 * Can a run of this task do what its parameters say of best models? ERR_INVALID with a sentence,
 * and *parameter names the one that it is about. Before train_params_resolve, so that only what was
 * given is refused; resolved ones that were not refused pass again.
 */
int best_check(const struct train_params *params, enum task task, bool has_validation,
               const char **parameter, struct err *err);

#endif
