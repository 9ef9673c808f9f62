/* A job's baseline; see baseline.h. */
#include "core/probe/baseline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a task is judged by: the first that was measured. */
static const enum measured measures[][2] = {
    [TASK_CLASSIFICATION] = {MEASURED_ACCURACY, MEASURED_LOSS},
    [TASK_MULTI_LABEL] = {MEASURED_MICRO_F1, MEASURED_LOSS},
    [TASK_REGRESSION] = {MEASURED_R2, MEASURED_LOSS},
    [TASK_TOKEN_CLASSIFICATION] = {MEASURED_ENTITY_F1, MEASURED_ACCURACY},
};

enum { MEASURE_COUNT = sizeof measures[0] / sizeof measures[0][0] };

static bool
is_on_test(const struct baseline_call *call)
{
    return call->plan->test_rows > 0;
}

static enum metric
metric_of(const struct baseline_call *call, enum measured measured)
{
    return is_on_test(call) ? metric_of_test(measured) : metric_of_validation(measured);
}

static bool
find_measure(const struct baseline_call *call, enum measured *measured)
{
    const struct train_plan *plan = call->plan;
    if (plan->test_rows == 0 && plan->validation_rows == 0)
        return false;
    for (size_t i = 0; i < MEASURE_COUNT; i++) {
        *measured = measures[plan->task][i];
        if (!isnan(call->latest[metric_of(call, *measured)]))
            return true;
    }
    return false;
}

bool
baseline_has_metric(const struct baseline_call *call)
{
    enum measured measured;
    return find_measure(call, &measured);
}

/* ---- the most frequent answer ---------------------------------------------------------------- */

/* Rows of a list: all of them, or those whose mark is `wanted`. */
struct selection {
    const struct targets *targets;
    const bool *marks; /* NULL: all */
    bool wanted;
};

static bool
is_selected(const struct selection *rows, size_t row)
{
    return rows->marks == NULL || rows->marks[row] == rows->wanted;
}

/* What has been counted over a selection. */
struct tally {
    const struct train_plan *plan;
    size_t *counts; /* (K): how often each class or label is the answer */
    size_t answers; /* in all */
    size_t rows;
};

static void
count_answers(const struct selection *rows, struct tally *tally)
{
    bool single = tally->plan->task == TASK_CLASSIFICATION;
    for (size_t row = 0; row < rows->targets->rows; row++) {
        if (!is_selected(rows, row))
            continue;
        struct target target = targets_row(rows->targets, row);
        const uint32_t *ids = single ? &target.label : target.ids;
        size_t count = single ? 1 : target.count;
        tally->rows++;
        for (size_t i = 0; i < count; i++) {
            if (ids[i] == LABEL_NONE)
                continue;
            tally->counts[ids[i]]++;
            tally->answers++;
        }
    }
}

/* The answer that training has most often, the first of equals, held against the measured rows. */
static double
judge_answer(enum measured measured, const struct tally *training, const struct tally *tested)
{
    const struct label_set *labels = &training->plan->labels;
    size_t best = 0;
    for (size_t i = 1; i < labels->count; i++)
        if (training->counts[i] > training->counts[best])
            best = i;
    double hits = (double)tested->counts[best];
    if (measured == MEASURED_ACCURACY)
        return tested->answers > 0 ? hits / (double)tested->answers : NAN;
    if (measured == MEASURED_MICRO_F1)
        return 2 * hits / (double)(tested->rows + tested->answers);
    if (measured == MEASURED_ENTITY_F1 && strcmp(labels->names[best], "O") == 0)
        return 0; /* it finds nothing */
    return NAN;
}

/* Of one number of each row: the mean squared distance from zero, the training rows' mean, and R2,
 * which rows that all have the same number do not define. */
static double
judge_number(const struct selection *rows, enum measured measured, size_t number)
{
    double sum = 0, squares = 0, around = 0, least = INFINITY, most = -INFINITY;
    size_t count = 0;
    size_t width = rows->targets->width;
    for (size_t row = 0; row < rows->targets->rows; row++) {
        if (!is_selected(rows, row))
            continue;
        double value = (double)rows->targets->values[row * width + number];
        sum += value;
        squares += value * value;
        least = value < least ? value : least;
        most = value > most ? value : most;
        count++;
    }
    if (measured == MEASURED_LOSS)
        return squares / (double)count;
    around = squares - sum * sum / (double)count;
    return most > least && around > 0 ? 1 - squares / around : NAN;
}

