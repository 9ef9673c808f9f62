/*
 * Is one of two models really better on the same rows? Paired tests.
 *
 * Rows that are right or wrong: McNemar's (Dietterich 1998 recommends it for two classifiers that
 * were trained once). Distances from the truth: Wilcoxon's signed-rank test, which asks for no
 * normal distribution, and distances have none. Both count a row as one observation, so a row must
 * be something that was drawn on its own: a sentence, not each of its words (Gillick and Cox 1989).
 */
#ifndef CORE_EVAL_SIGNIFICANCE_H
#define CORE_EVAL_SIGNIFICANCE_H

#include "core/base/err.h"
#include "core/eval/classification.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcnemar {
    uint64_t only_first_right, only_second_right;
    double p_value; /* two-sided, exact binomial; 1 when the two never differ */
};

/* Of predicted classes of N rows. */
struct mcnemar mcnemar_test(const struct class_outcome *first, const struct class_outcome *second,
                            size_t rows);

/* Of rows (N) that were wholly right or not. */
struct mcnemar mcnemar_test_rows(const bool *first, const bool *second, size_t rows);

enum { WILCOXON_MAX_EXACT = 50 };

struct wilcoxon {
    uint64_t first_nearer, second_nearer; /* rows with the smaller distance */
    double p_value;                       /* two-sided; 1 when the two never differ */
};

/*
 * Distances (N) of two models from the truth. Rows with equal ones are left out (Wilcoxon's own
 * way), equal differences share their ranks. Exact for at most WILCOXON_MAX_EXACT rows that differ,
 * else by the normal distribution, its variance corrected for ties, without continuity correction.
 * Distances are numbers. ERR_MEMORY.
 */
int wilcoxon_test(const double *first, const double *second, size_t rows, struct wilcoxon *out,
                  struct err *err);

#endif
