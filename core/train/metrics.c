/* THE metric names; see metrics.h. */
#include "core/train/metrics.h"

static const char *const names[] = {
    [METRIC_TRAIN_LOSS] = "train_loss",
    [METRIC_TRAIN_ACCURACY] = "train_accuracy",
    [METRIC_LEARNING_RATE] = "learning_rate",
    [METRIC_GRAD_NORM] = "grad_norm",
    [METRIC_ROWS_PER_SECOND] = "rows_per_second",
    [METRIC_TOKENS_PER_SECOND] = "tokens_per_second",
    [METRIC_VALID_LOSS] = "valid_loss",
    [METRIC_VALID_ACCURACY] = "valid_accuracy",
    [METRIC_TEST_LOSS] = "test_loss",
    [METRIC_TEST_ACCURACY] = "test_accuracy",
};

_Static_assert(sizeof names / sizeof names[0] == METRIC_COUNT, "every metric has a name");

const char *
metric_name(enum metric metric)
{
    return names[metric];
}
