/*
 * What a run does between its steps and at its end: validation, which model is the best, the test
 * with the model that is saved, and the documents of both; see trainer.h.
 *
 * Where the best model and not the last becomes the final one, its parameters come back from the
 * checkpoint that was handed over when it was judged. From then on the run holds no state of its
 * latest step any more: stopped after that, it goes on from the state before.
 */
#include "core/train/trainer_run.h"

#include <math.h>
#include <stdio.h>

/* Labelled rows that are measured. */
struct labelled {
    struct evaluator *evaluator;
    struct evaluation_outputs *outputs;
    enum metric (*metric_of)(enum measured measured);
    bool *measured; /* with the present parameters */
};

static struct labelled
validation_of(struct run *run)
{
    struct session *s = run->session;
    return (struct labelled){&s->validator, &s->validation_outputs, metric_of_validation,
                             &run->validated};
}

static struct labelled
test_of(struct run *run)
{
    struct session *s = run->session;
    return (struct labelled){&s->tester, &s->test_outputs, metric_of_test, &run->tested};
}

static const char *const *
labels_of(const struct run *run)
{
    return (const char *const *)run->plan->labels.names;
}

/* A task's other measures stay NaN: they are no metrics of it. */
static void
note_summary(const struct labelled *rows, const struct evaluation_summary *summary,
             double values[METRIC_COUNT])
{
    const struct {
        enum measured measured;
        double value;
    } members[] = {
        {MEASURED_ACCURACY, summary->accuracy},
        {MEASURED_MACRO_F1, summary->macro_f1},
        {MEASURED_MICRO_F1, summary->micro_f1},
        {MEASURED_MCC, summary->mcc},
        {MEASURED_WEIGHTED_F1, summary->weighted_f1},
        {MEASURED_ENTITY_F1, summary->entity_f1},
        {MEASURED_MSE, summary->mse},
        {MEASURED_MAE, summary->mae},
        {MEASURED_R2, summary->r2},
        {MEASURED_PEARSON, summary->pearson},
        {MEASURED_SPEARMAN, summary->spearman},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (!isnan(members[i].value))
            values[rows->metric_of(members[i].measured)] = members[i].value;
}

/* Measure all rows; their metrics go into values. */
static int
measure(struct run *run, const struct labelled *rows, double values[METRIC_COUNT], struct err *err)
{
    struct evaluation means;
    struct evaluation_summary summary;
    struct network served = run->session->network;
    const struct evaluate_call call = {.evaluator = rows->evaluator,
                                       .network = &served,
                                       .pool = run->pool,
                                       .outputs = rows->outputs,
                                       .should_stop = run_stopped,
                                       .context = run};
    served.precision = GEMM_FP32; /* as the saved model will answer */
    if (!evaluate(&call, &means))
        return run_say_stopped(err);
    values[rows->metric_of(MEASURED_LOSS)] = means.loss;
    values[rows->metric_of(MEASURED_ACCURACY)] = means.accuracy;
    if (evaluation_summarize(rows->outputs, labels_of(run), &summary, err) != 0)
        return err->code;
    note_summary(rows, &summary, values);
    *rows->measured = true;
    return 0;
}

/* ---- after a step ---------------------------------------------------------------------------- */

/* What is due after the latest step. */
struct due {
    bool validation, checkpoint, last;
    struct best best; /* this step's validation counted */
};

static bool
is_multiple(size_t step, int64_t of)
{
    return of > 0 && step % (size_t)of == 0;
}

static int
validate(struct run *run, struct due *due, struct err *err)
{
    const struct train_params *params = &run->plan->params;
    const struct labelled rows = validation_of(run);
    if (measure(run, &rows, run->values, err) != 0)
        return err->code;
    due->best = best_judge(&run->best, params, run->progress.step,
                           run->values[params->metric_for_best_model]);
    return 0;
}

static void
say_early_end(const struct run *run, const struct best *best)
{
    const struct train_params *params = &run->plan->params;
    const char *metric = metric_name(params->metric_for_best_model);
    char message[512];
    if (best->step == 0)
        snprintf(message, sizeof message,
                 "Early stopping: %s was no number in %zu validations. The run ends after step %zu "
                 "of %zu.",
                 metric, best->without, run->progress.step, run->plan->total_steps);
    else
        snprintf(
            message, sizeof message,
            "Early stopping: in %zu validations %s has not become better by more than %g than the "
            "best, %.6g at step %zu. The run ends after step %zu of %zu.",
            best->without, metric, params->early_stopping.min_delta, best->value, best->step,
            run->progress.step, run->plan->total_steps);
    run_say(run, TRAIN_INFO, message);
}

/* The values of a step become the latest. */
static void
note_values(double latest[METRIC_COUNT], const double values[METRIC_COUNT])
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (!isnan(values[i]))
            latest[i] = values[i];
}

