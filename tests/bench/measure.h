/*
 * Measuring: the clock, spreads of samples, and calls that every thread of a pool makes at once.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include "core/base/pool.h"

#include <stddef.h>

/* Seconds of a clock that only goes forward. */
double measure_now(void);

/* Median and quartiles of some samples. */
struct spread {
    double low, median, high;
};

/* The value below which `fraction` of the samples lie; sorts them. count 0: NaN. */
double measure_quantile(double *samples, size_t count, double fraction);
struct spread measure_spread(double *samples, size_t count);

struct measure_case {
    void (*prepare)(void *context, size_t thread); /* before each look at the clock; or NULL */
    void (*call)(void *context, size_t thread);
    void *context;
    size_t most_calls; /* between two looks at the clock; 0: as many as it takes */
};

/*
 * Every thread of the pool calls at the same time, for about `seconds`. The median of the seconds
 * that one call takes; so threads / result calls are made a second.
 */
double measure_call(struct pool *pool, const struct measure_case *measured, double seconds);

#endif
