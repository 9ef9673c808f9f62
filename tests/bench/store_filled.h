/*
 * A data directory as a daemon has it after years: many jobs, a million metric points, one job of
 * many steps. Filled through the store, in a temporary folder.
 */
#ifndef TESTS_BENCH_STORE_FILLED_H
#define TESTS_BENCH_STORE_FILLED_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdint.h>

struct store_filling {
    int64_t jobs;   /* half of them wait */
    int64_t points; /* of all jobs, besides the long one */
    int64_t steps;  /* of the long one, which has as many events as jobs have points */
};

struct store_filled {
    const char *folder;      /* below it "data" */
    const char *long_job;    /* id */
    const char *waiting_job; /* id of one in the middle of the queue */
};

/* Strings live in the arena. The folder is there also after an error. */
int store_filled_make(const struct store_filling *filling, struct arena *arena,
                      struct store_filled *out, struct err *err);

#endif
