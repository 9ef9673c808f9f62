/*
 * The last step of a job: its baseline. The job's own memory is gone by now and the model is in its
 * folder. A job that is stopped here goes on from its newest state and makes the same model again;
 * one whose baseline cannot be had has its model all the same.
 */
#include "daemon/work/trainer_run.h"

#include "core/base/json.h"
#include "core/probe/baseline.h"

#include <stdlib.h>

static void
on_event(void *context, enum train_level level, const char *message)
{
    struct run *run = context;
    const struct event_new event = {.kind = level == TRAIN_WARN ? EVENT_WARNING : EVENT_NOTE,
                                    .level = level == TRAIN_WARN ? EVENT_WARN : EVENT_INFO,
                                    .type = EVENT_MESSAGE,
                                    .message = message};
    recorder_add_event(&run->recorder, &event);
}

enum run_outcome
run_measure_baseline(struct run *run)
{
    struct err err;
    json_t *document;
    const struct baseline_call call = {
        .plan = &run->plan,
        .request = &run->train,
        .engine = run->trainer->engine,
        .pool = run->pool,
        .latest = run->snapshots.final_values,
        .should_stop = run_should_stop,
        .on_event = on_event,
        .context = run,
    };
    if (run->plan.params.baseline != 1)
        return RUN_SUCCEEDED;
    if (baseline_report(&call, &document, &err) != 0)
        return run_stop_outcome(run);
    if (document == NULL)
        return RUN_SUCCEEDED;
    char *text = json_text(document);
    run->baseline_json = arena_copy_string(run->arena, text);
    free(text);
    json_decref(document);
    return RUN_SUCCEEDED;
}