static void
report_point(struct run *run)
{
    struct train_point point;
    run->progress.seconds_elapsed = run_now() - run->started;
    point.progress = run->progress;
    for (size_t i = 0; i < METRIC_COUNT; i++)
        point.values[i] = run->values[i];
    note_values(run->latest, run->values);
    if (run->observer->on_point != NULL)
        run->observer->on_point(run->observer->context, &point);
}

static int
hand_over(struct run *run, struct train_snapshot *snapshot, const struct best *best,
          struct err *err)
{
    if (run->observer->on_model == NULL)
        return 0;
    snapshot->progress = run->progress;
    snapshot->save = run->save;
    snapshot->best_step = best->step;
    snapshot->best_by = run->plan->params.metric_for_best_model;
    for (size_t i = 0; i < METRIC_COUNT; i++)
        snapshot->latest[i] = run->latest[i];
    return run->observer->on_model(run->observer->context, snapshot, err);
}

static int
hand_over_checkpoint(struct run *run, const struct best *best, struct err *err)
{
    struct train_snapshot snapshot = {.final = false};
    return hand_over(run, &snapshot, best, err);
}

/* ---- the best model -------------------------------------------------------------------------- */

static bool
wants_best(const struct run *run, const struct best *best)
{
    return run->plan->params.load_best_model == 1 && best->step > 0 &&
           best->step != run->progress.step && !run->holds_best;
}

/* The parameters of the best model in place of the last ones; without its checkpoint, which a
 * client may have deleted, the last ones stay. */
static int
bring_best_back(struct run *run, struct best *best, struct err *err)
{
    const struct train_observer *observer = run->observer;
    char message[256];
    const char *folder = observer->find_checkpoint != NULL
                             ? observer->find_checkpoint(observer->context, best->step)
                             : NULL;
    if (folder == NULL) {
        snprintf(message, sizeof message,
                 "The best checkpoint, of step %zu, is gone: the last model becomes the final one.",
                 best->step);
        run_say(run, TRAIN_WARN, message);
        *best = (struct best){.value = NAN, .without = best->without, .ended = best->ended};
        return 0;
    }
    if (session_restore_model(run->session, folder, err) != 0)
        return err_prefix(err, "best checkpoint of step %zu", best->step);
    run->holds_best = true;
    run->validated = run->tested = false;
    snprintf(message, sizeof message,
             "The model of step %zu becomes the final one: its %s was the best, %.6g.", best->step,
             metric_name(run->plan->params.metric_for_best_model), best->value);
    run_say(run, TRAIN_INFO, message);
    return 0;
}

/* Constant answers have no correlation, for example: then no model was the best. */
static void
tell_unjudged(const struct run *run, const struct best *best)
{
    char message[256];
    const struct train_params *params = &run->plan->params;
    if (params->load_best_model != 1 || best->step > 0)
        return;
    snprintf(message, sizeof message,
             "%s was no number in any validation, so no model is the best: the last one becomes "
             "the final one. Give another metric_for_best_model.",
             metric_name(params->metric_for_best_model));
    run_say(run, TRAIN_WARN, message);
}

static struct due
due_after(const struct run *run)
{
    const struct train_params *params = &run->plan->params;
    size_t done = run->progress.step;
    bool last = done == run->plan->total_steps;
    bool epoch_ends = done % run->steps_per_epoch == 0 || last;
    return (struct due){
        .validation = run->session->validation.rows > 0 &&
                      (epoch_ends || is_multiple(done, params->eval_steps)),
        .checkpoint = epoch_ends || is_multiple(done, params->save_steps),
        .last = last,
        .best = run->best,
    };
}

