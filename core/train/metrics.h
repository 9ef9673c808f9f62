/*
 * THE metric names, one table: the same in metric points, job objects, checkpoints and docs.
 * Losses are natural logarithms, accuracies fractions, rates per second.
 *
 * Resume states and metric points carry names, so rows may be appended and never change.
 */
#ifndef CORE_TRAIN_METRICS_H
#define CORE_TRAIN_METRICS_H

#include "core/data/task.h"

#include <stdbool.h>

enum metric {
    METRIC_TRAIN_LOSS,     /* mean over the rows since the last point */
    METRIC_TRAIN_ACCURACY, /* the same */
    METRIC_LEARNING_RATE,  /* in force for the step */
    METRIC_GRAD_NORM,      /* global L2 norm before clipping */
    METRIC_ROWS_PER_SECOND,
    METRIC_TOKENS_PER_SECOND,
    METRIC_VALID_LOSS,
    METRIC_VALID_ACCURACY,
    METRIC_TEST_LOSS,
    METRIC_TEST_ACCURACY,
    METRIC_VALID_MACRO_F1,
    METRIC_VALID_MICRO_F1,
    METRIC_VALID_WEIGHTED_F1,
    METRIC_VALID_MCC,
    METRIC_VALID_ENTITY_F1,
    METRIC_VALID_MSE,
    METRIC_VALID_MAE,
    METRIC_VALID_R2,
    METRIC_VALID_PEARSON,
    METRIC_VALID_SPEARMAN,
    METRIC_TEST_MACRO_F1,
    METRIC_TEST_MICRO_F1,
    METRIC_TEST_WEIGHTED_F1,
    METRIC_TEST_MCC,
    METRIC_TEST_ENTITY_F1,
    METRIC_TEST_MSE,
    METRIC_TEST_MAE,
    METRIC_TEST_R2,
    METRIC_TEST_PEARSON,
    METRIC_TEST_SPEARMAN,
    METRIC_COUNT
};

/* "train_loss", … */
const char *metric_name(enum metric metric);

/* Do runs of this task have it? */
bool metric_has_task(enum metric metric, enum task task);

/* What a pass over validation or test rows measures. */
enum measured {
    MEASURED_LOSS,
    MEASURED_ACCURACY,
    MEASURED_MACRO_F1,
    MEASURED_MICRO_F1,
    MEASURED_WEIGHTED_F1,
    MEASURED_MCC,
    MEASURED_ENTITY_F1,
    MEASURED_MSE,
    MEASURED_MAE,
    MEASURED_R2,
    MEASURED_PEARSON,
    MEASURED_SPEARMAN,
    MEASURED_COUNT
};

/* The metric that it is of validation rows, and of test rows. */
enum metric metric_of_validation(enum measured measured);
enum metric metric_of_test(enum measured measured);

/* Is it one of validation rows: a run's models can be compared by it? */
bool metric_is_of_validation(enum metric metric);

/* Is more of it better? Losses and errors fall. */
bool metric_rises(enum metric metric);

#endif
