/* Timed training runs; see training.h. */
#include "tests/bench/training.h"

#include "core/train/trainer.h"
#include "tests/bench/measure.h"

struct observed {
    const struct training_job *job;
    struct training_result *result;
    size_t warmup;
    int64_t tokens_before; /* trained tokens up to the step before */
    double began;
};

static void
on_point(void *context, const struct train_point *point)
{
    struct observed *o = context;
    struct training_result *r = o->result;
    double tokens = (double)(point->progress.trained_tokens - o->tokens_before);
    o->tokens_before = point->progress.trained_tokens;
    if (point->progress.step > o->warmup) {
        double seconds = tokens / point->values[METRIC_TOKENS_PER_SECOND];
        r->seconds[r->steps] = seconds;
        r->tokens[r->steps] = tokens;
        r->rows[r->steps] = point->values[METRIC_ROWS_PER_SECOND] * seconds;
        r->total_seconds += seconds;
        r->sum.tokens += tokens;
        r->sum.rows += r->rows[r->steps];
        r->steps++;
    }
    if (point->progress.step == point->progress.total_steps) {
        r->window_seconds = measure_now() - o->began;
        if (o->job->end != NULL)
            o->job->end(o->job->context);
    } else if (point->progress.step == o->warmup) {
        if (o->job->begin != NULL)
            o->job->begin(o->job->context);
        o->began = measure_now();
    }
}

static int
on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    const struct observed *o = context;
    if (!snapshot->final || o->job->save_folder == NULL)
        return 0;
    return model_dir_save(&snapshot->save, o->job->save_folder, err);
}

/* Mean of S^2 over mean of S, over the rows of the training file. */
static int
mean_squares(const struct train_plan *plan, const char *model, double *by_token, struct err *err)
{
    struct tokenizer *tokenizer = NULL;
    struct token_list list = {0};
    double squares = 0;
    double tokens = 0;
    int rc = tokenizer_open(model, plan->config.vocab_size, &tokenizer, err);
    for (size_t i = 0; i < plan->training->count && rc == 0; i++) {
        const struct data_row *row = &plan->training->rows[i];
        struct text text = {row->text, row->text_length, row->pair, row->pair_length};
        list.count = 0;
        rc = tokenizer_encode(tokenizer, &text, (size_t)plan->params.max_seq_length, &list, err);
        tokens += (double)list.count;
        squares += (double)list.count * (double)list.count;
    }
    *by_token = squares / tokens;
    token_list_fini(&list);
    tokenizer_free(tokenizer);
    return rc;
}

/* The product's defaults, but for what was asked; nothing is held out or evaluated. */
static struct train_request
request_of(const struct setup *setup)
{
    struct train_request request = {
        .base_folder = setup->model,
        .base_name = setup->model,
        .training = {setup->data, setup->data},
        .params = train_params_auto(),
        .has_bf16 = gemm_engine_has_bf16(setup->engine),
    };
    request.params.seed = 1;
    request.params.batch_size = setup->batch;
    request.params.max_steps = setup->warmup + setup->steps;
    request.params.validation_split = 0;
    request.params.precision = setup->precision;
    request.params.batching = setup->grouped ? BATCHING_GROUPED : BATCHING_SHUFFLE;
    request.params.gradient_checkpointing = setup->checkpointing ? 1 : 0;
    if (setup->length > 0)
        request.params.max_seq_length = setup->length;
    return request;
}

int
training_run(const struct training_job *job, struct training_result *result, struct err *err)
{
    struct setup *setup = job->setup;
    struct train_request request = request_of(setup);
    struct train_plan plan;
    struct train_fault fault;
    if (request.params.precision == GEMM_BF16 && !request.has_bf16)
        return err_set(err, ERR_UNSUPPORTED, "%s has no fast bf16 on this processor",
                       gemm_engine_name(setup->engine));
    if (train_plan_make(&request, setup->arena, &plan, &fault, err) != 0)
        return err->code;
    size_t steps = (size_t)setup->steps;
    *result = (struct training_result){
        .config = plan.config,
        .precision = plan.params.precision,
        .seconds = arena_array(setup->arena, steps, sizeof *result->seconds),
        .tokens = arena_array(setup->arena, steps, sizeof *result->tokens),
        .rows = arena_array(setup->arena, steps, sizeof *result->rows),
    };
    struct observed observed = {.job = job, .result = result, .warmup = (size_t)setup->warmup};
    struct train_observer observer = {
        .context = &observed, .on_point = on_point, .on_model = on_model};
    double squares_by_token = 0;
    int rc = mean_squares(&plan, setup->model, &squares_by_token, err);
    if (rc == 0)
        rc = train_run(&plan, &request, setup->engine, job->pool, &observer, NULL, err);
    result->sum.squares = squares_by_token * result->sum.tokens;
    train_plan_fini(&plan);
    return rc;
}
