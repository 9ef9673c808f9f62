/* Measures of regression: errors, explained variance, correlations. N = rows. */
#ifndef CORE_EVAL_REGRESSION_H
#define CORE_EVAL_REGRESSION_H

#include "core/base/err.h"

#include <stddef.h>

struct regression_measures {
    double mse, mae;
    double r2;       /* 1 - sum of squared errors / variance of the truth; NaN when that is 0 */
    double pearson;  /* NaN when either side has no variance */
    double spearman; /* Pearson's of the ranks, ties at their mean */
};

/* One target: predicted and truth of N rows. ERR_INVALID without rows; ERR_MEMORY. */
int regression_measure(const float *predicted, const float *truth, size_t rows,
                       struct regression_measures *out, struct err *err);

#endif
