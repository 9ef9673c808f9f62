/*
 * The workspace: every activation and gradient that a pass holds, reserved once before the first
 * step.
 *
 * For training, what backward cannot make again cheaply is kept for each layer: 5 H + I floats a
 * token and layer. The rest (LayerNorm's outputs, the context, softmax, dropout masks, the
 * activation's output) is computed again, to the same bits, and has one place for all layers. A
 * gradient takes the place of the activation that it belongs to. With gradient checkpointing only
 * each layer's sum before its last LayerNorm is kept, and all layers share one slot for the rest,
 * which backward fills again layer by layer. For inference all layers share one slot.
 *
 * Memory does not grow with the batch beyond a limit: training takes a larger batch in groups of
 * chunks (model/groups.h), each forward and backward, and adds up their gradients.
 *
 * With bf16 the products take their operands rounded, and what is an operand or a product's result
 * is kept so: qkv, inner and whatever the weight gradients are made of. A chunk then passes a layer
 * in floats in its thread's scratch. Sums before LayerNorm, which carry the residual, stay floats.
 *
 * A batch that is one group leaves the gradients alone until its backward pass, which writes layer
 * l's when all that was kept of the layers above has been used for the last time. So what a layer
 * keeps may lie where gradients of the layers below it will be written: in memory lent by the
 * gradient array.
 *
 * Where the head looks at the last layer's outputs at position 0 alone, that layer is narrow: its
 * queries, and everything behind attention, exist for one token a row. The outputs of a wide last
 * layer stand in its `input` when a chunk has passed, dropped out where the head says so.
 *
 * Shapes use the letters of core/ops/ops.h; T and B are the largest group's. O is the number of a
 * layer's outputs: T, or B where it is narrow; of the head's outputs: B, or T where they are
 * tokens.
 */
#ifndef CORE_MODEL_WORKSPACE_H
#define CORE_MODEL_WORKSPACE_H

#include "core/base/err.h"
#include "core/base/pages.h"
#include "core/model/config.h"
#include "core/model/tensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every array in turn becomes, in the backward pass, what its comment says last. */
struct layer_activations {
    bool narrow;            /* outputs at position 0 alone */
    float *qkv;             /* (T,3H): query, key, value side by side (queries unused when narrow);
                               their gradients */
    float *query;           /* narrow: (B,H); its gradient */
    float *attention_sum;   /* (O,H): input of the first LayerNorm; gradient by the dense output */
    float *attention_stats; /* (O,2) */
    float *inner;           /* (O,I): before the activation; the activation's output */
    float *output_sum;      /* (O,H): input of the second LayerNorm; gradient by the dense output */
    float *output_stats;    /* (O,2) */
    /* not kept: these are the same memory in all wide layers */
    float *input;         /* (T,H) */
    float *residual;      /* (O,H): the input at the outputs' positions */
    float *context;       /* (O,H): heads side by side; its gradient; the context again */
    float *attention_out; /* (O,H): the first LayerNorm's output */
    float *activated;     /* (O,I): the activation's output on its way; gradient by `inner` */
    /* with bf16 in place of the arrays above, which are NULL then; of a narrow layer input and qkv
       alone, the others being small */
    struct layer_halves {
        uint16_t *qkv, *inner, *input, *context, *attention_out, *activated;
    } half;
};

/* What a workspace is for, and the largest batch that it takes. */
struct workspace_shape {
    bool training;
    bool checkpointing; /* of gradients, where it saves memory; only in training */
    bool bf16;          /* operands of products are kept as bfloat16; only in training */
    size_t rows, tokens;
    size_t longest; /* tokens of the longest row */
    size_t threads;
    size_t group_tokens; /* in training: tokens at a time; 0: as many as workspace_group says */
    /* The array that encoder_step will write gradients to, and where they stand in it, lend memory
     * while they are not written; NULL: nothing is lent. */
    const struct tensor_layout *layout;
    float *gradients;
    size_t reserve;    /* bytes of memory to have at least, for others to lie in */
    struct pages host; /* memory that is free whenever this workspace is used: taken if it is large
                          enough */
};

struct workspace {
    struct workspace_shape shape;
    size_t group_tokens, group_rows;  /* most of one group */
    struct layer_activations *layers; /* (L) */
    float *embedding_stats;           /* (T,2) */
    float *embedded;                  /* (T,E): before the projection; NULL where E is H */
    float *first;                     /* (B,H): the last layer's outputs at position 0 */
    float *pooled;                    /* (B,H): the mean, or the dense layer's output; no tokens */
    float *dropped;                   /* (B,H): pooled, bent and dropped out; the same */
    float *logits;                    /* (O,K); in training they become their gradient */
    double *losses;                   /* (head's outputs of the whole batch) */
    uint32_t *best;                   /* (the same): predicted class */
    /* for training only */
    float *d_x;        /* (T,H): gradient by the present layer's output, then by its input */
    float *d_embedded; /* (T,E): by the embedding's sums at last; d_x where E is H */
    float *d_first;    /* (B,H): the same for the outputs of a narrow layer */
    float *d_pooled;   /* (B,H): by pooled */
    float *partials;   /* (chunks, partial_size): bias and LayerNorm gradients of each chunk */
    size_t partial_size;
    float *scores; /* (threads, scores_size): attention probabilities of one head */
    size_t scores_size;
    float *
        scratch; /* with bf16: (threads, scratch_size): a chunk's layer, as layer_view divides it */
    size_t scratch_size, scratch_tokens;
    size_t *offsets, *chunk_rows; /* (B+1) each: of the present group */
    struct pages pages;
};

/*
 * Tokens that training takes at a time: enough for 16 chunks of short rows or 8 rows of the
 * longest, so that eight threads find work, and so many that adding up gradients costs 1 %.
 */
size_t workspace_group(const struct workspace_shape *shape);

/* Bytes that workspace_init reserves; SIZE_MAX when they do not fit a size_t. */
size_t workspace_bytes(const struct model_config *config, const struct workspace_shape *shape);

/* Reserve a workspace; ERR_MEMORY names the bytes. */
int workspace_init(struct workspace *workspace, const struct model_config *config,
                   const struct workspace_shape *shape, struct err *err);
void workspace_fini(struct workspace *workspace);

#endif
