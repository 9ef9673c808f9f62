/*
 * The workspace: every activation and gradient of one batch, reserved once before the first step.
 *
 * For training, what backward needs is kept for each layer: about 8 H + I floats a token and layer
 * (softmax, dropout masks and the activation's output are computed again). With gradient
 * checkpointing only each layer's input is kept, and all layers share one slot for the rest, which
 * backward fills again layer by layer. For inference all layers share one slot.
 *
 * Of the last layer's outputs only those at position 0 are used, so that layer is narrow: its
 * queries, and everything behind attention, exist for one token a row.
 *
 * Shapes use the letters of core/ops/ops.h; T and B are the largest batch's. O is the number of a
 * layer's outputs: T, or B where it is narrow.
 */
#ifndef CORE_MODEL_WORKSPACE_H
#define CORE_MODEL_WORKSPACE_H

#include "core/base/err.h"
#include "core/base/pages.h"
#include "core/model/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layer_activations {
    bool narrow;            /* outputs at position 0 alone */
    float *input;           /* (T,H) */
    float *qkv;             /* (T,3H): query, key, value side by side; queries unused when narrow */
    float *query;           /* narrow: (B,H) */
    float *residual;        /* (O,H): the input at the outputs' positions */
    float *context;         /* (O,H): heads side by side */
    float *attention_sum;   /* (O,H): input of the first LayerNorm */
    float *attention_stats; /* (O,2) */
    float *attention_out;   /* (O,H): its output */
    float *inner;           /* (O,I): before the activation; after it once backward has passed */
    float *activated;       /* (O,I): the activation's output on its way */
    float *output_sum;      /* (O,H): input of the second LayerNorm */
    float *output_stats;    /* (O,2) */
};

/* What a workspace is for, and the largest batch that it takes. */
struct workspace_shape {
    bool training;
    bool checkpointing; /* of gradients; only in training */
    size_t rows, tokens;
    size_t longest; /* tokens of the longest row */
    size_t threads;
};

struct workspace {
    struct workspace_shape shape;
    struct layer_activations *layers; /* (L) */
    float *embedding_sum;             /* (T,H) */
    float *embedding_stats;           /* (T,2) */
    float *first;                     /* (B,H): the last layer's outputs */
    float *pooled;                    /* (B,H) */
    float *dropped;                   /* (B,H): pooled after dropout */
    float *logits;                    /* (B,K); in training they become their gradient */
    double *losses;                   /* (B) */
    uint32_t *best;                   /* (B): predicted class */
    /* gradients, for training only */
    float *d_x;         /* (T,H): by the present layer's output, then by its input */
    float *d_first;     /* (B,H): the same for the outputs of a narrow layer */
    float *d_output;    /* (T,H): by the second dense output, before dropout */
    float *d_inner;     /* (T,I); in the forward pass `activated` of the wide layers */
    float *d_attention; /* (T,H): by the attention output projection, before dropout */
    float *d_context;   /* (T,H) */
    float *d_query;     /* (B,H): of a narrow layer */
    float *d_qkv;       /* (T,3H) */
    float *d_pooled;    /* (B,H): by the pooler's dense output */
    float *partials;    /* (chunks, partial_size): bias and LayerNorm gradients of each chunk */
    size_t partial_size;
    float *scores; /* (threads, 3, longest, longest): attention probabilities of one head */
    struct pages pages;
};

/* Bytes that workspace_init reserves; SIZE_MAX when they do not fit a size_t. */
size_t workspace_bytes(const struct model_config *config, const struct workspace_shape *shape);

/* Reserve a workspace; ERR_MEMORY names the bytes. */
int workspace_init(struct workspace *workspace, const struct model_config *config,
                   const struct workspace_shape *shape, struct err *err);
void workspace_fini(struct workspace *workspace);

#endif
