/*
 * How far a figure can be trusted: bootstrap intervals, and McNemar's test between two models.
 */
#ifndef CORE_EVAL_SIGNIFICANCE_H
#define CORE_EVAL_SIGNIFICANCE_H

#include "core/eval/classification.h"

#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_ROUNDS = 1000 };

struct interval {
    double low, high;
};

struct bootstrap_intervals {
    struct interval accuracy, macro_f1;
};

/*
 * Percentile intervals that hold 95 % of BOOTSTRAP_ROUNDS measures, each of as many rows drawn with
 * replacement (Efron 1979; quantiles as numpy's linear ones). Drawn by Philox from seed: the same
 * rows give the same interval. ERR_INVALID without rows; ERR_MEMORY.
 */
int bootstrap_classification(const struct class_predictions *predictions, uint64_t seed,
                             struct bootstrap_intervals *out, struct err *err);

struct mcnemar {
    uint64_t only_first_right, only_second_right;
    double p_value; /* two-sided, exact binomial; 1 when the two never differ */
};

/* Two models on the same N rows: is one really better? */
struct mcnemar mcnemar_test(const struct class_outcome *first, const struct class_outcome *second,
                            size_t rows);

#endif
