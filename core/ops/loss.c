/*
 * Cross-entropy of one row: loss = log(sum exp(z - max)) - (z_label - max), and its gradient
 * factor * (softmax(z) - onehot(label)) in the same pass over the row.
 */
#include "core/base/fmath.h"
#include "core/ops/sets.h"

double
OPS(cross_entropy)(size_t n, uint32_t label, float factor, float *logits, uint32_t *best)
{
    size_t top = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[top])
            top = i;
    *best = (uint32_t)top;
    float maximum = logits[top];
    float wanted = logits[label] - maximum;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        logits[i] = fmath_exp_small(logits[i] - maximum);
        sum += (double)logits[i];
    }
    float scale = (float)(1.0 / sum);
    for (size_t i = 0; i < n; i++)
        logits[i] = factor * (logits[i] * scale - (i == label ? 1.0f : 0.0f));
    return sum != sum ? sum : fmath_log(sum) - (double)wanted;
}
