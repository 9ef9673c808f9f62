/*
 * `bench train`: tokens a second, useful GFLOP/s beside the engine's hot rate, and memory.
 */
#include "core/base/cpu.h"
#include "core/train/params.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/products.h"
#include "tests/bench/training.h"

#include <stdlib.h>

static const struct option_row rows[] = {SETUP_TRAINING_OPTIONS, SETUP_OPTIONS};

#define HOT_SECONDS 0.1

static void
report_speed(struct figures *figures, struct training_result *r)
{
    double *rates = mem_small(r->steps * sizeof *rates);
    for (size_t i = 0; i < r->steps; i++)
        rates[i] = r->tokens[i] / r->seconds[i];
    struct spread tokens = measure_spread(rates, r->steps);
    struct spread seconds = measure_spread(r->seconds, r->steps);
    free(rates);
    figures_number(figures, "steps", (double)r->steps, "", NULL);
    figures_number(figures, "tokens_per_step", r->sum.tokens / (double)r->steps, "", "mean");
    figures_number(figures, "step_ms", 1e3 * seconds.median, "ms", "median of the steps");
    figures_number(figures, "tokens_per_second", r->sum.tokens / r->total_seconds, "/s",
                   "all tokens over all seconds");
    figures_number(figures, "tokens_per_second_median", tokens.median, "/s", "of the steps");
    figures_number(figures, "tokens_per_second_low", tokens.low, "/s", "lower quartile");
    figures_number(figures, "tokens_per_second_high", tokens.high, "/s", "upper quartile");
    figures_number(figures, "rows_per_second", r->sum.rows / r->total_seconds, "/s", NULL);
}

static int
run(struct setup *setup, struct err *err)
{
    struct figures *figures = &setup->figures;
    struct training_result result;
    struct pool *pool = pool_new((size_t)setup->threads, err);
    if (pool == NULL)
        return err->code;
    struct training_job job = {.setup = setup, .pool = pool};
    int rc = training_run(&job, &result, err);
    if (rc == 0) {
        double peak = (double)cpu_peak_memory_bytes();
        double hot =
            products_hot_rate(setup->engine, pool, &result.config, result.precision, HOT_SECONDS);
        double flops = flops_useful(&result.config, &result.sum, true);
        double rate = 1e-9 * flops / result.total_seconds;
        figures_text(figures, "precision", precision_name(result.precision));
        report_speed(figures, &result);
        figures_text(figures, "formula", flops_formula(&result.config, setup->arena));
        figures_number(figures, "useful_gflop_per_step", 1e-9 * flops / (double)result.steps,
                       "GFLOP", NULL);
        figures_number(figures, "useful_gflops", rate, "GFLOP/s", "of the whole step");
        figures_number(figures, "hot_gflops", hot, "GFLOP/s", "fastest product in the cache");
        figures_number(figures, "percent_of_hot", 100 * rate / hot, "%", NULL);
        figures_number(figures, "peak_memory_mb", peak / 1e6, "MB", "of the process");
    }
    pool_free(pool);
    return rc;
}

int
bench_train(int count, char *const *arguments)
{
    static const struct setup_program program = {
        .name = "train",
        .purpose = "Trains for some steps with the product's own trainer; nothing is evaluated or\n"
                   "saved. --rows 32 --length 128 makes full rows.",
        .table = {rows, sizeof rows / sizeof *rows},
        .defaults = {.rows = 256, .length = 16, .batch = 32, .steps = 20, .warmup = 3},
        .run = run,
    };
    return setup_main(&program, count, arguments);
}
