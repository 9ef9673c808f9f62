/*
 * A BERT's shape, read from config.json as from hostile hands.
 */
#ifndef CORE_MODEL_CONFIG_H
#define CORE_MODEL_CONFIG_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum activation { ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU, ACTIVATION_SILU };

/* Named limits: a config beyond them is refused before anything is allocated. */
enum {
    CONFIG_MAX_LAYERS = 256,
    CONFIG_MAX_HIDDEN = 16384,
    CONFIG_MAX_INTERMEDIATE = 131072,
    CONFIG_MAX_VOCAB = 4194304,
    CONFIG_MAX_POSITIONS = 65536,
    CONFIG_MAX_TYPES = 1024,
    CONFIG_MAX_LABELS = 10000
};

/* pad_token_id null: no row of the word embedding stands still. No token id is equal to it. */
#define CONFIG_NO_PAD SIZE_MAX

struct model_config {
    size_t hidden_size;       /* H */
    size_t layers;            /* L */
    size_t heads;             /* A; H is a multiple of A */
    size_t intermediate_size; /* I */
    size_t vocab_size;        /* V */
    size_t max_positions;     /* P */
    size_t type_vocab_size;
    size_t pad_token_id; /* CONFIG_NO_PAD where config.json has null */
    enum activation activation;
    double layer_norm_eps;
    double initializer_range;
    double hidden_dropout;
    double attention_dropout;
    double classifier_dropout; /* hidden_dropout where config.json has null or nothing */
    size_t label_count;        /* 0: a base model, no head of ours */
    char **labels;             /* id order; NULL when label_count is 0 */
    size_t max_seq_length;     /* finetuned.max_seq_length, 0 when absent */
};

/*
 * Read a folder's config.json. model_type must be "bert", position_embedding_type absolute,
 * hidden_act one that we have; every refusal names the key, the value and what is possible. Strings
 * live in arena. labels come from id2label only where `architectures` names a
 * BertForSequenceClassification, so that a base model's default LABEL_0, LABEL_1 do not count, and
 * only where that head chooses one of at least two labels (one label is a regression; problem_type
 * says the rest). A key that is absent has the value that transformers gives it.
 */
int model_config_read(const char *folder, struct arena *arena, struct model_config *out,
                      struct err *err);

/* The name that config.json uses: "gelu", "gelu_new", "relu", "silu". */
const char *activation_name(enum activation activation);

#endif