static double
judge_numbers(const struct selection *rows, enum measured measured)
{
    double sum = 0;
    for (size_t k = 0; k < rows->targets->width; k++)
        sum += judge_number(rows, measured, k);
    return sum / (double)rows->targets->width;
}

static double
majority_of(const struct baseline_call *call, enum measured measured,
            const struct selection *tested)
{
    const struct train_plan *plan = call->plan;
    const struct selection training = {&plan->training_targets, plan->held_out, false};
    struct tally learned = {.plan = plan}, seen = {.plan = plan};
    double value = NAN;
    if (plan->task == TASK_REGRESSION)
        return judge_numbers(tested, measured);
    learned.counts = mem_array(plan->labels.count, sizeof *learned.counts);
    seen.counts = mem_array(plan->labels.count, sizeof *seen.counts);
    if (learned.counts != NULL && seen.counts != NULL) {
        count_answers(&training, &learned);
        count_answers(tested, &seen);
        value = judge_answer(measured, &learned, &seen);
    }
    free(learned.counts);
    free(seen.counts);
    return value;
}

/* The targets of the measured rows, as the plan's labelling has them. */
static int
measure_majority(const struct baseline_call *call, enum measured measured, double *out,
                 struct err *err)
{
    const struct train_plan *plan = call->plan;
    const struct labelling labelling = train_plan_labelling(plan);
    bool test = is_on_test(call);
    const struct labelled_file file = {test ? plan->test : plan->validation,
                                       test ? call->request->test.name
                                            : call->request->validation.name};
    struct targets targets = {0};
    size_t line;
    if (file.data == NULL) {
        const struct selection held_out = {&plan->training_targets, plan->held_out, true};
        *out = majority_of(call, measured, &held_out);
        return 0;
    }
    int rc = labelling_apply(&labelling, &file, &targets, &line, err);
    if (rc == 0)
        *out = majority_of(call, measured, &(struct selection){.targets = &targets});
    targets_fini(&targets);
    return rc;
}

/* ---- the probe ------------------------------------------------------------------------------- */

/* A run of the probe that nobody sees. */
struct trial {
    const struct baseline_call *call;
    double values[METRIC_COUNT];
};

static void
keep_values(void *context, const struct train_point *point)
{
    struct trial *trial = context;
    memcpy(trial->values, point->values, sizeof trial->values);
}

static bool
is_stopped(void *context)
{
    const struct baseline_call *call = ((const struct trial *)context)->call;
    return call->should_stop != NULL && call->should_stop(call->context);
}

/* The plan of a job of the other method, on the same rows. */
static struct train_plan
plan_of_probe(const struct train_plan *plan)
{
    struct train_plan probe = *plan;
    bool means = plan->task != TASK_TOKEN_CLASSIFICATION;
    probe.params.method = METHOD_LINEAR_PROBE;
    probe.params.load_best_model = 0;
    probe.params.early_stopping.patience = 0;
    probe.config.pooling = means ? POOL_MEAN : POOL_FIRST;
    probe.config.normalize = means;
    probe.keeps_head = false;
    probe.total_steps = 1;
    probe.probe_rows = BASELINE_ROWS;
    return probe;
}

static int
run_probe(const struct baseline_call *call, enum metric metric, double *out, struct err *err)
{
    struct trial trial = {.call = call};
    const struct train_observer observer = {
        .context = &trial, .on_point = keep_values, .should_stop = is_stopped};
    const struct train_plan plan = plan_of_probe(call->plan);
    struct train_request request = *call->request;
    request.resume = NULL;
    for (size_t i = 0; i < METRIC_COUNT; i++)
        trial.values[i] = NAN;
    int rc = train_run(&plan, &request, call->engine, call->pool, &observer, NULL, err);
    *out = rc == 0 ? trial.values[metric] : NAN;
    return rc;
}

