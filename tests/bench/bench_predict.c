/*
 * `bench predict`: rows a second in one call, and how long a single row takes.
 *
 * A base model, or a made-up one, is first trained for one step and saved: the time of a prediction
 * does not depend on what the weights are.
 */
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/products.h"
#include "tests/bench/training.h"

#include "core/base/cpu.h"
#include "core/data/dataset.h"
#include "core/predict.h"

#include <stdio.h>
#include <stdlib.h>

static const struct option_row rows[] = {
    {"rounds", 0, "N", "Times that all rows are predicted. Default: 5."},
    {"most-rows", 0, "N", "Rows that are predicted in one call, at most. Default: 2048."},
    {"singles", 0, "N", "Single rows for the latency. Default: 500."},
    SETUP_OPTIONS,
};

enum { MOST_ROUNDS = 1000000 };

struct counts {
    int64_t rounds, most_rows, singles;
};

/* A model with a classifier: the one given, or one that a step of training makes. */
static int
find_model(struct setup *setup, struct pool *pool, const char **folder, struct err *err)
{
    *folder = setup->model;
    if (setup->config.label_count > 0)
        return 0;
    const char *scratch = setup_scratch(setup, err);
    if (scratch == NULL)
        return err->code;
    struct training_result result;
    struct training_job job = {.setup = setup,
                               .pool = pool,
                               .save_folder = arena_printf(setup->arena, "%s/classifier", scratch)};
    *folder = job.save_folder;
    return training_run(&job, &result, err);
}

static struct text
text_of(const struct data_row *row)
{
    return (struct text){row->text, row->text_length, row->pair, row->pair_length};
}

struct prediction {
    struct predictor *predictor;
    struct pool *pool;
    struct text *texts;
    size_t count;
    float *probabilities; /* (count, labels) */
    uint32_t *lengths;    /* (count): tokens */
};

static int
all_rows(const struct prediction *p, struct figures *figures, size_t rounds, struct err *err)
{
    double *rates = mem_small(rounds * sizeof *rates);
    double tokens = 0;
    int rc = 0;
    for (size_t i = 0; i < rounds && rc == 0; i++) {
        double start = measure_now();
        rc = predictor_run(p->predictor, p->pool,
                           &(struct predictor_call){.texts = p->texts,
                                                    .count = p->count,
                                                    .values = p->probabilities,
                                                    .lengths = p->lengths},
                           err);
        rates[i] = (double)p->count / (measure_now() - start);
    }
    if (rc == 0) {
        struct spread spread = measure_spread(rates, rounds);
        for (size_t i = 0; i < p->count; i++)
            tokens += p->lengths[i];
        figures_number(figures, "rows", (double)p->count, "", NULL);
        figures_number(figures, "tokens_per_row", tokens / (double)p->count, "", NULL);
        figures_number(figures, "rows_per_second", spread.median, "/s", "median, tokenizing incl.");
        figures_number(figures, "rows_per_second_low", spread.low, "/s", "lower quartile");
        figures_number(figures, "rows_per_second_high", spread.high, "/s", "upper quartile");
    }
    free(rates);
    return rc;
}

static int
single_rows(const struct prediction *p, struct figures *figures, size_t singles, struct err *err)
{
    double *seconds = mem_small(singles * sizeof *seconds);
    int rc = 0;
    for (size_t i = 0; i < singles && rc == 0; i++) {
        double start = measure_now();
        rc = predictor_run(p->predictor, p->pool,
                           &(struct predictor_call){.texts = &p->texts[i % p->count],
                                                    .count = 1,
                                                    .values = p->probabilities},
                           err);
        seconds[i] = measure_now() - start;
    }
    if (rc == 0) {
        figures_number(figures, "one_row_p50_ms", 1e3 * measure_quantile(seconds, singles, 0.5),
                       "ms", "one text in a call");
        figures_number(figures, "one_row_p99_ms", 1e3 * measure_quantile(seconds, singles, 0.99),
                       "ms", NULL);
    }
    free(seconds);
    return rc;
}

static int
measure(struct setup *setup, const struct counts *counts, const struct dataset *data,
        struct prediction *p, struct err *err)
{
    size_t labels = predictor_config(p->predictor)->label_count;
    p->count = data->count < (size_t)counts->most_rows ? data->count : (size_t)counts->most_rows;
    p->texts = arena_array(setup->arena, p->count, sizeof *p->texts);
    for (size_t i = 0; i < p->count; i++)
        p->texts[i] = text_of(&data->rows[i]);
    p->lengths = arena_array(setup->arena, p->count, sizeof *p->lengths);
    p->probabilities = mem_array(p->count, labels * sizeof *p->probabilities);
    if (p->probabilities == NULL)
        return err_set(err, ERR_MEMORY, "the probabilities of %zu rows do not fit into memory",
                       p->count);
    int rc = all_rows(p, &setup->figures, (size_t)counts->rounds, err);
    if (rc == 0)
        rc = single_rows(p, &setup->figures, (size_t)counts->singles, err);
    figures_number(&setup->figures, "peak_memory_mb", (double)cpu_peak_memory_bytes() / 1e6, "MB",
                   "of the process");
    free(p->probabilities);
    return rc;
}

static int
run(struct setup *setup, struct err *err)
{
    const struct data_columns columns = {0};
    struct counts counts = {.rounds = 5, .most_rows = 2048, .singles = 500};
    struct prediction p = {0};
    struct dataset *data = NULL;
    const char *folder = NULL;
    if (options_number(setup->options, "rounds", 1, MOST_ROUNDS, &counts.rounds, err) != 0 ||
        options_number(setup->options, "most-rows", 1, MOST_ROUNDS, &counts.most_rows, err) != 0 ||
        options_number(setup->options, "singles", 1, MOST_ROUNDS, &counts.singles, err) != 0)
        return err->code;
    p.pool = pool_new((size_t)setup->threads, err);
    int rc = p.pool == NULL ? err->code : find_model(setup, p.pool, &folder, err);
    if (rc == 0)
        rc = dataset_read(setup->data, setup->data, &columns, &data, err);
    if (rc == 0 && data->count == 0)
        rc = err_set(err, ERR_INVALID, "%s: no usable row: %s", setup->data,
                     data->faults[0].message);
    if (rc == 0)
        rc = predictor_open(folder, setup->engine, &p.predictor, err);
    if (rc == 0)
        rc = measure(setup, &counts, data, &p, err);
    predictor_free(p.predictor);
    dataset_free(data);
    pool_free(p.pool);
    return rc;
}

int
bench_predict(int count, char *const *arguments)
{
    static const struct setup_program program = {
        .name = "predict",
        .purpose = "Predicts all rows in one call, several times, then single rows.",
        .table = {rows, sizeof rows / sizeof *rows},
        .defaults = {.rows = 2048, .length = 16, .batch = 32, .steps = 1, .warmup = 1},
        .run = run,
    };
    return setup_main(&program, count, arguments);
}
