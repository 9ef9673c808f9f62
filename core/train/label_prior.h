/*
 * What is known of a text before it is read: how frequent each label is. The start of a head
 * (init_head "prior"), and the loss that a model must come below to have learned anything.
 *
 * Many labels that are mostly absent begin, at biases of 0, with a loss that only the biases could
 * lower. The optimizer moves those slowly and the encoder instead, until its output is the same for
 * every text. With biases at the prior the first gradient is already about the texts (Lin et al.,
 * "Focal loss for dense object detection", ICCV 2017, section 4.1).
 */
#ifndef CORE_TRAIN_LABEL_PRIOR_H
#define CORE_TRAIN_LABEL_PRIOR_H

#include "core/data/targets.h"

/*
 * biases (K): of several labels the log-odds of each, of classes (of rows or of tokens) the
 * logarithm of their share. Every label counts as seen once, and as absent once, beside the
 * targets. Not for regression.
 */
void label_prior(const struct targets *targets, size_t labels, float *biases);

/*
 * The mean loss of always giving the same best answer: the entropy of the classes in nats, that of
 * each label's presence (mean over the labels), the variance of standardised numbers (1). K
 * balanced classes: ln K. class_weights (K), as the loss of training has them, or NULL: alike.
 */
double label_prior_loss(const struct targets *targets, size_t labels, const float *class_weights);

#endif
