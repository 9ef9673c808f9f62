/* How frequent each label is, as biases and as a loss; see label_prior.h. */
#include "core/train/label_prior.h"

#include "core/base/fmath.h"
#include "core/model/config.h"

#include <assert.h>

/* counts (K) of each label; what they are out of: rows of several labels, else all with a class. */
static double
count_labels(const struct targets *targets, size_t *counts)
{
    bool lists = targets->starts != NULL;
    size_t judged = 0;
    for (size_t row = 0; row < targets->rows; row++) {
        struct target target = targets_row(targets, row);
        const uint32_t *ids = lists ? target.ids : &target.label;
        size_t count = lists ? target.count : 1;
        for (size_t i = 0; i < count; i++) {
            if (ids[i] == LABEL_NONE)
                continue;
            counts[ids[i]]++;
            judged++;
        }
    }
    return (double)(targets->task == TASK_MULTI_LABEL ? targets->rows : judged);
}

void
label_prior(const struct targets *targets, size_t labels, float *biases)
{
    size_t counts[CONFIG_MAX_LABELS] = {0};
    assert(targets->task != TASK_REGRESSION && labels <= CONFIG_MAX_LABELS);
    double all = count_labels(targets, counts);
    for (size_t k = 0; k < labels; k++) {
        double with = (double)counts[k] + 1;
        double rest = targets->task == TASK_MULTI_LABEL ? all + 2 - with : all + (double)labels;
        biases[k] = (float)fmath_log(with / rest);
    }
}

/* -p ln p of a share of all; 0 where it is none or all there is. */
static double
surprise(double count, double all)
{
    return count > 0 ? -count / all * fmath_log(count / all) : 0;
}

double
label_prior_loss(const struct targets *targets, size_t labels)
{
    size_t counts[CONFIG_MAX_LABELS] = {0};
    double loss = 0;
    if (targets->task == TASK_REGRESSION)
        return 1;
    assert(labels <= CONFIG_MAX_LABELS);
    double all = count_labels(targets, counts);
    for (size_t k = 0; k < labels; k++) {
        double with = (double)counts[k];
        loss += surprise(with, all);
        if (targets->task == TASK_MULTI_LABEL)
            loss += surprise(all - with, all);
    }
    return targets->task == TASK_MULTI_LABEL ? loss / (double)labels : loss;
}
