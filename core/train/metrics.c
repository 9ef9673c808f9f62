/* THE metric names; see metrics.h. */
#include "core/train/metrics.h"

#include <stddef.h>

#define CLASSES (1u << TASK_CLASSIFICATION)
#define LABELS  (1u << TASK_MULTI_LABEL)
#define NUMBERS (1u << TASK_REGRESSION)
#define TOKENS  (1u << TASK_TOKEN_CLASSIFICATION)
#define ALL     (CLASSES | LABELS | NUMBERS | TOKENS)

static const struct {
    const char *name;
    unsigned tasks; /* that have it */
} rows[] = {
    [METRIC_TRAIN_LOSS] = {"train_loss", ALL},
    [METRIC_TRAIN_ACCURACY] = {"train_accuracy", CLASSES | LABELS | TOKENS},
    [METRIC_LEARNING_RATE] = {"learning_rate", ALL},
    [METRIC_GRAD_NORM] = {"grad_norm", ALL},
    [METRIC_ROWS_PER_SECOND] = {"rows_per_second", ALL},
    [METRIC_TOKENS_PER_SECOND] = {"tokens_per_second", ALL},
    [METRIC_VALID_LOSS] = {"valid_loss", ALL},
    [METRIC_VALID_ACCURACY] = {"valid_accuracy", CLASSES | LABELS | TOKENS},
    [METRIC_TEST_LOSS] = {"test_loss", ALL},
    [METRIC_TEST_ACCURACY] = {"test_accuracy", CLASSES | LABELS | TOKENS},
    [METRIC_VALID_MACRO_F1] = {"valid_macro_f1", CLASSES | LABELS},
    [METRIC_VALID_MICRO_F1] = {"valid_micro_f1", LABELS},
    [METRIC_VALID_WEIGHTED_F1] = {"valid_weighted_f1", CLASSES | LABELS},
    [METRIC_VALID_MCC] = {"valid_mcc", CLASSES},
    [METRIC_VALID_ENTITY_F1] = {"valid_entity_f1", TOKENS},
    [METRIC_VALID_MSE] = {"valid_mse", NUMBERS},
    [METRIC_VALID_MAE] = {"valid_mae", NUMBERS},
    [METRIC_VALID_R2] = {"valid_r2", NUMBERS},
    [METRIC_VALID_PEARSON] = {"valid_pearson", NUMBERS},
    [METRIC_VALID_SPEARMAN] = {"valid_spearman", NUMBERS},
    [METRIC_TEST_MACRO_F1] = {"test_macro_f1", CLASSES | LABELS},
    [METRIC_TEST_MICRO_F1] = {"test_micro_f1", LABELS},
    [METRIC_TEST_WEIGHTED_F1] = {"test_weighted_f1", CLASSES | LABELS},
    [METRIC_TEST_MCC] = {"test_mcc", CLASSES},
    [METRIC_TEST_ENTITY_F1] = {"test_entity_f1", TOKENS},
    [METRIC_TEST_MSE] = {"test_mse", NUMBERS},
    [METRIC_TEST_MAE] = {"test_mae", NUMBERS},
    [METRIC_TEST_R2] = {"test_r2", NUMBERS},
    [METRIC_TEST_PEARSON] = {"test_pearson", NUMBERS},
    [METRIC_TEST_SPEARMAN] = {"test_spearman", NUMBERS},
};

_Static_assert(sizeof rows / sizeof rows[0] == METRIC_COUNT, "every metric has a name");

static const struct {
    enum metric validation, test;
    bool rises;
} measures[] = {
    [MEASURED_LOSS] = {METRIC_VALID_LOSS, METRIC_TEST_LOSS, false},
    [MEASURED_ACCURACY] = {METRIC_VALID_ACCURACY, METRIC_TEST_ACCURACY, true},
    [MEASURED_MACRO_F1] = {METRIC_VALID_MACRO_F1, METRIC_TEST_MACRO_F1, true},
    [MEASURED_MICRO_F1] = {METRIC_VALID_MICRO_F1, METRIC_TEST_MICRO_F1, true},
    [MEASURED_WEIGHTED_F1] = {METRIC_VALID_WEIGHTED_F1, METRIC_TEST_WEIGHTED_F1, true},
    [MEASURED_MCC] = {METRIC_VALID_MCC, METRIC_TEST_MCC, true},
    [MEASURED_ENTITY_F1] = {METRIC_VALID_ENTITY_F1, METRIC_TEST_ENTITY_F1, true},
    [MEASURED_MSE] = {METRIC_VALID_MSE, METRIC_TEST_MSE, false},
    [MEASURED_MAE] = {METRIC_VALID_MAE, METRIC_TEST_MAE, false},
    [MEASURED_R2] = {METRIC_VALID_R2, METRIC_TEST_R2, true},
    [MEASURED_PEARSON] = {METRIC_VALID_PEARSON, METRIC_TEST_PEARSON, true},
    [MEASURED_SPEARMAN] = {METRIC_VALID_SPEARMAN, METRIC_TEST_SPEARMAN, true},
};

_Static_assert(sizeof measures / sizeof measures[0] == MEASURED_COUNT, "every measure is a metric");

const char *
metric_name(enum metric metric)
{
    return rows[metric].name;
}

bool
metric_has_task(enum metric metric, enum task task)
{
    return (rows[metric].tasks >> task & 1u) != 0;
}

enum metric
metric_of_validation(enum measured measured)
{
    return measures[measured].validation;
}

enum metric
metric_of_test(enum measured measured)
{
    return measures[measured].test;
}

/* The measure that a metric is of validation rows; MEASURED_COUNT when it is none. */
static size_t
find_measure(enum metric metric)
{
    size_t i = 0;
    while (i < MEASURED_COUNT && measures[i].validation != metric)
        i++;
    return i;
}

bool
metric_is_of_validation(enum metric metric)
{
    return find_measure(metric) < MEASURED_COUNT;
}

bool
metric_rises(enum metric metric)
{
    size_t i = find_measure(metric);
    return i < MEASURED_COUNT && measures[i].rises;
}
