/* How frequent each label is, as biases and as a loss; see label_prior.h. */
#include "core/train/label_prior.h"

#include "core/base/fmath.h"
#include "core/model/config.h"
#include "core/train/class_weights.h"

#include <assert.h>

/* counts (labels) of each label; what they are out of: rows of several labels, else all classes. */
static double
count_labels(const struct targets *targets, size_t labels, size_t *counts)
{
    size_t judged = 0;
    class_weights_count(targets, NULL, labels, counts);
    for (size_t k = 0; k < labels; k++)
        judged += counts[k];
    return (double)(targets->task == TASK_MULTI_LABEL ? targets->rows : judged);
}

void
label_prior(const struct targets *targets, size_t labels, float *biases)
{
    size_t counts[CONFIG_MAX_LABELS];
    assert(targets->task != TASK_REGRESSION && labels <= CONFIG_MAX_LABELS);
    double all = count_labels(targets, labels, counts);
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

/* The sum of the classes' weights, each as often as its class. */
static double
weigh(const size_t *counts, size_t labels, const float *class_weights)
{
    double sum = 0;
    for (size_t k = 0; k < labels; k++)
        sum += (double)class_weights[k] * (double)counts[k];
    return sum;
}

double
label_prior_loss(const struct targets *targets, size_t labels, const float *class_weights)
{
    size_t counts[CONFIG_MAX_LABELS];
    double loss = 0;
    if (targets->task == TASK_REGRESSION)
        return 1;
    assert(labels <= CONFIG_MAX_LABELS);
    double all = count_labels(targets, labels, counts);
    if (class_weights != NULL)
        all = weigh(counts, labels, class_weights);
    for (size_t k = 0; k < labels; k++) {
        double weight = class_weights != NULL ? (double)class_weights[k] : 1;
        double with = weight * (double)counts[k];
        loss += surprise(with, all);
        if (targets->task == TASK_MULTI_LABEL)
            loss += surprise(all - with, all);
    }
    return targets->task == TASK_MULTI_LABEL ? loss / (double)labels : loss;
}
