/*
 * A training run through the product's own trainer, with the time of every step.
 */
#ifndef TESTS_BENCH_TRAINING_H
#define TESTS_BENCH_TRAINING_H

#include "core/base/pool.h"
#include "tests/bench/flops.h"
#include "tests/bench/setup.h"

struct training_job {
    struct setup *setup; /* model, data, batch, steps, warm-up and the like */
    struct pool *pool;
    const char *save_folder; /* where the model goes in the end; NULL: nowhere */
    /* Around the measured steps, on the trainer's thread while the pool is idle; may be NULL. */
    void (*begin)(void *context);
    void (*end)(void *context);
    void *context;
};

struct training_result {
    struct model_config config; /* with the classifier; strings in the setup's arena */
    enum gemm_precision precision;
    size_t steps;           /* measured */
    double *seconds;        /* (steps), of each; in the setup's arena, as the next two */
    double *tokens;         /* (steps) */
    double *rows;           /* (steps) */
    double total_seconds;   /* sum of seconds */
    double window_seconds;  /* from the first one's begin to the last one's end, all included */
    struct flops_batch sum; /* of the measured steps; squares by the data's mean */
};

int training_run(const struct training_job *job, struct training_result *result, struct err *err);

#endif
