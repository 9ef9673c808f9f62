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

struct pass {
    const struct network *network;
    const struct batch *batch;
    struct workspace *workspace;
    struct pool *pool;
    uint64_t seed; /* of dropout; used in a training workspace only */
    size_t step;   /* the same */
    double hidden_dropout, attention_dropout, classifier_dropout; /* the same */
    bool (*should_stop)(void *context); /* may be NULL; true: results are worthless */
    void *context;
};

/*
 * Logits (B,K), losses and predicted classes of every row, into the workspace. In a training
 * workspace dropout is on and the logits become their gradient by the mean loss; rows need labels.
 * In an inference workspace rows without a label (LABEL_NONE) have loss 0.
 */
void encoder_forward(const struct pass *pass);

/*
 * Gradients of the mean loss by every parameter, after encoder_forward in a training workspace:
 * written to gradients (layout->total), except the word embedding's, whose rows of this batch must
 * be zero before and are added to; the row of the padding token has none.
 */
void encoder_backward(const struct pass *pass, float *gradients);

#endif
