/*
 * `bench scale`: a step's time and memory by tokens a row, to see that both grow linearly.
 *
 * Every length is measured in a process of its own, so that its peak memory is its own.
 */
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/training.h"

#include "core/base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct option_row rows[] = {
    {"longest", 0, "N", "Tokens of the longest rows. Default: 512."},
    SETUP_TRAINING_OPTIONS,
    SETUP_OPTIONS,
};

enum { SHORTEST = 16, DEFAULT_LONGEST = 512, BATCHES = 2 };

struct sample {
    double seconds; /* of a step, median */
    double tokens;
    double peak_bytes;
    double attention; /* share of the useful work that grows with the square */
};

/* In the child: train, and say how long a step took. */
static int
measure(struct setup *setup, struct sample *sample, struct err *err)
{
    struct training_result r;
    struct pool *pool = NULL;
    int rc = setup_open(setup, err);
    if (rc == 0 && (pool = pool_new((size_t)setup->threads, err)) == NULL)
        rc = err->code;
    if (rc == 0)
        rc = training_run(&(struct training_job){.setup = setup, .pool = pool}, &r, err);
    if (rc == 0) {
        struct flops_batch flat = r.sum;
        flat.squares = 0;
        *sample = (struct sample){
            .seconds = measure_quantile(r.seconds, r.steps, 0.5),
            .tokens = r.sum.tokens / (double)r.steps,
            .peak_bytes = (double)cpu_peak_memory_bytes(),
            .attention =
                1 - flops_useful(&r.config, &flat, true) / flops_useful(&r.config, &r.sum, true),
        };
    }
    pool_free(pool);
    return rc;
}

static int
child(struct setup *setup, int fd)
{
    struct sample sample;
    struct err err = {0};
    int rc = measure(setup, &sample, &err);
    if (rc == 0 && write(fd, &sample, sizeof sample) != (ssize_t)sizeof sample)
        rc = err_set_errno(&err, "a pipe");
    if (rc != 0)
        fprintf(stderr, "bench scale: %s\n", err.message);
    setup_close(setup);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
measure_apart(struct setup *setup, struct sample *sample, struct err *err)
{
    int ends[2];
    int status = 0;
    fflush(stdout);
    if (pipe(ends) != 0)
        return err_set_errno(err, "a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(child(setup, ends[1]));
    }
    close(ends[1]);
    ssize_t got = pid > 0 ? read(ends[0], sample, sizeof *sample) : 0;
    close(ends[0]);
    if (pid < 0)
        return err_set_errno(err, "a process for rows of %lld tokens", (long long)setup->length);
    if (waitpid(pid, &status, 0) != pid || status != 0 || got != (ssize_t)sizeof *sample)
        return err_set(err, ERR_IO, "rows of %lld tokens could not be measured; see above",
                       (long long)setup->length);
    return 0;
}

static void
print_row(const struct setup *setup, const struct sample *sample)
{
    printf("%6lld %8.0f %10.1f %12.2f %10.0f %12.1f %12.1f\n", (long long)setup->length,
           sample->tokens, 1e3 * sample->seconds, 1e6 * sample->seconds / sample->tokens,
           sample->tokens / sample->seconds, sample->peak_bytes / 1e6, 100 * sample->attention);
}

/* A report tells the model, not where it lies on this machine. */
static const char *
name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static int
run(struct setup *setup, struct err *err)
{
    int64_t longest = DEFAULT_LONGEST;
    if (setup->figures.as_json || setup->data != NULL)
        return err_set(err, ERR_INVALID,
                       "scale makes its rows up and prints a table: leave --data "
                       "and --json out");
    if (options_number(setup->options, "longest", SHORTEST, CONFIG_MAX_POSITIONS, &longest, err) !=
        0)
        return err->code;
    setup->rows = BATCHES * setup->batch;
    setup->figures.as_json = true; /* the children print nothing but complaints */
    printf("%lld rows a step, %lld threads, model %s\n%6s %8s %10s %12s %10s %12s %12s\n",
           (long long)setup->batch, (long long)setup->threads,
           name_of(setup->model != NULL ? setup->model : setup->shape), "tokens", "a step",
           "ms a step", "us a token", "tokens/s", "peak MB", "S^2 part, %");
    for (setup->length = SHORTEST; setup->length <= longest; setup->length *= 2) {
        struct sample sample;
        if (measure_apart(setup, &sample, err) != 0)
            return err->code;
        print_row(setup, &sample);
    }
    setup->figures.as_json = false;
    return 0;
}

int
bench_scale(int count, char *const *arguments)
{
    static const struct setup_program program = {
        .name = "scale",
        .purpose = "Trains on rows of 16, 32, ... tokens, each in its own process.",
        .table = {rows, sizeof rows / sizeof *rows},
        .defaults = {.rows = 64, .length = 16, .batch = 32, .steps = 5, .warmup = 2},
        .opens_itself = true,
        .run = run,
    };
    return setup_main(&program, count, arguments);
}
