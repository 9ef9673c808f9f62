/*
 * The optimizer: gradient norm, clipping and the update of all parameters, in parallel blocks.
 *
 * Word embeddings are sparse: only rows that some batch has touched have moments that are not zero,
 * and with no weight decay a row never touched stays what it is to the bit. So gradient, moments
 * and work exist for touched rows only; with decoupled or coupled decay every row is visited.
 * Blocks and the order of their sums depend on the model and the batch alone.
 */
#ifndef CORE_TRAIN_OPTIMIZER_H
#define CORE_TRAIN_OPTIMIZER_H

#include "core/base/err.h"
#include "core/base/pages.h"
#include "core/base/pool.h"
#include "core/data/batch.h"
#include "core/model/tensors.h"
#include "core/ops/ops.h"
#include "core/train/params.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct optimizer_block {
    size_t offset, length; /* floats of the parameter array */
    bool decays;
};

struct optimizer_state {
    /* what a resume needs */
    size_t steps; /* updates done */
    double beta1_power, beta2_power;
    float *first, *second; /* (total): moments; first is SGD's momentum */
    uint32_t *touched;     /* word rows in the order of first use */
    size_t touched_count;
    /* what can be made again */
    const struct train_params *params;
    const struct tensor_layout *layout;
    const struct ops *ops;
    size_t vocab_size, embedding_size, pad_token_id, words_offset;
    bool *is_touched;     /* (V) */
    uint32_t *batch_rows; /* word rows of the present batch */
    size_t batch_row_count;
    size_t touched_before;          /* touched_count without those rows */
    uint32_t *seen_in_step;         /* (V): last step + 1 that used the row */
    struct optimizer_block *blocks; /* all tensors but the word embedding */
    size_t block_count;
    double *sums; /* squared sums by block */
    struct pages moments;
};

/* Arrays of moments, each as large as the parameters, that an optimizer of this kind keeps: the
 * first, then the second. */
size_t optimizer_moment_arrays(enum optimizer kind);

/* Everything zero; params are resolved and outlive the optimizer. ERR_MEMORY. */
int optimizer_init(struct optimizer_state *optimizer, const struct train_params *params,
                   const struct model_config *config, const struct tensor_layout *layout,
                   const struct ops *ops, size_t most_batch_tokens, struct err *err);
void optimizer_fini(struct optimizer_state *optimizer);

/* Note which word rows the batch uses; call once a step before the backward pass. */
void optimizer_note_batch(struct optimizer_state *optimizer, const struct batch *batch);

/*
 * The step of the batch noted last is dropped before optimizer_step: what a resume needs is as if
 * it had not been noted. The gradients are not, for rows of that batch may hold some: the run must
 * end.
 */
void optimizer_forget_batch(struct optimizer_state *optimizer);

/* Global L2 norm of the gradient. */
double optimizer_gradient_norm(struct optimizer_state *optimizer, struct pool *pool,
                               const float *gradients);

/*
 * Update parameters with the learning rate in force and the norm for clipping (coefficient
 * min(1, max_grad_norm / (norm + 1e-6)), as torch's clip_grad_norm_), then zero the batch's rows of
 * the word embedding's gradient.
 */
void optimizer_step(struct optimizer_state *optimizer, struct pool *pool, double learning_rate,
                    double norm, float *gradients, float *parameters);

#endif
