/*
 * What a `finetuned run` does with what training tells: lines, the model, states. See run_stages.h.
 */
#include "daemon/run_stages.h"

#include "core/hub/model_dir.h"
#include "daemon/json_append.h"
#include "daemon/signals.h"

#include <string.h>

void
run_observer_say(struct run *run, enum train_level level, const char *message)
{
    const struct run_event event = {.level = level, .message = message};
    if (run->output_err.code == ERR_NONE)
        run_lines_event(&run->state, &event, &run->output_err);
}

static void
on_event(void *context, enum train_level level, const char *message)
{
    run_observer_say(context, level, message);
}

static void
on_point(void *context, const struct train_point *point)
{
    struct run *run = context;
    if (run->output_err.code == ERR_NONE)
        run_lines_point(&run->state, point, &run->output_err);
}

/* Only the final model is kept: a run has no list of checkpoints to show. The best one is kept
 * until then, where it may become the final one. */
static int
on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct run *run = context;
    bool is_best = snapshot->best_step == snapshot->progress.step;
    if (!snapshot->final && is_best && run->plan.params.load_best_model == 1)
        return run_states_keep_best(&run->states, &snapshot->save, snapshot->best_step, err);
    if (!snapshot->final)
        return 0;
    memcpy(run->state.latest, snapshot->latest, sizeof run->state.latest);
    run->state.validation_json = json_append_copy(snapshot->validation, run->arena);
    run->state.test_json = json_append_copy(snapshot->test, run->arena);
    if (run->request.output_dir == NULL)
        return 0;
    return model_dir_save(&snapshot->save, run->request.output_dir, err);
}

static const char *
find_checkpoint(void *context, size_t step)
{
    const struct run *run = context;
    return run_states_best(&run->states, step);
}

/* A state that cannot be saved does not end the run. */
static int
on_resume_state(void *context, const struct resume_state *state, struct err *err)
{
    struct run *run = context;
    if (run->states.folder == NULL || run->output_err.code != ERR_NONE)
        return 1;
    if (run_states_save(&run->states, state, err) == 0)
        return 0;
    run_observer_say(run, TRAIN_WARN,
                     arena_printf(run->arena, "The state of step %zu could not be saved: %s.",
                                  state->facts.step, err->message));
    return 1;
}

static bool
should_stop(void *context)
{
    const struct run *run = context; /* output_err changes between steps only */
    return signals_caught() != 0 || run->output_err.code != ERR_NONE;
}

struct train_observer
run_observer_of(struct run *run)
{
    return (struct train_observer){
        .context = run,
        .on_event = on_event,
        .on_point = on_point,
        .on_model = on_model,
        .should_stop = should_stop,
        .on_resume_state = on_resume_state,
        .find_checkpoint = find_checkpoint,
    };
}
