/*
 * The workspace: every activation and gradient of one batch, reserved once before the first step.
 *
 * For training, what backward needs is kept for each layer: about 11 H + I floats a token and
 * layer (softmax, dropout masks and the activation's output are recomputed). For inference all
 * layers share one slot. Shapes use the letters of core/ops/ops.h; T and B are the largest batch's.
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
    float *input;           /* (T,H) */
    float *qkv;             /* (T,3H): query, key, value side by side */
    float *context;         /* (T,H): heads side by side */
    float *attention_sum;   /* (T,H): input of the first LayerNorm */
    float *attention_stats; /* (T,2) */
    float *attention_out;   /* (T,H): its output */
    float *inner;           /* (T,I): before the activation; after it once backward has passed */
    float *output_sum;      /* (T,H): input of the second LayerNorm */
    float *output_stats;    /* (T,2) */
};

struct workspace {
    bool training;
    size_t rows, tokens, longest, threads; /* capacities */
    struct layer_activations *layers;      /* (L+1): the last has an input only, the final output */
    float *embedding_sum;                  /* (T,H) */
    float *embedding_stats;                /* (T,2) */
    float *first;                          /* (B,H): outputs at position 0 */
    float *pooled;                         /* (B,H) */
    float *dropped;                        /* (B,H): pooled after dropout */
    float *logits;                         /* (B,K); in training they become their gradient */
    double *losses;                        /* (B) */
    uint32_t *best;                        /* (B): predicted class */
    /* gradients, for training only */
    float *d_x;         /* (T,H): by the present layer's output, then by its input */
    float *d_output;    /* (T,H): by the second dense output, before dropout */
    float *d_inner;     /* (T,I) */
    float *d_attention; /* (T,H): by the attention output projection, before dropout */
    float *d_context;   /* (T,H) */
    float *d_qkv;       /* (T,3H) */
    float *d_pooled;    /* (B,H): by the pooler's dense output */
    float *d_first;     /* (B,H) */
    float *partials;    /* (chunks, partial_size): bias and LayerNorm gradients of each chunk */
    size_t partial_size;
    float *scores; /* (threads, 3, longest, longest): attention probabilities of one head */
    struct pages pages;
};

/* Reserve a workspace; ERR_MEMORY names the bytes. longest is the longest row in tokens. */
int workspace_init(struct workspace *workspace, const struct model_config *config, bool training,
                   size_t rows, size_t tokens, size_t longest, size_t threads, struct err *err);
void workspace_fini(struct workspace *workspace);

#endif
