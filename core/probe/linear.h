/*
 * Linear models on fixed features: logistic regression and ridge, fitted by L-BFGS.
 *
 * Minimised is what scikit-learn 1.x minimises, so that optima agree:
 *     c * sum over rows of loss(x W^T + b) + 1/2 sum of W^2,     biases not in the penalty;
 * LINEAR_SOFTMAX as LogisticRegression(C=c), which has one vector of weights where there are two
 * classes (here they stand as -w/2 and w/2); LINEAR_SIGMOID as OneVsRestClassifier of it;
 * LINEAR_SQUARED (1/2 squared error) as Ridge(alpha=1/c).
 *
 * Rows are cut into blocks and gradients into tiles by the problem's size alone, each computed by
 * one thread through core/gemm and added in a fixed order in double: the same bits on any number
 * of threads. N = rows, D = features, K = outputs.
 */
#ifndef CORE_PROBE_LINEAR_H
#define CORE_PROBE_LINEAR_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/ops/ops.h"
#include "core/probe/lbfgs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum linear_loss {
    LINEAR_SOFTMAX, /* one of K >= 2 classes: cross-entropy */
    LINEAR_SIGMOID, /* any of K labels: binary cross-entropy of each */
    LINEAR_SQUARED  /* K numbers: half the squared error */
};

struct linear_problem {
    enum linear_loss loss;
    size_t rows, columns, outputs;
    const float *features;   /* (N, D), finite */
    const uint32_t *classes; /* LINEAR_SOFTMAX: (N), below K */
    const size_t *starts;    /* LINEAR_SIGMOID: (N+1); row r has the labels */
    const uint32_t
        *members;        /* members[starts[r]] .. members[starts[r+1] - 1], each below K, once */
    const float *values; /* LINEAR_SQUARED: (N, K), finite */
    double c;            /* above 0; the inverse of the regularisation */
};

struct linear_options {
    double tolerance; /* of the gradient of the mean loss, as scikit-learn's tol */
    size_t max_iterations;
    bool (*should_stop)(void *context); /* may be NULL */
    void *context;
};

/* What computes. */
struct linear_machine {
    const struct gemm_engine *engine;
    const struct ops *ops;
    struct pool *pool;
};

struct linear_result {
    enum lbfgs_end end;
    size_t iterations, evaluations;
    double objective; /* as above, at the weights */
};

/* The most weights that are fitted; beyond them vectors alone would take a gigabyte. */
enum { LINEAR_MAX_WEIGHTS = 4 * 1024 * 1024 };

/* Bytes that linear_fit takes beside its arguments; SIZE_MAX when it would refuse the size. */
size_t linear_fit_bytes(size_t columns, size_t outputs);

/*
 * weights (K, D) and biases (K), from zero. At least one row. ERR_STOPPED; ERR_MEMORY, also beyond
 * LINEAR_MAX_WEIGHTS; ERR_DIVERGED for features that are not finite.
 */
int linear_fit(const struct linear_problem *problem, const struct linear_options *options,
               const struct linear_machine *machine, float *weights, float *biases,
               struct linear_result *result, struct err *err);

/* scores (N, K) = features (N, D) weights^T + biases, by blocks of rows on the pool. */
void linear_scores(const struct linear_problem *problem, const struct linear_machine *machine,
                   const float *weights, const float *biases, float *scores);

#endif
