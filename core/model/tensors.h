/*
 * THE tensor table: every parameter of the network, its names in checkpoints, shape and start.
 *
 * A row has a name for each family of models; which rows a network has follows from its config.
 *
 * A layout is the table filled in for one config: all parameters lie end to end in one float array,
 * so that weights, gradients and the optimizer's moments are four arrays of the same shape and an
 * update is one pass. Query, key and value weights are neighbours, (3H,H) as one matrix; so are
 * their biases: one product computes all three.
 */
#ifndef CORE_MODEL_TENSORS_H
#define CORE_MODEL_TENSORS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/config.h"

#include <stdbool.h>
#include <stddef.h>

/* How a tensor starts when a checkpoint does not bring it. */
enum tensor_init { INIT_NORMAL, INIT_ZERO, INIT_ONE };

enum tensor_kind {
    TENSOR_WORD_EMBEDDING, /* (V,E); E is H in most models */
    TENSOR_POSITION_EMBEDDING,
    TENSOR_TYPE_EMBEDDING, /* absent where there are no token types */
    TENSOR_EMBEDDING_NORM_WEIGHT,
    TENSOR_EMBEDDING_NORM_BIAS,
    TENSOR_PROJECTION_WEIGHT, /* (H,E): where E is not H */
    TENSOR_PROJECTION_BIAS,
    TENSOR_QUERY_WEIGHT, /* (H,H), outputs x inputs, as all weights here */
    TENSOR_KEY_WEIGHT,
    TENSOR_VALUE_WEIGHT,
    TENSOR_QUERY_BIAS,
    TENSOR_KEY_BIAS,
    TENSOR_VALUE_BIAS,
    TENSOR_ATTENTION_OUTPUT_WEIGHT,
    TENSOR_ATTENTION_OUTPUT_BIAS,
    TENSOR_ATTENTION_NORM_WEIGHT,
    TENSOR_ATTENTION_NORM_BIAS,
    TENSOR_INTERMEDIATE_WEIGHT, /* (I,H) */
    TENSOR_INTERMEDIATE_BIAS,
    TENSOR_OUTPUT_WEIGHT, /* (H,I) */
    TENSOR_OUTPUT_BIAS,
    TENSOR_OUTPUT_NORM_WEIGHT,
    TENSOR_OUTPUT_NORM_BIAS,
    TENSOR_POOLER_WEIGHT, /* (H,H): the head's dense layer: BERT's pooler, pre_classifier, … */
    TENSOR_POOLER_BIAS,
    TENSOR_CLASSIFIER_WEIGHT, /* (K,H), K = label_count */
    TENSOR_CLASSIFIER_BIAS,
    TENSOR_KIND_COUNT
};

struct tensor {
    enum tensor_kind kind;
    size_t layer;  /* 0 outside the encoder layers */
    char name[96]; /* as transformers writes it: "bert.encoder.layer.0.…" */
    size_t rows;
    size_t columns; /* 1-D tensors: rows = 1 */
    bool vector;    /* 1-D in a checkpoint */
    size_t offset;  /* floats from the start of the parameter array */
    enum tensor_init init;
    bool decays; /* weight decay applies: no bias, no LayerNorm */
};

struct tensor_layout {
    struct tensor *tensors;
    size_t count;
    size_t starts[TENSOR_KIND_COUNT]; /* index of a kind's first tensor; SIZE_MAX: none */
    size_t encoder_end; /* floats of the parameter array before the head: pooler and classifier */
    size_t total;       /* floats in the parameter array */
    size_t parameters;  /* how many of them are parameters: all, unless the words were moved */
};

/*
 * Fill the table in for a config; lives in arena. With label_count 0 there is no classifier, and of
 * a head's dense layer only what a base model brings: BERT's pooler.
 */
int tensor_layout_build(const struct model_config *config, struct arena *arena,
                        struct tensor_layout *out, struct err *err);

/*
 * Let the word embedding, which comes first, begin at this offset instead of 0, and all other
 * tensors follow from the next multiple of 16 floats on, as before without a gap: so that the word
 * embedding can stand where a file's pages want it and the others where vectors do. Once a layout.
 * ERR_MEMORY.
 */
int tensor_layout_move_words(struct tensor_layout *layout, size_t offset, struct err *err);

/* Has the layout tensors of this kind? */
bool tensor_exists(const struct tensor_layout *layout, enum tensor_kind kind);

/* Index of a tensor that the layout has; layer is ignored outside the encoder layers. */
size_t tensor_index(const struct tensor_layout *layout, enum tensor_kind kind, size_t layer);

/* Offset of a tensor in the parameter array; layer is ignored outside the encoder layers. */
size_t tensor_offset(const struct tensor_layout *layout, enum tensor_kind kind, size_t layer);

/* What a family's checkpoints write before the names of encoder tensors, or leave out: "bert.". */
const char *tensor_prefix(enum model_family family);

#endif
