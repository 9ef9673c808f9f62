/* The training loop; see trainer.h. */
#include "core/train/trainer.h"

#include "core/base/fileio.h"
#include "core/model/encoder.h"
#include "core/train/numerics.h"
#include "core/train/resume_pace.h"
#include "core/train/schedule.h"
#include "core/train/session.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NO_EPOCH = -1 };

/* A run in progress: the session plus where it stands. */
struct run {
    struct session *session;
    const struct train_plan *plan;
    struct pool *pool;
    const struct train_observer *observer;
    atomic_bool stopping; /* should_stop said so once: work may be left out, so it stays */
    struct model_save save;
    struct resume_owner owner;
    struct resume_pace pace;
    size_t steps_per_epoch;
    int64_t drawn_epoch;     /* whose order the session has */
    double started;          /* of train_run, monotonic seconds; earlier runs put it back */
    double training_seconds; /* inside steps alone */
    size_t rows_done;
    bool halved; /* the learning rate */
    struct train_progress progress;
    bool pending;                /* what follows the latest step has not been done */
    double values[METRIC_COUNT]; /* of that step */
    double latest[METRIC_COUNT];
    size_t kept_step; /* of the latest state, and its `pending`; 0: none */
    bool kept_pending;
};

static double
now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool
stopped(void *context)
{
    struct run *run = context;
    const struct train_observer *observer = run->observer;
    if (atomic_load_explicit(&run->stopping, memory_order_relaxed))
        return true;
    if (observer->should_stop == NULL || !observer->should_stop(observer->context))
        return false;
    atomic_store(&run->stopping, true);
    return true;
}

static int
say_stopped(struct err *err)
{
    return err_set(err, ERR_STOPPED, "the run was stopped");
}

static void
clear(double values[METRIC_COUNT])
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        values[i] = NAN;
}

/* ---- one step -------------------------------------------------------------------------------- */

/* The batch of a step: the next rows of this epoch's order. */
static void
next_batch(struct run *run, size_t step)
{
    struct session *s = run->session;
    int64_t epoch = (int64_t)(step / run->steps_per_epoch);
    size_t first = step % run->steps_per_epoch * (size_t)run->plan->params.batch_size;
    size_t count = s->training.rows - first;
    if (count > (size_t)run->plan->params.batch_size)
        count = (size_t)run->plan->params.batch_size;
    if (epoch != run->drawn_epoch) {
        struct order order = session_order(s);
        order_epoch(&order, (size_t)epoch, s->order);
        run->drawn_epoch = epoch;
    }
    batch_fill(&s->batch, &s->training, s->order + first, count);
}

/* Mean loss and accuracy of the batch just passed forward. */
static void
read_losses(const struct run *run, double values[METRIC_COUNT])
{
    const struct session *s = run->session;
    double loss = 0;
    size_t correct = 0;
    for (size_t row = 0; row < s->batch.rows; row++) {
        loss += s->workspace.losses[row];
        correct += s->workspace.best[row] == s->batch.labels[row];
    }
    values[METRIC_TRAIN_LOSS] = loss / (double)s->batch.rows;
    values[METRIC_TRAIN_ACCURACY] = (double)correct / (double)s->batch.rows;
}

static int
diverged(const struct run *run, size_t step, const char *what, struct err *err)
{
    double rate = run->plan->params.learning_rate * run->plan->params.learning_rate_multiplier;
    return err_set(err, ERR_DIVERGED,
                   "the %s is not a finite number at step %zu%s: training diverged; try a "
                   "learning_rate below %g",
                   what, step + 1, run->halved ? ", even with half the learning rate" : "",
                   run->halved ? rate / 2 : rate);
}

/* Half of a double is exact, so the schedule needs no second look. */
static double
learning_rate(const struct run *run, size_t step)
{
    double rate = schedule_learning_rate(&run->plan->params, step, run->plan->total_steps);
    return run->halved ? rate / 2 : rate;
}

/* One optimizer update. Nothing is modified before its optimizer phase. */
static int
train_step(struct run *run, size_t step, struct err *err)
{
    struct session *s = run->session;
    double *values = run->values;
    const struct train_params *params = &run->plan->params;
    float *gradients = s->gradients.memory;
    next_batch(run, step);
    struct pass pass = {
        .network = &s->network,
        .batch = &s->batch,
        .workspace = &s->workspace,
        .pool = run->pool,
        .seed = (uint64_t)params->seed,
        .step = step,
        .hidden_dropout = params->hidden_dropout,
        .attention_dropout = params->attention_dropout,
        .classifier_dropout = params->classifier_dropout,
        .should_stop = stopped,
        .context = run,
    };
    clear(values);
    optimizer_note_batch(&s->optimizer, &s->batch);
    encoder_step(&pass, gradients);
    if (stopped(run)) {
        optimizer_forget_batch(&s->optimizer);
        return say_stopped(err);
    }
    read_losses(run, values);
    if (!isfinite(values[METRIC_TRAIN_LOSS]))
        return diverged(run, step, "loss", err);
    double norm = optimizer_gradient_norm(&s->optimizer, run->pool, gradients);
    if (!isfinite(norm))
        return diverged(run, step, "gradient", err);
    values[METRIC_GRAD_NORM] = norm;
    values[METRIC_LEARNING_RATE] = learning_rate(run, step);
    optimizer_step(&s->optimizer, run->pool, values[METRIC_LEARNING_RATE], norm, gradients,
                   session_parameters(s));
    return 0;
}