int
baseline_measure(const struct baseline_call *call, struct baseline *out, struct err *err)
{
    enum measured measured = MEASURED_LOSS;
    size_t rows = call->plan->training_rows;
    find_measure(call, &measured);
    *out = (struct baseline){.metric = metric_of(call, measured),
                             .majority = NAN,
                             .linear_probe = NAN,
                             .rises = metric_rises(metric_of_validation(measured)),
                             .is_regression = call->plan->task == TASK_REGRESSION,
                             .rows = rows < BASELINE_ROWS ? rows : BASELINE_ROWS,
                             .all_rows = rows};
    out->model = call->latest[out->metric];
    if (measure_majority(call, measured, &out->majority, err) != 0)
        return err->code;
    if (call->plan->params.method == METHOD_SUPERVISED)
        return run_probe(call, out->metric, &out->linear_probe, err);
    out->linear_probe = out->model; /* it is one */
    out->rows = rows;
    return 0;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static bool
is_worse(const struct baseline *b, double than)
{
    return b->rises ? b->model < than : b->model > than; /* false for NaN */
}

bool
baseline_is_missed(const struct baseline *baseline)
{
    return is_worse(baseline, baseline->majority) || is_worse(baseline, baseline->linear_probe);
}

static int
append_value(char *text, int length, double value, const char *what)
{
    int room = BASELINE_TEXT_BYTES - length;
    if (isnan(value))
        return length;
    return length + snprintf(text + length, (size_t)room, " %.4g %s,", value, what);
}

void
baseline_say(const struct baseline *b, char text[BASELINE_TEXT_BYTES])
{
    const char *name = metric_name(b->metric);
    char probe[160] = "with a linear probe of the untouched base model";
    if (b->rows < b->all_rows)
        snprintf(probe, sizeof probe,
                 "with a linear probe of the untouched base model (from %zu of the %zu training "
                 "rows)",
                 b->rows, b->all_rows);
    int length =
        snprintf(text, BASELINE_TEXT_BYTES, "%s: %s is",
                 baseline_is_missed(b) ? "The model is below its baseline" : "Baseline", name);
    length = append_value(text, length, b->majority,
                          b->is_regression ? "for the mean of the training rows"
                                           : "for the most frequent answer");
    length = append_value(text, length, b->linear_probe, probe);
    length += snprintf(text + length, BASELINE_TEXT_BYTES - (size_t)length,
                       " and %.4g with this model.", b->model);
    if (baseline_is_missed(b))
        snprintf(
            text + length, BASELINE_TEXT_BYTES - (size_t)length, "%s",
            is_worse(b, b->linear_probe)
                ? " The method \"linear_probe\" makes that model in seconds, and "
                  "init_head \"linear_probe\" trains on from it; more epochs, or another "
                  "learning rate, may help, too."
                : " More training rows, or labels that agree with each other, may help; so may "
                  "another base model.");
}

static json_t *
number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *
baseline_document(const struct baseline *b)
{
    return json_pack("{s:s,s:o,s:o,s:o}", "metric", metric_name(b->metric), "majority",
                     number_or_null(b->majority), "linear_probe", number_or_null(b->linear_probe),
                     "model", number_or_null(b->model));
}

int
baseline_report(const struct baseline_call *call, json_t **document, struct err *err)
{
    char text[BASELINE_TEXT_BYTES + sizeof err->message];
    struct baseline baseline;
    *document = NULL;
    if (!baseline_has_metric(call)) {
        call->on_event(call->context, TRAIN_INFO,
                       "No baseline: no rows were measured. Give a validation or a test file, or a "
                       "validation_split above 0.");
        return 0;
    }
    int rc = baseline_measure(call, &baseline, err);
    if (rc == ERR_STOPPED)
        return rc;
    if (rc != 0) {
        snprintf(text, sizeof text, "The linear probe of the baseline could not be made: %s.",
                 err->message);
        call->on_event(call->context, TRAIN_WARN, text);
    }
    baseline_say(&baseline, text);
    call->on_event(call->context, baseline_is_missed(&baseline) ? TRAIN_WARN : TRAIN_INFO, text);
    *document = baseline_document(&baseline);
    return 0;
}
