/*
 * How well a score ranks positive rows before negative ones: area under the ROC curve and average
 * precision, ties treated as scikit-learn does.
 */
#ifndef CORE_EVAL_RANKING_H
#define CORE_EVAL_RANKING_H

#include <stdbool.h>
#include <stddef.h>

struct ranked {
    float score;
    bool positive;
};

struct ranking_measures {
    double roc_auc; /* P(a positive scores above a negative), ties half; NaN without both */
    double
        average_precision; /* sum of (R_n - R_(n-1)) P_n over distinct scores; NaN, no positives */
};

/* Sorts the rows. */
struct ranking_measures ranking_measure(struct ranked *rows, size_t count);

/*
 * The threshold t for "score >= t" with the greatest F1, and that F1. Where several have it, that
 * with the fewest rows; between their lowest score and the next, 0.5 or the middle. NaN and 0
 * without positives. Sorts the rows.
 */
float ranking_best_threshold(struct ranked *rows, size_t count, double *f1);

#endif
