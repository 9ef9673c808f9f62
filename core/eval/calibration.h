/*
 * Calibration: does a probability of 0.8 come true in 80 % of the cases?
 *
 * A row's confidence is its greatest probability. Of several labels each probability of a label is
 * one prediction, which comes true where the row has the label. Temperature scaling (Guo et al.
 * 2017, arXiv 1706.04599) divides the logits by one number that is fitted on validation rows.
 */
#ifndef CORE_EVAL_CALIBRATION_H
#define CORE_EVAL_CALIBRATION_H

#include "core/eval/classification.h"

#include <stddef.h>
#include <stdint.h>

enum { CALIBRATION_BINS = 15 };

/* Rows with a confidence in (low, high]; the means are NaN in an empty bin. */
struct calibration_bin {
    double low, high;
    uint64_t rows;
    double confidence, accuracy;
};

struct calibration {
    double ece;   /* expected calibration error: mean |accuracy - confidence| by rows */
    double brier; /* mean over rows of the squared distance to the true one-hot vector */
    struct calibration_bin bins[CALIBRATION_BINS];
};

/* ERR_INVALID without rows. */
int calibration_measure(const struct class_predictions *predictions, struct calibration *out,
                        struct err *err);

/* Of `cells` probabilities of labels and whether each label is there (1) or not (0): rows are such
 * cells, accuracy is the share of labels that are there. ERR_INVALID without cells. */
int calibration_measure_labels(const float *probabilities, const uint8_t *truth, size_t cells,
                               struct calibration *out, struct err *err);

/*
 * The temperature that makes the mean log-loss of softmax(logits / T) least, within 1/20 .. 20; the
 * loss is convex in 1 / T, so it is found by Newton's method between shrinking bounds. 1 without
 * rows. logits (N, K); of the outcomes only the truth is read.
 */
double calibration_fit_temperature(const struct class_predictions *predictions,
                                   const float *logits);

#endif
