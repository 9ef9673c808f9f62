/*
 * Has a run learned anything? One whose losses, in its last quarter, are those of always giving the
 * same answer says so; figures such as accuracy can look fair all the same.
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
    if (step < total - total / 4)
        return;
    run->late_losses += run->values[METRIC_TRAIN_LOSS];
    run->late_steps++;
}

/* Are the losses those of the targets as they are? */
static bool
is_plain(const struct train_plan *plan)
{
    return plan->loss.class_weights == NULL && plan->params.label_smoothing <= 0 &&
           plan->params.focal_gamma <= 0 && plan->params.oversample <= 0;
}

void
run_tell_stuck(const struct run *run)
{
    const struct train_plan *plan = run->plan;
    char message[512];
    if (run->late_steps < FEWEST_STEPS || !is_plain(plan))
        return;
    double prior = label_prior_loss(&run->session->training.targets, plan->labels.count);
    double mean = run->late_losses / (double)run->late_steps;
    if (!(mean > STUCK_SHARE * prior))
        return;
    snprintf(message, sizeof message,
             "The model has learned next to nothing of the texts: in the last %zu steps the loss "
             "was %.4g, and %.4g is that of giving every text the same best answer. Give another "
             "learning_rate (a smaller one first), more epochs, or start with init_head "
             "\"linear_probe\".",
             run->late_steps, mean, prior);
    run_say(run, TRAIN_WARN, message);
}
