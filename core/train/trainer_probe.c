/* A run whose one step is a linear probe, and a head that starts as one; see trainer.h. */
#include "core/train/trainer_run.h"

#include <stdio.h>

static const char *
end_of(const struct linear_result *fit)
{
    switch (fit->end) {
    case LBFGS_CONVERGED:
        return "it has converged";
    case LBFGS_NO_PROGRESS:
        return "rounding hides what would be left";
    case LBFGS_ITERATIONS:
        return "it has not converged, which is the limit";
    }
    return "";
}

/* Features, fit, and what came of it as an event that opens with `what`. */
static int
probe(struct run *run, const char *what, struct err *err)
{
    char message[448];
    struct probe_facts facts;
    bool tokens = run->plan->task == TASK_TOKEN_CLASSIFICATION;
    double began = run_now();
    const struct session_probe how = {run->pool, run_stopped, run};
    if (session_probe_head(run->session, &how, &facts, err) != 0)
        return err->code;
    if (run_stopped(run))
        return run_say_stopped(err);
    snprintf(message, sizeof message,
             "%s: fitted to the outputs of the untouched base model for %zu %s in %zu iterations "
             "(%s) and %.1f seconds.%s",
             what, facts.outputs, tokens ? "words" : "rows", facts.fit.iterations,
             end_of(&facts.fit), run_now() - began,
             tokens ? ""
                    : " It looks at means of tokens, for which transformers has no class: there "
                      "AutoModel loads the encoder, and the labels are told here alone.");
    run_say(run, TRAIN_INFO, message);
    return 0;
}

int
run_probe_head(struct run *run, struct err *err)
{
    return probe(run, "The classifier starts as a linear probe", err);
}

int
run_fit_probe(struct run *run, struct err *err)
{
    const struct session *s = run->session;
    struct train_progress *progress = &run->progress;
    const struct token_store *rows = s->probed.rows > 0 ? &s->probed : &s->training;
    double began = run_now();
    if (probe(run, "The linear probe", err) != 0)
        return err->code;
    run->training_seconds = run_now() - began;
    run->rows_done = rows->rows;
    *progress = (struct train_progress){
        .step = 1,
        .total_steps = 1,
        .epoch = 1,
        .trained_tokens = (int64_t)rows->offsets[rows->rows],
        .rows_per_second = (double)rows->rows / run->training_seconds,
        .tokens_per_second = (double)rows->offsets[rows->rows] / run->training_seconds,
    };
    run_clear(run->values);
    run->values[METRIC_ROWS_PER_SECOND] = progress->rows_per_second;
    run->values[METRIC_TOKENS_PER_SECOND] = progress->tokens_per_second;
    run->pending = true;
    if (run_after_step(run, err) != 0)
        return err->code;
    return run_finish(run, err);
}
