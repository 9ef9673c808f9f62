/*
 * A `finetuned run` from its first step to its last line; see run_stages.h.
 */
#include "daemon/run_stages.h"

#include "core/probe/baseline.h"
#include "core/train/resume_state.h"
#include "daemon/command.h"
#include "daemon/json_append.h"
#include "daemon/run_cautions.h"
#include "daemon/signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How a failure is called in the job object: the names of the API. */
static const char *
failure_code(enum err_code code)
{
    switch (code) {
    case ERR_MEMORY:
        return "out_of_memory";
    case ERR_FULL:
        return "disk_full";
    case ERR_DIVERGED:
        return "diverged";
    case ERR_CONFLICT: /* the saved state is another job's */
        return "conflict";
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_UNSUPPORTED:
        return "invalid_model";
    case ERR_NONE:
    case ERR_IO:
    case ERR_STOPPED:
    case ERR_INTERNAL:
        break;
    }
    return "internal";
}

/* What will be done; at the beginning of a job also what is odd about its data. */
static int
announce(struct run *run, struct err *err)
{
    const struct train_plan *plan = &run->plan;
    size_t in_epoch = train_plan_epoch_rows(plan);
    const char *more = in_epoch > plan->training_rows
                           ? arena_printf(run->arena, " (%zu in an epoch)", in_epoch)
                           : "";
    run_observer_say(
        run, TRAIN_INFO,
        arena_printf(run->arena,
                     "Training %s on %zu rows%s with %zu labels: %zu steps. Validation: %zu "
                     "rows. Test: %zu rows.",
                     run->request.model, plan->training_rows, more, plan->labels.count,
                     plan->total_steps, plan->validation_rows, plan->test_rows));
    run_observer_say(run, TRAIN_INFO, job_params_explain(&plan->choices, run->arena));
    return run->saved == NULL ? run_cautions_tell(&run->state, &run->train, err) : 0;
}

/* A signal came: what is saved can go on. */
static int
conclude_stopped(struct run *run)
{
    bool is_saved = run->states.newest_step > 0;
    run->state.status = is_saved ? "paused" : "cancelled";
    if (is_saved)
        fprintf(
            stderr,
            "finetuned run: stopped, and saved after step %zu of %zu; go on with: finetuned run "
            "--resume %s\n",
            run->states.newest_step, run->plan.total_steps, run->path);
    return EXIT_SIGNAL_BASE + signals_caught();
}

/* Say how it ended, in the job object and by the exit code. */
static int
conclude(struct run *run, int status, const struct err *err)
{
    struct run_state *state = &run->state;
    struct err noted;
    int exit_code = EXIT_OK;
    state->finished_at = (int64_t)time(NULL);
    state->status = "succeeded";
    if (status == 0 && run_states_remove(&run->states, &noted) != 0)
        fprintf(stderr, "finetuned run: %s\n", noted.message);
    if (status == ERR_STOPPED && signals_caught() != 0) {
        exit_code = conclude_stopped(run);
    } else if (status != 0) {
        state->status = "failed";
        state->error_code = failure_code(err->code);
        state->error_message = err->message;
        fprintf(stderr, "finetuned run: %s\n", err->message);
        exit_code = EXIT_FAILED;
    }
    if (run->output_err.code == ERR_NONE)
        run_lines_job(state, &run->output_err);
    if (run->output_err.code == ERR_NONE)
        return exit_code;
    fprintf(stderr, "finetuned run: %s\n", run->output_err.message);
    return exit_code != EXIT_OK ? exit_code : EXIT_FAILED;
}

/* Progress and measures begin where the state ends. */
static void
go_back(struct run *run)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        run->state.latest[i] = NAN;
    run->state.progress = (struct train_progress){.total_steps = run->plan.total_steps};
    if (run->damage != NULL)
        run_observer_say(run, TRAIN_WARN, run->damage);
    run->damage = NULL;
    if (run->saved == NULL)
        return;
    const struct resume_facts *facts = resume_state_facts(run->saved);
    memcpy(run->state.latest, facts->latest, sizeof run->state.latest);
    run->state.progress = train_progress_at(&run->plan, facts);
}

static void
say_where_it_starts(struct run *run)
{
    if (run->saved != NULL)
        run_observer_say(run, TRAIN_INFO,
                         arena_printf(run->arena, "The run goes on from step %zu of %zu.",
                                      resume_state_facts(run->saved)->step, run->plan.total_steps));
    else if (run->resumes)
        run_observer_say(run, TRAIN_INFO, "No state was saved: the run starts from its beginning.");
}

static int
train_once(struct run *run, struct err *err)
{
    const struct train_observer observer = run_observer_of(run);
    const struct train_resume resume = {
        .state = run->saved, .halved = run->halved, .interval = (double)run->resume_interval};
    run->train.resume = &resume;
    int status = train_run(&run->plan, &run->train, run->engine, run->pool, &observer,
                           run->base_sha256, err);
    run->train.resume = NULL;
    return status;
}

/* The model stands in output_dir by now: whoever stops the run here has it without a baseline. */
static void
measure_baseline(struct run *run)
{
    struct err err;
    json_t *document;
    const struct train_observer observer = run_observer_of(run);
    const struct baseline_call call = {
        .plan = &run->plan,
        .request = &run->train,
        .engine = run->engine,
        .pool = run->pool,
        .latest = run->state.latest,
        .should_stop = observer.should_stop,
        .on_event = observer.on_event,
        .context = observer.context,
    };
    if (run->plan.params.baseline != 1)
        return;
    if (baseline_report(&call, &document, &err) != 0)
        run_observer_say(run, TRAIN_WARN,
                         "Stopped before the baseline was measured; the model is whole.");
    run->state.baseline_json = json_append_copy(document, run->arena);
    json_decref(document);
}

/* Train; a run that diverges goes back to its newest state once, with half the learning rate. */
static int
train(struct run *run, struct err *err)
{
    bool was_halved = run->saved != NULL && resume_state_facts(run->saved)->halved;
    int status = train_once(run, err);
    if (status != ERR_DIVERGED || was_halved)
        return status;
    run_observer_say(
        run, TRAIN_WARN,
        arena_printf(run->arena,
                     "Not a finite number: %s. The run goes back to its newest state, or to "
                     "its beginning, and goes on with half the learning rate.",
                     err->message));
    run->halved = true;
    resume_state_close(run->saved);
    run->saved = NULL;
    if (run_states_choose(&run->states, &run->saved, &run->damage, err) != 0)
        return err->code;
    go_back(run);
    return train_once(run, err);
}

int
run_train(struct run *run)
{
    struct err err = {0};
    run->state = (struct run_state){
        .request = &run->request,
        .plan = &run->plan,
        .parameters_json = job_params_print(&run->plan.params, run->arena),
        .engine = gemm_engine_name(run->engine),
        .created_at = (int64_t)time(NULL),
    };
    go_back(run);
    int status = run_prepare_computing(run, &err);
    if (status == 0)
        status = announce(run, &err);
    if (status == 0) {
        say_where_it_starts(run);
        status = train(run, &err);
    }
    if (status == 0)
        measure_baseline(run);
    return conclude(run, status, &err);
}
