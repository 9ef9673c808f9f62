/*
 * Class weights: how much the rows (or tokens) of a class count in the loss.
 *
 * Given as "balanced", which is scikit-learn's n / (K n_c), or as an object {"label": weight, ...}.
 */
#ifndef CORE_TRAIN_CLASS_WEIGHTS_H
#define CORE_TRAIN_CLASS_WEIGHTS_H

#include "core/base/err.h"
#include "core/data/labels.h"
#include "core/data/targets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The greatest weight that can be given. */
#define CLASS_WEIGHTS_MOST 1e6

#define CLASS_WEIGHTS_BALANCED "balanced"

/*
 * Weights (k) of classes with these counts (k), as sklearn.utils.class_weight's "balanced" has
 * them: the sum of the counts / (classes that occur * count). 1 for a class that does not occur.
 */
void class_weights_balance(const size_t *counts, size_t k, float *weights);

/* counts (k) = rows (or words) of each class, without the rows that are `skipped` (may be NULL). */
void class_weights_count(const struct targets *targets, const bool *skipped, size_t k,
                         size_t *counts);

/*
 * Read an object from label to weight, in weights (labels->count); labels that it does not name
 * weigh 1. ERR_INVALID for what is no such object, names a label that there is not, or has a weight
 * that is not a number from 0 to 1e6, or weighs every label 0.
 */
int class_weights_read(const char *json, const struct label_set *labels, float *weights,
                       struct err *err);

/* The same number for the same weights, and hardly ever for others; 0 for none (NULL). */
uint32_t class_weights_mark(const float *weights, size_t k);

#endif
