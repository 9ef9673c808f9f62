/* The training loop; see trainer.h. */
#include "core/train/trainer.h"

#include "core/base/fileio.h"
#include "core/model/encoder.h"
#include "core/model/loss.h"
#include "core/train/numerics.h"
#include "core/train/schedule.h"
#include "core/train/trainer_run.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { NO_EPOCH = -1 };

double
run_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool
run_stopped(void *context)
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

int
run_say_stopped(struct err *err)
{
    return err_set(err, ERR_STOPPED, "the run was stopped");
}

void
run_clear(double values[METRIC_COUNT])
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        values[i] = NAN;
}

size_t
run_steps_per_epoch(const struct train_plan *plan)
{
    size_t batch = (size_t)plan->params.batch_size;
    return (train_plan_epoch_rows(plan) + batch - 1) / batch;
}

void
run_say(const struct run *run, enum train_level level, const char *message)
{
    train_say(run->observer, level, message);
}

/* ---- one step -------------------------------------------------------------------------------- */

/* The batch of a step: the next rows of this epoch's order. */
static void
next_batch(struct run *run, size_t step)
{
    struct session *s = run->session;
    int64_t epoch = (int64_t)(step / run->steps_per_epoch);
    size_t first = step % run->steps_per_epoch * (size_t)run->plan->params.batch_size;
    size_t count = train_plan_epoch_rows(run->plan) - first;
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
    struct loss_sums sums = {0};
    for (size_t row = 0; row < s->batch.rows; row++)
        loss_add_row(&s->batch, &s->workspace, row, &sums);
    values[METRIC_TRAIN_LOSS] = sums.loss / loss_weight(&s->batch, &run->plan->loss);
    values[METRIC_TRAIN_ACCURACY] = loss_accuracy(&sums);
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
        .loss = &run->plan->loss,
        .should_stop = run_stopped,
        .context = run,
    };
    run_clear(values);
    optimizer_note_batch(&s->optimizer, &s->batch);
    encoder_step(&pass, gradients);
    if (run_stopped(run)) {
        optimizer_forget_batch(&s->optimizer);
        return run_say_stopped(err);
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
    run->validated = run->tested = false;
    run_note_loss(run, step);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static int
train(struct run *run, struct err *err)
{
    if (run->plan->params.method == METHOD_LINEAR_PROBE)
        return run_fit_probe(run, err);
    if (run->pending && run_after_step(run, err) != 0)
        return err->code;
    for (size_t step = run->progress.step; !run_is_over(run); step++) {
        double start = run_now();
        if (train_step(run, step, err) != 0)
            return err->code;
        advance(run, step, run_now() - start);
        if (run_after_step(run, err) != 0)
            return err->code;
        if (!run_is_over(run) && resume_pace_is_due(&run->pace, run_now()) &&
            run_offer_state(run, err) != 0)
            return err->code;
    }
    return run_finish(run, err);
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
                                    .output_scale = run->plan->output_scale,
                                    .output_shift = run->plan->output_shift,
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
    double started = run_now();
    if (session_open(&session, plan, request, engine, pool, observer, err) != 0)
        return err->code;
    struct run run = {
        .session = &session,
        .plan = plan,
        .pool = pool,
        .observer = observer,
        .pace = resume_pace_start(resume->interval, run_now()),
        .steps_per_epoch = run_steps_per_epoch(plan),
        .drawn_epoch = NO_EPOCH,
        .started = started,
        .halved = resume->halved,
        .progress = {.total_steps = plan->total_steps},
        .best = best_none(),
    };
    atomic_init(&run.stopping, false);
    run_clear(run.latest);
    int rc = identify(&run, request, engine, base_sha256, err);
    describe_save(&run, base_sha256);
    if (rc == 0 && resume->state != NULL)
        rc = run_restore(&run, resume->state, err);
    else if (rc == 0 && plan->params.method == METHOD_SUPERVISED &&
             plan->params.init_head == INIT_HEAD_LINEAR_PROBE)
        rc = run_probe_head(&run, err);
    if (rc == 0)
        rc = train(&run, err);
    struct err ignored; /* the observer knows what it could not save */
    if (rc == ERR_STOPPED && plan->params.method == METHOD_SUPERVISED) {
        atomic_store(&run.stopping, true); /* the observer may have said so by its answer */
        run_offer_state(&run, &ignored);
    }
    session_close(&session);
    return rc;
}