/* Account for a completed step that took `seconds`. */
static void
advance(struct run *run, size_t step, double seconds)
{
    const struct session *s = run->session;
    struct train_progress *progress = &run->progress;
    run->training_seconds += seconds;
    run->rows_done += s->batch.rows;
    progress->step = step + 1;
    progress->epoch = (double)(step + 1) / (double)run->steps_per_epoch;
    progress->trained_tokens += (int64_t)s->batch.tokens;
    progress->rows_per_second = (double)run->rows_done / run->training_seconds;
    progress->tokens_per_second = (double)progress->trained_tokens / run->training_seconds;
    run->values[METRIC_ROWS_PER_SECOND] = (double)s->batch.rows / seconds;
    run->values[METRIC_TOKENS_PER_SECOND] = (double)s->batch.tokens / seconds;
    run->pending = true;
}

/* ---- between steps --------------------------------------------------------------------------- */

static int
measure(struct run *run, struct evaluator *evaluator, enum metric loss, enum metric accuracy,
        struct err *err)
{
    struct evaluation evaluation;
    struct network served = run->session->network;
    served.precision = GEMM_FP32; /* as the saved model will answer */
    if (!evaluate(evaluator, &served, run->pool, stopped, run, &evaluation))
        return say_stopped(err);
    run->values[loss] = evaluation.loss;
    run->values[accuracy] = evaluation.accuracy;
    return 0;
}

static void
report_point(struct run *run)
{
    struct train_point point;
    const double *values = run->values;
    run->progress.seconds_elapsed = now_seconds() - run->started;
    point.progress = run->progress;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        point.values[i] = values[i];
        if (!isnan(values[i]))
            run->latest[i] = values[i];
    }
    if (run->observer->on_point != NULL)
        run->observer->on_point(run->observer->context, &point);
}

static int
hand_over(struct run *run, bool final, struct err *err)
{
    struct train_snapshot snapshot = {.final = final, .progress = run->progress, .save = run->save};
    for (size_t i = 0; i < METRIC_COUNT; i++)
        snapshot.latest[i] = run->latest[i];
    return run->observer->on_model(run->observer->context, &snapshot, err);
}

/* Evaluate, report and keep what is due after a step. Stopped within, it can be done again. */
static int
after_step(struct run *run, struct err *err)
{
    const struct session *s = run->session;
    size_t done = run->progress.step;
    bool last = done == run->plan->total_steps;
    bool epoch_ends = done % run->steps_per_epoch == 0 || last;
    size_t save_steps = (size_t)run->plan->params.save_steps;
    bool save = epoch_ends || (save_steps > 0 && done % save_steps == 0);
    if (epoch_ends && s->validation.rows > 0 &&
        measure(run, &run->session->validator, METRIC_VALID_LOSS, METRIC_VALID_ACCURACY, err) != 0)
        return err->code;
    if (last && s->test.rows > 0 &&
        measure(run, &run->session->tester, METRIC_TEST_LOSS, METRIC_TEST_ACCURACY, err) != 0)
        return err->code;
    report_point(run);
    if (save && hand_over(run, false, err) != 0)
        return err->code;
    run->pending = false;
    return 0;
}

/* ---- resume states --------------------------------------------------------------------------- */

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
                  .seconds_elapsed = now_seconds() - run->started,
                  .seed = run->plan->params.seed,
                  .owner = run->owner},
        .params = &run->plan->params,
        .layout = &s->layout,
        .parameters = session_parameters(s),
        .optimizer = &s->optimizer,
        .stopping = atomic_load(&run->stopping),
    };
    memcpy(state.facts.latest, run->latest, sizeof run->latest);
    if (run->pending)
        memcpy(state.facts.values, run->values, sizeof run->values);
    else
        clear(state.facts.values);
    return state;
}

/* Offer a state of the latest completed step, unless it has one or has no good numbers. */
static int
offer_state(struct run *run, struct err *err)
{
    const struct train_observer *observer = run->observer;
    bool is_kept = run->kept_step == run->progress.step && run->kept_pending == run->pending;
    if (observer->on_resume_state == NULL || is_kept)
        return 0;
    struct resume_state state = state_of(run);
    double began = now_seconds();
    int rc = 1;
    if (resume_state_is_finite(&state))
        rc = observer->on_resume_state(observer->context, &state, err);
    resume_pace_note(&run->pace, began, now_seconds());
    if (rc != 0)
        return rc < 0 ? rc : 0;
    run->kept_step = run->progress.step;
    run->kept_pending = run->pending;
    return 0;
}

