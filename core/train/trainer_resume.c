/* Resume states of a run: offered, and gone on from; see trainer.h. */
#include "core/train/trainer_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct resume_state
state_of(const struct run *run)
{
    const struct session *s = run->session;
    struct resume_state state = {
        .facts = {.step = run->progress.step,
                  .total_steps = run->plan->total_steps,
                  .pending = run->pending,
                  .halved = run->halved,
                  .optimizer_steps = s->optimizer.steps,
                  .beta1_power = s->optimizer.beta1_power,
                  .beta2_power = s->optimizer.beta2_power,
                  .rows_done = run->rows_done,
                  .trained_tokens = run->progress.trained_tokens,
                  .training_seconds = run->training_seconds,
                  .seconds_elapsed = run_now() - run->started,
                  .seed = run->plan->params.seed,
                  .owner = run->owner},
        .params = &run->plan->params,
        .layout = &s->layout,
        .parameters = session_parameters(s),
        .optimizer = &s->optimizer,
        .stopping = atomic_load(&run->stopping),
    };
    memcpy(state.facts.latest, run->latest, sizeof run->latest);
    state.facts.best = run->best;
    if (run->pending)
        memcpy(state.facts.values, run->values, sizeof run->values);
    else
        run_clear(state.facts.values);
    return state;
}

/* Offer a state of the latest completed step, unless it has one or has no good numbers. */
int
run_offer_state(struct run *run, struct err *err)
{
    const struct train_observer *observer = run->observer;
    bool is_kept = run->kept_step == run->progress.step && run->kept_pending == run->pending;
    if (observer->on_resume_state == NULL || is_kept || run->holds_best)
        return 0; /* parameters of an earlier step are no state of this one */
    struct resume_state state = state_of(run);
    double began = run_now();
    int rc = 1;
    if (resume_state_is_finite(&state))
        rc = observer->on_resume_state(observer->context, &state, err);
    resume_pace_note(&run->pace, began, run_now());
    if (rc != 0)
        return rc < 0 ? rc : 0;
    run->kept_step = run->progress.step;
    run->kept_pending = run->pending;
    return 0;
}

struct train_progress
train_progress_at(const struct train_plan *plan, const struct resume_facts *facts)
{
    return (struct train_progress){
        .step = facts->step,
        .total_steps = plan->total_steps,
        .epoch = (double)facts->step / (double)run_steps_per_epoch(plan),
        .seconds_elapsed = facts->seconds_elapsed,
        .rows_per_second = (double)facts->rows_done / facts->training_seconds,
        .tokens_per_second = (double)facts->trained_tokens / facts->training_seconds,
        .trained_tokens = facts->trained_tokens,
    };
}

/* Go on where a state ends. */
static void
take_facts(struct run *run, const struct resume_facts *facts)
{
    run->progress = train_progress_at(run->plan, facts);
    run->training_seconds = facts->training_seconds;
    run->rows_done = facts->rows_done;
    run->started -= facts->seconds_elapsed;
    run->halved = run->halved || facts->halved;
    run->pending = facts->pending;
    run->kept_step = facts->step;
    run->kept_pending = facts->pending;
    memcpy(run->values, facts->values, sizeof run->values);
    memcpy(run->latest, facts->latest, sizeof run->latest);
    run->best = facts->best;
}

static void
warn_of_other_numerics(const struct run *run, const char *before)
{
    char message[3 * NUMERICS_KEY_BYTES];
    snprintf(message, sizeof message,
             "This job began with the numerics %s and goes on with %s: its result can differ a "
             "little from that of an undisturbed run.",
             before, run->owner.numerics_key);
    run_say(run, TRAIN_WARN, message);
}

int
run_restore(struct run *run, const struct resume_file *file, struct err *err)
{
    struct session *s = run->session;
    const struct resume_facts *facts = resume_state_facts(file);
    const struct resume_run now = {&run->plan->params, run->plan->total_steps, run->owner};
    if (resume_state_check(file, &now, err) != 0)
        return err->code;
    if (resume_state_restore(file, &s->layout, session_parameters(s), &s->optimizer, err) != 0)
        return err_prefix(err, "resume state of step %zu", facts->step);
    take_facts(run, facts);
    if (strcmp(facts->owner.numerics_key, run->owner.numerics_key) != 0)
        warn_of_other_numerics(run, facts->owner.numerics_key);
    return 0;
}
