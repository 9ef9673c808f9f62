/*
 * Measures of multi-label classification, as scikit-learn defines them; 0 / 0 counts as 0.
 *
 * A label is predicted where its probability is at least its threshold. N = rows, K = labels.
 */
#ifndef CORE_EVAL_MULTI_LABEL_H
#define CORE_EVAL_MULTI_LABEL_H

#include "core/eval/classification.h"

#include <stddef.h>
#include <stdint.h>

struct multi_label_predictions {
    size_t rows, labels;
    const float *probabilities; /* (N, K) */
    const uint8_t *truth;       /* (N, K): 0 or 1 */
    const float *thresholds;    /* (K) */
};

struct multi_label_measures {
    double subset_accuracy; /* all labels of a row right */
    double hamming_loss;    /* wrong cells / all cells */
    struct class_averages micro, macro, weighted;
    double roc_auc, average_precision; /* mean over labels that have both kinds of rows */
    double log_loss;                   /* mean binary cross-entropy over all cells */
    struct class_scores *per_label;    /* (K) */
};

/* Arrays of out live in arena. ERR_INVALID without rows or labels; ERR_MEMORY. */
int multi_label_measure(const struct multi_label_predictions *predictions, struct arena *arena,
                        struct multi_label_measures *out, struct err *err);

/* For each label the threshold with the greatest F1 on these rows; 0.5 where a label has no row.
 * thresholds of the input are not read. out (K). ERR_MEMORY. */
int multi_label_tune(const struct multi_label_predictions *predictions, float *out,
                     struct err *err);

#endif