static size_t
steps_per_epoch(const struct train_plan *plan)
{
    size_t batch = (size_t)plan->params.batch_size;
    return (plan->training_rows + batch - 1) / batch;
}

struct train_progress
train_progress_at(const struct train_plan *plan, const struct resume_facts *facts)
{
    return (struct train_progress){
        .step = facts->step,
        .total_steps = plan->total_steps,
        .epoch = (double)facts->step / (double)steps_per_epoch(plan),
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
}

static void
warn_of_other_numerics(const struct run *run, const char *before)
{
    char message[3 * NUMERICS_KEY_BYTES];
    snprintf(message, sizeof message,
             "This job began with the numerics %s and goes on with %s: its result can differ a "
             "little from that of an undisturbed run.",
             before, run->owner.numerics_key);
    if (run->observer->on_event != NULL)
        run->observer->on_event(run->observer->context, TRAIN_WARN, message);
}

static int
restore(struct run *run, const struct resume_file *file, struct err *err)
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

/* ---- a run ----------------------------------------------------------------------------------- */

static int
train(struct run *run, struct err *err)
{
    if (run->pending && after_step(run, err) != 0)
        return err->code;
    for (size_t step = run->progress.step; step < run->plan->total_steps; step++) {
        double start = now_seconds();
        if (train_step(run, step, err) != 0)
            return err->code;
        advance(run, step, now_seconds() - start);
        if (after_step(run, err) != 0)
            return err->code;
        if (step + 1 < run->plan->total_steps && resume_pace_is_due(&run->pace, now_seconds()) &&
            offer_state(run, err) != 0)
            return err->code;
    }
    return hand_over(run, true, err);
}

static int
hash_file(const struct train_file *file, char hex[65], struct err *err)
{
    return file->path == NULL ? 0 : fileio_sha256(file->path, hex, err);
}

/* What the job is made of, as saved models and resume states name it. */
static int
identify(struct run *run, const struct train_request *request, const struct gemm_engine *engine,
         const char *base_sha256, struct err *err)
{
    struct resume_owner *owner = &run->owner;
    numerics_key(engine, run->plan->params.precision, owner->numerics_key);
    snprintf(owner->base_sha256, sizeof owner->base_sha256, "%s",
             base_sha256 != NULL ? base_sha256 : "");
    if (hash_file(&request->training, owner->training_sha256, err) != 0 ||
        hash_file(&request->validation, owner->validation_sha256, err) != 0)
        return err->code;
    return hash_file(&request->test, owner->test_sha256, err);
}

static void
describe_save(struct run *run, const char *base_sha256)
{
    const struct session *s = run->session;
    run->save = (struct model_save){.config = &run->plan->config,
                                    .layout = &s->layout,
                                    .parameters = session_parameters(s),
                                    .tokenizer = run->plan->tokenizer,
                                    .task = task_name(run->plan->task),
                                    .target = run->plan->target,
                                    .numerics_key = run->owner.numerics_key,
                                    .data_sha256 = run->owner.training_sha256,
                                    .base_sha256 = base_sha256,
                                    .words_at_rest = session_words_at_rest(s)};
}

int
train_run(const struct train_plan *plan, const struct train_request *request,
          const struct gemm_engine *engine, struct pool *pool,
          const struct train_observer *observer, const char *base_sha256, struct err *err)
{
    static const struct train_resume anew = {.interval = RESUME_PACE_SECONDS};
    const struct train_resume *resume = request->resume != NULL ? request->resume : &anew;
    struct session session;
    double started = now_seconds();
    if (session_open(&session, plan, request, engine, pool, observer, err) != 0)
        return err->code;
    struct run run = {
        .session = &session,
        .plan = plan,
        .pool = pool,
        .observer = observer,
        .pace = resume_pace_start(resume->interval, now_seconds()),
        .steps_per_epoch = steps_per_epoch(plan),
        .drawn_epoch = NO_EPOCH,
        .started = started,
        .halved = resume->halved,
        .progress = {.total_steps = plan->total_steps},
    };
    atomic_init(&run.stopping, false);
    clear(run.latest);
    int rc = identify(&run, request, engine, base_sha256, err);
    describe_save(&run, base_sha256);
    if (rc == 0 && resume->state != NULL)
        rc = restore(&run, resume->state, err);
    if (rc == 0)
        rc = train(&run, err);
    struct err ignored; /* the observer knows what it could not save */
    if (rc == ERR_STOPPED) {
        atomic_store(&run.stopping, true); /* the observer may have said so by its answer */
        offer_state(&run, &ignored);
    }
    session_close(&session);
    return rc;
}
