/* Learning-rate schedules; see schedule.h. Plain double arithmetic, no libm. */
#include "core/train/schedule.h"

double
schedule_learning_rate(const struct train_params *params, size_t step, size_t total)
{
    double rate = params->learning_rate * params->learning_rate_multiplier;
    size_t warmup = (size_t)params->warmup_steps;
    if (step < warmup)
        return rate * ((double)step / (double)warmup);
    switch (params->lr_scheduler) {
    case SCHEDULER_LINEAR:
        if (step >= total)
            return 0.0;
        return rate * ((double)(total - step) / (double)(total > warmup ? total - warmup : 1));
    case SCHEDULER_AUTO:
    case SCHEDULER_CONSTANT:
        break;
    }
    return rate;
}
