/*
 * The three tables of `bench core`; each prints to standard output.
 */
#ifndef TESTS_BENCH_CORE_PARTS_H
#define TESTS_BENCH_CORE_PARTS_H

#include "tests/bench/setup.h"

/* What the tables have in common. */
struct core_bench {
    struct setup *setup;
    struct pool *one, *all; /* pools of one thread and of all */
    double seconds;         /* of each measurement */
    size_t tokens, length;  /* of a batch, of a row */
};

/* Products of every layer shape and form, for each engine and precision that there is. */
int core_products(const struct core_bench *bench, struct err *err);

/* Every operator of core/ops, and attention. */
int core_operators(const struct core_bench *bench, struct err *err);

/* One training step, cut into parts that add up to the whole. */
int core_step(const struct core_bench *bench, struct err *err);

#endif
