/* Measuring; see measure.h. */
#include "tests/bench/measure.h"

#include "core/base/mem.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 2048 };

/* Between two looks at the clock at least this long, so that the clock itself does not count. */
#define SHORTEST_SECONDS 20e-6

double
measure_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double
measure_quantile(double *samples, size_t count, double fraction)
{
    if (count == 0)
        return NAN;
    qsort(samples, count, sizeof *samples, compare);
    double place = fraction * (double)(count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < count ? below + 1 : below;
    return samples[below] + (place - (double)below) * (samples[above] - samples[below]);
}

struct spread
measure_spread(double *samples, size_t count)
{
    return (struct spread){.low = measure_quantile(samples, count, 0.25),
                           .median = measure_quantile(samples, count, 0.5),
                           .high = measure_quantile(samples, count, 0.75)};
}

struct round {
    const struct measure_case *measured;
    size_t threads;
    double seconds;
    atomic_size_t arrived;
    double *samples; /* (threads, SAMPLES) */
    size_t *counts;  /* (threads) */
};

/* Seconds of one call, of `calls` in a row. */
static double
time_calls(const struct measure_case *measured, size_t thread, size_t calls)
{
    if (measured->prepare != NULL)
        measured->prepare(measured->context, thread);
    double start = measure_now();
    for (size_t i = 0; i < calls; i++)
        measured->call(measured->context, thread);
    return (measure_now() - start) / (double)calls;
}

/* How many calls make the clock's own cost invisible; the first ones also warm up. */
static size_t
choose_calls(const struct measure_case *measured, size_t thread)
{
    size_t calls = 1;
    while (time_calls(measured, thread, calls) * (double)calls < SHORTEST_SECONDS &&
           (measured->most_calls == 0 || 2 * calls <= measured->most_calls))
        calls *= 2;
    return calls;
}

/* Each item waits for all others, so that every thread has exactly one and all work at once. */
static void
measure_item(void *context, size_t item, size_t thread)
{
    struct round *round = context;
    atomic_fetch_add(&round->arrived, 1);
    while (atomic_load(&round->arrived) < round->threads)
        sched_yield();
    size_t calls = choose_calls(round->measured, thread);
    double end = measure_now() + round->seconds;
    size_t count = 0;
    do
        round->samples[item * SAMPLES + count++] = time_calls(round->measured, thread, calls);
    while (measure_now() < end && count < SAMPLES);
    round->counts[item] = count;
}

double
measure_call(struct pool *pool, const struct measure_case *measured, double seconds)
{
    size_t threads = pool_threads(pool);
    struct round round = {
        .measured = measured,
        .threads = threads,
        .seconds = seconds,
        .samples = mem_small(threads * SAMPLES * sizeof *round.samples),
        .counts = mem_small(threads * sizeof *round.counts),
    };
    atomic_init(&round.arrived, 0);
    pool_run(pool, measure_item, &round, threads);
    size_t count = 0;
    for (size_t item = 0; item < threads; item++)
        for (size_t i = 0; i < round.counts[item]; i++)
            round.samples[count++] = round.samples[item * SAMPLES + i];
    double median = measure_quantile(round.samples, count, 0.5);
    free(round.samples);
    free(round.counts);
    return median;
}
