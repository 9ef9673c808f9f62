/*
 * Limited-memory BFGS: minimise a smooth function of many variables.
 *
 * Two-loop recursion (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4, with
 * the scaling of 7.20) and a line search for the strong Wolfe conditions (algorithms 3.5 and 3.6,
 * cubic interpolation 3.59). All sums run in one order on the calling thread: the same function
 * gives the same bits. It knows nothing of what it minimises.
 */
#ifndef CORE_PROBE_LBFGS_H
#define CORE_PROBE_LBFGS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct lbfgs_problem {
    size_t n;
    /* value at x (n), and its gradient (n); not finite where the function is not defined */
    double (*objective)(void *context, const double *x, double *gradient);
    bool (*should_stop)(void *context); /* NULL, or asked after each evaluation */
    void *context;
};

struct lbfgs_options {
    size_t memory;         /* pairs of steps and gradient changes that are kept; at least 1 */
    size_t max_iterations; /* steps */
    double tolerance;      /* of the gradient's greatest element */
};

enum lbfgs_end {
    LBFGS_CONVERGED,   /* the gradient is within the tolerance */
    LBFGS_NO_PROGRESS, /* no step makes the value smaller: rounding hides what is left */
    LBFGS_ITERATIONS   /* the limit was reached */
};

struct lbfgs_result {
    enum lbfgs_end end;
    double value;    /* at x */
    double gradient; /* its greatest element */
    size_t iterations, evaluations;
};

/* Doubles of memory that a minimisation takes beside x. */
size_t lbfgs_doubles(size_t n, const struct lbfgs_options *options);

/*
 * Go from x (n) to a minimum. 0; ERR_STOPPED; ERR_MEMORY; ERR_DIVERGED when the function is not
 * finite at x. x is the best point so far in any case but ERR_DIVERGED and ERR_MEMORY.
 */
int lbfgs_minimise(const struct lbfgs_problem *problem, const struct lbfgs_options *options,
                   double *x, struct lbfgs_result *result, struct err *err);

#endif
