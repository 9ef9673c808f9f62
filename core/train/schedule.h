/*
 * The learning rate of each step.
 */
#ifndef CORE_TRAIN_SCHEDULE_H
#define CORE_TRAIN_SCHEDULE_H

#include "core/train/params.h"

#include <stddef.h>

/*
 * Learning rate of update `step` (0-based, before it) out of total. Warm-up rises from 0 as
 * step / warmup; then constant stays, linear falls as (total - step) / (total - warmup) (the
 * formula of transformers' get_linear_schedule_with_warmup). Params are resolved.
 */
double schedule_learning_rate(const struct train_params *params, size_t step, size_t total);

#endif
