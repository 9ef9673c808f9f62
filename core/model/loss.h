/*
 * The loss of the head's outputs and its gradient, by the task of the batch's targets.
 *
 *   classification        cross-entropy of each row
 *   multi_label           mean over the labels of a row's binary cross-entropies, with logits
 *   regression            mean over the numbers of a row's squared errors
 *   token_classification  cross-entropy of each token that has a class
 *
 * The mean loss of a batch is the sum of its outputs' losses over loss_weight. Class weights,
 * label smoothing and focal loss (struct loss_options) are for training; an evaluation's loss is
 * the plain one, so that it can be compared between jobs.
 */
#ifndef CORE_MODEL_LOSS_H
#define CORE_MODEL_LOSS_H

#include "core/data/batch.h"
#include "core/model/workspace.h"
#include "core/ops/ops.h"

/*
 * What the losses of a batch are divided by: its rows or its tokens with a class or, with class
 * weights, the sum of their weights, as torch does. 1 where that is 0: nothing is lost then.
 * options may be NULL.
 */
double loss_weight(const struct batch *batch, const struct loss_options *options);

/* Sums over outputs. */
struct loss_sums {
    double loss;
    size_t judged;  /* rows, or tokens with a class */
    size_t classes; /* of them, those that have one class: that can be right */
    size_t correct;
};

/* Add the outputs of a row of a batch that has passed forward whole. */
void loss_add_row(const struct batch *batch, const struct workspace *workspace, size_t row,
                  struct loss_sums *sums);

/*
 * Add the output of row `row` of the targets, from its logits (K), which are lost: for outputs that
 * no batch has, such as means. Tasks of rows alone.
 */
void loss_add_logits(const struct ops *ops, const struct targets *targets, size_t row, size_t k,
                     float *logits, struct loss_sums *sums);

/* The share of what is right; NaN where nothing can be. */
double loss_accuracy(const struct loss_sums *sums);

/* ---- private to core/model ------------------------------------------------------------------- */

struct chunk;

/*
 * From the logits of a chunk's outputs: losses and best classes, into the places of these outputs
 * in the whole batch; where nothing is known of an output its loss is 0. In a training workspace
 * the logits become their gradient by the mean loss of the whole batch.
 */
void loss_judge(const struct chunk *chunk);

#endif
