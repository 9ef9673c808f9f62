/*
 * Has a run learned anything? One whose losses, in its last quarter or before it ended early, are
 * those of always giving the same answer says so; figures such as accuracy can look fair all the
 * same.
 */
#include "core/train/label_prior.h"
#include "core/train/trainer_run.h"

#include <stdio.h>

enum { FEWEST_STEPS = 20 };

/* Dropout puts the losses of such a run a little above the prior's, never this far below. */
#define STUCK_SHARE 0.97

void
run_note_loss(struct run *run, size_t step)
{
    size_t total = run->plan->total_steps;
    double loss = run->values[METRIC_TRAIN_LOSS];
    run->newest_losses[run->steps_made++ % RUN_NEWEST_LOSSES] = loss;
    if (step < total - total / 4)
        return;
    run->late_losses += loss;
    run->late_steps++;
}

/* The mean of the losses that judge the run, and of how many steps they are. */
static double
mean_loss(const struct run *run, size_t *steps)
{
    double sum = run->late_losses;
    *steps = run->late_steps;
    if (run->best.ended) {
        *steps = run->steps_made < RUN_NEWEST_LOSSES ? run->steps_made : RUN_NEWEST_LOSSES;
        sum = 0;
        for (size_t i = 0; i < *steps; i++)
            sum += run->newest_losses[i];
    }
    return sum / (double)(*steps > 0 ? *steps : 1);
}

/* Are the losses those of the rows as they are, but for the weights of their classes? */
static bool
is_comparable(const struct train_plan *plan)
{
    return plan->params.label_smoothing <= 0 && plan->params.focal_gamma <= 0 &&
           plan->params.oversample <= 0;
}

void
run_tell_stuck(const struct run *run)
{
    const struct train_plan *plan = run->plan;
    char message[512];
    size_t steps = 0;
    double mean = mean_loss(run, &steps);
    if (steps < FEWEST_STEPS || !is_comparable(plan))
        return;
    double prior = label_prior_loss(&run->session->training.targets, plan->labels.count,
                                    plan->loss.class_weights);
    if (!(mean > STUCK_SHARE * prior))
        return;
    snprintf(message, sizeof message,
             "The model has learned next to nothing of the texts: in the last %zu steps the loss "
             "was %.4g, and %.4g is that of giving every text the same best answer. Give another "
             "learning_rate (a smaller one first), more epochs, or start with init_head "
             "\"linear_probe\".",
             steps, mean, prior);
    run_say(run, TRAIN_WARN, message);
}