int
run_after_step(struct run *run, struct err *err)
{
    struct due due = due_after(run);
    if (due.validation && validate(run, &due, err) != 0)
        return err->code;
    if (due.best.ended && !due.last)
        say_early_end(run, &due.best);
    due.last = due.last || due.best.ended;
    due.checkpoint =
        due.checkpoint || due.last ||
        (run->plan->params.load_best_model == 1 && due.best.step == run->progress.step);
    if (due.last)
        tell_unjudged(run, &due.best);
    if (due.last && wants_best(run, &due.best)) {
        note_values(run->latest, run->values);
        if (hand_over_checkpoint(run, &due.best, err) != 0 ||
            bring_best_back(run, &due.best, err) != 0)
            return err->code;
        due.checkpoint = false;
    }
    const struct labelled test = test_of(run);
    if (due.last && run->session->test.rows > 0 && measure(run, &test, run->values, err) != 0)
        return err->code;
    report_point(run);
    bool is_probe = run->plan->params.method == METHOD_LINEAR_PROBE; /* no way, only an end */
    if (due.checkpoint && !is_probe && hand_over_checkpoint(run, &due.best, err) != 0)
        return err->code;
    run->best = due.best;
    run->pending = false;
    return 0;
}

bool
run_is_over(const struct run *run)
{
    return run->progress.step == run->plan->total_steps || run->best.ended;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The rows' figures with the final model, which a run that goes on at its very end has not yet. */
static int
measure_final(struct run *run, const struct labelled *rows, struct err *err)
{
    return *rows->measured ? 0 : measure(run, rows, run->latest, err);
}

/* NULL with a warning: a model is worth more than its document. */
static json_t *
document_of(struct run *run, const struct labelled *rows, const struct evaluation_rows *texts,
            const char *what)
{
    struct err err;
    const struct evaluation_subject subject = {
        .outputs = rows->outputs,
        .labels = labels_of(run),
        .rows = *texts,
        .temperature = run->config.temperature,
        .thresholds = run->config.thresholds,
    };
    json_t *document = evaluation_document(&subject, &err);
    char message[sizeof err.message + 64];
    if (document != NULL)
        return document;
    snprintf(message, sizeof message, "The evaluation of the %s rows could not be made: %s.", what,
             err.message);
    run_say(run, TRAIN_WARN, message);
    return NULL;
}

/* What the validation rows say about probabilities goes into the model; without it they stand as
 * they are. */
static void
fit(struct run *run, struct evaluation_outputs *outputs)
{
    struct err err;
    if (evaluation_fit(outputs, &err) != 0)
        run_say(run, TRAIN_WARN, err.message);
    run->config.temperature = outputs->temperature;
    run->config.thresholds = outputs->thresholds;
}

static void
make_documents(struct run *run, struct train_snapshot *snapshot)
{
    const struct train_plan *plan = run->plan;
    const struct labelled validation = validation_of(run), test = test_of(run);
    struct evaluation_rows texts = {plan->validation, NULL};
    if (plan->validation == NULL)
        texts = (struct evaluation_rows){plan->training, plan->held_out};
    run->config = plan->config;
    run->save.config = &run->config;
    if (run->session->validation.rows > 0) {
        fit(run, validation.outputs);
        snapshot->validation = document_of(run, &validation, &texts, "validation");
    }
    texts = (struct evaluation_rows){plan->test, NULL};
    if (run->session->test.rows > 0)
        snapshot->test = document_of(run, &test, &texts, "test");
}

int
run_finish(struct run *run, struct err *err)
{
    const struct labelled validation = validation_of(run), test = test_of(run);
    struct train_snapshot snapshot = {.final = true};
    run_tell_stuck(run);
    if (wants_best(run, &run->best) && bring_best_back(run, &run->best, err) != 0)
        return err->code;
    if ((run->session->validation.rows > 0 && measure_final(run, &validation, err) != 0) ||
        (run->session->test.rows > 0 && measure_final(run, &test, err) != 0))
        return err->code;
    if (run->observer->on_model != NULL)
        make_documents(run, &snapshot);
    int rc = hand_over(run, &snapshot, &run->best, err);
    json_decref(snapshot.validation);
    json_decref(snapshot.test);
    return rc;
}
