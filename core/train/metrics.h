/*
 * THE metric names, one table: the same in metric points, job objects, checkpoints and docs.
 * Losses are natural logarithms, accuracies fractions, rates per second.
 */
#ifndef CORE_TRAIN_METRICS_H
#define CORE_TRAIN_METRICS_H

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
    METRIC_COUNT
};

/* "train_loss", … */
const char *metric_name(enum metric metric);

#endif
