/* The training loop; see trainer.h. */
#include "core/train/trainer.h"

#include "core/base/fileio.h"
#include "core/model/encoder.h"
#include "core/train/numerics.h"
#include "core/train/schedule.h"
#include "core/train/session.h"

#include <math.h>
#include <time.h>

/* A run in progress: the session plus where it stands. */
struct run {
    struct session *session;
    const struct train_plan *plan;
    struct pool *pool;
    const struct train_observer *observer;
    struct model_save save;
    size_t steps_per_epoch;
    double started;          /* of train_run, monotonic seconds */
    double training_seconds; /* inside steps alone */
    size_t rows_done;
    struct train_progress progress;
    double latest[METRIC_COUNT];
};

static double
now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool
stopped(const struct run *run)
{
    const struct train_observer *observer = run->observer;
    return observer->should_stop != NULL && observer->should_stop(observer->context);
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

/* The batch of a step: the next rows of this epoch's order, which is drawn when an epoch begins. */
static void
next_batch(struct run *run, size_t step)
{
    struct session *s = run->session;
    size_t epoch = step / run->steps_per_epoch;
    size_t first = step % run->steps_per_epoch * (size_t)run->plan->params.batch_size;
    size_t count = s->training.rows - first;
    if (count > (size_t)run->plan->params.batch_size)
        count = (size_t)run->plan->params.batch_size;
    if (first == 0) {
        struct order order = session_order(s);
        order_epoch(&order, epoch, s->order);
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
    return err_set(err, ERR_DIVERGED,
                   "the %s is not a finite number at step %zu: training diverged; try a "
                   "learning_rate below %g",
                   what, step + 1,
                   run->plan->params.learning_rate * run->plan->params.learning_rate_multiplier);
}

/* One optimizer update. Nothing is modified before its optimizer phase. */
static int
train_step(struct run *run, size_t step, double values[METRIC_COUNT], struct err *err)
{
    struct session *s = run->session;
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
        .should_stop = run->observer->should_stop,
        .context = run->observer->context,
    };
    optimizer_note_batch(&s->optimizer, &s->batch);
    encoder_forward(&pass);
    encoder_backward(&pass, gradients);
    if (stopped(run))
        return say_stopped(err);
    read_losses(run, values);
    if (!isfinite(values[METRIC_TRAIN_LOSS]))
        return diverged(run, step, "loss", err);
    double norm = optimizer_gradient_norm(&s->optimizer, run->pool, gradients);
    if (!isfinite(norm))
        return diverged(run, step, "gradient", err);
    values[METRIC_GRAD_NORM] = norm;
    values[METRIC_LEARNING_RATE] = schedule_learning_rate(params, step, run->plan->total_steps);
    optimizer_step(&s->optimizer, run->pool, values[METRIC_LEARNING_RATE], norm, gradients,
                   session_parameters(s));
    return 0;
}

/* Account for a completed step that took `seconds`. */
static void
advance(struct run *run, size_t step, double seconds, double values[METRIC_COUNT])
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
    values[METRIC_ROWS_PER_SECOND] = (double)s->batch.rows / seconds;
    values[METRIC_TOKENS_PER_SECOND] = (double)s->batch.tokens / seconds;
}

/* ---- between steps --------------------------------------------------------------------------- */

static int
measure(struct run *run, struct evaluator *evaluator, enum metric loss, enum metric accuracy,
        double values[METRIC_COUNT], struct err *err)
{
    struct evaluation evaluation;
    struct network served = run->session->network;
    served.precision = GEMM_FP32; /* as the saved model will answer */
    if (!evaluate(evaluator, &served, run->pool, run->observer->should_stop, run->observer->context,
                  &evaluation))
        return say_stopped(err);
    values[loss] = evaluation.loss;
    values[accuracy] = evaluation.accuracy;
    return 0;
}

static void
report_point(struct run *run, const double values[METRIC_COUNT])
{
    struct train_point point;
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

/* Evaluate, report and keep what is due after a step. */
static int
after_step(struct run *run, double values[METRIC_COUNT], struct err *err)
{
    const struct session *s = run->session;
    size_t done = run->progress.step;
    bool last = done == run->plan->total_steps;
    bool epoch_ends = done % run->steps_per_epoch == 0 || last;
    size_t save_steps = (size_t)run->plan->params.save_steps;
    bool save = epoch_ends || (save_steps > 0 && done % save_steps == 0);
    if (epoch_ends && s->validation.rows > 0 &&
        measure(run, &run->session->validator, METRIC_VALID_LOSS, METRIC_VALID_ACCURACY, values,
                err) != 0)
        return err->code;
    if (last && s->test.rows > 0 &&
        measure(run, &run->session->tester, METRIC_TEST_LOSS, METRIC_TEST_ACCURACY, values, err) !=
            0)
        return err->code;
    report_point(run, values);
    if (save && hand_over(run, false, err) != 0)
        return err->code;
    return 0;
}

static int
train(struct run *run, struct err *err)
{
    for (size_t step = 0; step < run->plan->total_steps; step++) {
        double values[METRIC_COUNT];
        clear(values);
        double start = now_seconds();
        if (train_step(run, step, values, err) != 0)
            return err->code;
        advance(run, step, now_seconds() - start, values);
        if (after_step(run, values, err) != 0)
            return err->code;
    }
    return hand_over(run, true, err);
}

int
train_run(const struct train_plan *plan, const struct train_request *request,
          const struct gemm_engine *engine, struct pool *pool,
          const struct train_observer *observer, const char *base_sha256, struct err *err)
{
    struct session session;
    double started = now_seconds();
    if (session_open(&session, plan, request, engine, pool, observer, err) != 0)
        return err->code;
    char key[NUMERICS_KEY_BYTES];
    char data_sha256[65];
    numerics_key(engine, plan->params.precision, key);
    int rc = fileio_sha256(request->training.path, data_sha256, err);
    size_t batch = (size_t)plan->params.batch_size;
    struct run run = {
        .session = &session,
        .plan = plan,
        .pool = pool,
        .observer = observer,
        .save = {.config = &plan->config,
                 .layout = &session.layout,
                 .parameters = session_parameters(&session),
                 .tokenizer = plan->tokenizer,
                 .task = task_name(plan->task),
                 .numerics_key = key,
                 .data_sha256 = data_sha256,
                 .base_sha256 = base_sha256,
                 .words_at_rest = session_words_at_rest(&session)},
        .steps_per_epoch = (session.training.rows + batch - 1) / batch,
        .started = started,
        .progress = {.total_steps = plan->total_steps},
    };
    clear(run.latest);
    if (rc == 0)
        rc = train(&run, err);
    session_close(&session);
    return rc;
}
