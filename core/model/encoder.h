/*
 * Forward and backward passes of a batch through the whole network.
 *
 * Chunks of rows (data/batch.h) pass through all layers on their own: no thread waits for another
 * between the embedding and the loss. Backward goes layer by layer: first every chunk computes the
 * gradients by its activations, then the weight gradients are computed over all tokens, cut by
 * output rows. Both cuts depend on the batch and the model alone, so the bits do, too.
 */
#ifndef CORE_MODEL_ENCODER_H
#define CORE_MODEL_ENCODER_H

#include "core/base/pool.h"
#include "core/data/batch.h"
#include "core/model/network.h"
#include "core/model/workspace.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the batch of a pass stands in a larger one that it is a part of. All zero: it is whole. */
struct pass_before {
    size_t rows, tokens;       /* before it */
    uint64_t attention_groups; /* of dropout, that those rows take in one layer */
    double loss_weight;        /* of the larger batch (loss.h); 0: that of this batch */
};

struct pass {
    const struct network *network;
    const struct batch *batch;
    struct workspace *workspace;
    struct pool *pool;
    uint64_t seed; /* of dropout; used in a training workspace only */
    size_t step;   /* the same */
    double hidden_dropout, attention_dropout, classifier_dropout; /* the same */
    const struct loss_options *loss;    /* the same; NULL: the plain loss */
    bool (*should_stop)(void *context); /* may be NULL; true: results are worthless */
    void *context;
    struct pass_before before; /* of whoever takes a batch in parts: encoder_step */
};

/*
 * Logits (O,K), losses and predicted classes of every output of the head (row or token), into the
 * workspace. In a training workspace dropout is on, rows need targets, the logits become their
 * gradient by the mean loss, and the batch has to be one group (model/groups.h): encoder_step takes
 * any. In an inference workspace outputs without a label (LABEL_NONE) have loss 0.
 */
void encoder_forward(const struct pass *pass);

/*
 * Gradients of the mean loss by every parameter, after encoder_forward in a training workspace:
 * written to gradients (layout->total), except the word embedding's, whose rows of this batch must
 * be zero before and are added to; the row of the padding token has none.
 */
void encoder_backward(const struct pass *pass, float *gradients);

/*
 * Both, group by group: losses and classes of all outputs, gradients of their mean loss. Logits are
 * those of the last group.
 */
void encoder_step(const struct pass *pass, float *gradients);

#endif
