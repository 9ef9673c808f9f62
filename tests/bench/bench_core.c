/*
 * `bench core`: products, operators and a training step, each a table.
 */
#include "tests/bench/bench.h"
#include "tests/bench/core_parts.h"

#include "core/base/pool.h"

#include <stdio.h>
#include <string.h>

static const struct option_row rows[] = {
    {"part", 0, "NAME", "products, operators or step; default: all three."},
    {"milliseconds", 0, "N", "Time for each measurement. Default: 100."},
    {"symbols", 0, NULL, "With the step: the functions that take longest, too."},
    SETUP_TRAINING_OPTIONS,
    SETUP_OPTIONS,
};

static const struct {
    const char *name;
    int (*run)(const struct core_bench *bench, struct err *err);
} parts[] = {
    {"products", core_products},
    {"operators", core_operators},
    {"step", core_step},
};

enum { PARTS = sizeof parts / sizeof *parts, MOST_MILLISECONDS = 60000 };

static int
run_parts(const struct core_bench *bench, const char *wanted, struct err *err)
{
    size_t done = 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (wanted != NULL && strcmp(wanted, parts[i].name) != 0)
            continue;
        if (parts[i].run(bench, err) != 0)
            return err->code;
        done++;
    }
    if (done == 0)
        return err_set(err, ERR_INVALID, "--part is \"%s\"; parts are products, operators, step",
                       wanted);
    return 0;
}

static int
run(struct setup *setup, struct err *err)
{
    int64_t milliseconds = 100;
    struct core_bench bench = {.setup = setup};
    if (setup->figures.as_json)
        return err_set(err, ERR_INVALID, "the tables of core are for people: leave --json out");
    if (options_number(setup->options, "milliseconds", 1, MOST_MILLISECONDS, &milliseconds, err) !=
        0)
        return err->code;
    bench.seconds = (double)milliseconds / 1e3;
    bench.length = setup->length > 0 ? (size_t)setup->length : 16;
    bench.tokens = (size_t)setup->batch * bench.length;
    bench.one = pool_new(1, err);
    bench.all = bench.one == NULL ? NULL : pool_new((size_t)setup->threads, err);
    int rc = err->code;
    if (bench.all != NULL)
        rc = run_parts(&bench, options_value(setup->options, "part"), err);
    pool_free(bench.all);
    pool_free(bench.one);
    return rc;
}

int
bench_core(int count, char *const *arguments)
{
    static const struct setup_program program = {
        .name = "core",
        .purpose =
            "Measures each operator beside the engine's hot rate, on one thread and on all,\n"
            "and cuts a training step into parts that add up to the whole.",
        .table = {rows, sizeof rows / sizeof *rows},
        .defaults = {.rows = 256, .length = 16, .batch = 32, .steps = 20, .warmup = 3},
        .run = run,
    };
    return setup_main(&program, count, arguments);
}
