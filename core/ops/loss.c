/*
 * Losses of one output, and their gradients in the same pass over its logits.
 *
 * Cross-entropy: loss = log(sum exp(z - max)) - (z_label - max), gradient
 * factor * (softmax(z) - onehot(label)). Binary cross-entropy: with s = z where the label applies
 * and -z where it does not, -log sigmoid(s) = max(-s, 0) + log(1 + exp(-|s|)).
 */
#include "core/base/fmath.h"
#include "core/ops/sets.h"

static inline size_t
greatest(size_t n, const float *x)
{
    size_t top = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[top])
            top = i;
    return top;
}

/* log(1 + e) of 0 < e <= 1, to the last bits of small e; NaN stays NaN. */
static inline double
log_one_plus(double e)
{
    if (e != e)
        return e;
    return e < 1e-5 ? e * (1.0 - 0.5 * e) : fmath_log(1.0 + e);
}

/* q^gamma of 0 <= q <= 1: whole powers by products, the fraction that is left by the logarithm. */
static inline double
power(double q, double gamma)
{
    double whole = 1.0;
    if (q != q)
        return q;
    if (q < 1e-300) /* a normal number for the logarithm */
        return gamma > 0.0 ? 0.0 : 1.0;
    while (gamma >= 1.0) {
        whole *= q;
        gamma -= 1.0;
    }
    return gamma > 0.0 ? whole * (double)fmath_exp_small((float)(gamma * fmath_log(q))) : whole;
}

double
OPS(cross_entropy)(size_t n, uint32_t label, float factor, float *logits, uint32_t *best)
{
    size_t top = greatest(n, logits);
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

/* Sums over the classes of a row, z counted from its greatest. */
struct class_sums {
    double e;        /* of exp(z) */
    double e_others; /* the same without the label's */
    double weights;  /* of w */
    double weighted; /* of w z */
};

static inline struct class_sums
sum_classes(size_t n, const struct loss_options *options, uint32_t label, float maximum,
            float *logits)
{
    struct class_sums sums = {0};
    for (size_t i = 0; i < n; i++) {
        double w = options->class_weights != NULL ? (double)options->class_weights[i] : 1.0;
        float z = logits[i] - maximum;
        sums.weights += w;
        sums.weighted += w * (double)z;
        logits[i] = fmath_exp_small(z);
        sums.e += (double)logits[i];
        sums.e_others += i == label ? 0.0 : (double)logits[i];
    }
    return sums;
}

double
OPS(weighed_cross_entropy)(size_t n, const struct loss_options *options, uint32_t label,
                           float factor, float *logits, uint32_t *best)
{
    size_t top = greatest(n, logits);
    double wanted = (double)(logits[label] - logits[top]);
    struct class_sums sums = sum_classes(n, options, label, logits[top], logits);
    *best = (uint32_t)top;
    if (sums.e != sums.e) {
        for (size_t i = 0; i < n; i++)
            logits[i] = (float)sums.e;
        return sums.e;
    }
    double log_sum = fmath_log(sums.e);
    double weight = options->class_weights != NULL ? (double)options->class_weights[label] : 1.0;
    double share = options->label_smoothing / (double)n;
    double own = (1.0 - options->label_smoothing) * weight;
    double q = sums.e_others / sums.e;
    double p = (double)logits[label] / sums.e;
    double focus = power(q, options->focal_gamma);
    double loss =
        own * focus * (log_sum - wanted) + share * (sums.weights * log_sum - sums.weighted);
    /* d/dz of (1-p)^g nll is G (softmax - onehot), G = (1-p)^g + g (1-p)^(g-1) p nll */
    double g = options->focal_gamma;
    if (g > 0.0 && q > 0.0)
        own *= focus * (1.0 + g * p * (log_sum - wanted) / q);
    else
        own *= focus;
    for (size_t i = 0; i < n; i++) {
        double w = options->class_weights != NULL ? (double)options->class_weights[i] : 1.0;
        double softmax = (double)logits[i] / sums.e;
        double slope =
            own * (softmax - (i == label ? 1.0 : 0.0)) + share * (softmax * sums.weights - w);
        logits[i] = factor * (float)slope;
    }
    return loss;
}

double
OPS(binary_cross_entropy)(size_t n, const struct label_list *labels, double gamma, float factor,
                          float *logits)
{
    size_t next = 0; /* of the row's labels, which ascend */
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        bool applies = next < labels->count && labels->ids[next] == i;
        next += applies;
        float s = applies ? logits[i] : -logits[i];
        double e = (double)fmath_exp_small(s < 0.0f ? s : -s);
        double p = s < 0.0f ? e / (1.0 + e) : 1.0 / (1.0 + e);
        double q = s < 0.0f ? 1.0 / (1.0 + e) : e / (1.0 + e);
        double nll = (s < 0.0f ? -(double)s : 0.0) + log_one_plus(e);
        double focus = gamma > 0.0 ? power(q, gamma) : 1.0;
        loss += focus * nll;
        /* d/ds of (1-p)^g nll = -(1-p)^g (g p nll + (1 - p)) */
        float slope = (float)(-focus * (gamma * p * nll + q));
        logits[i] = factor * (applies ? slope : -slope);
    }
    return loss / (double)n;
}

double
OPS(squared_error)(size_t n, const float *wanted, float factor, float *outputs)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        float error = outputs[i] - wanted[i];
        loss += (double)error * (double)error;
        outputs[i] = factor * (2.0f * error);
    }
    return loss / (double)n;
}
