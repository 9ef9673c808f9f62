/*
 * An encoder's shape and what its head says, read from config.json as from hostile hands.
 *
 * Four families share one network: BERT, DistilBERT, ELECTRA, RoBERTa. Where they differ is here
 * (an embedding of another width, where positions begin, whether there are token types), in the
 * table of tensors (tensors.h) and in that of heads (head.h).
 */
#ifndef CORE_MODEL_CONFIG_H
#define CORE_MODEL_CONFIG_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/task.h"
#include "core/text/truncation.h"
#include "core/text/windows.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum activation { ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU, ACTIVATION_SILU };

enum model_family { FAMILY_BERT, FAMILY_DISTILBERT, FAMILY_ELECTRA, FAMILY_ROBERTA, FAMILY_COUNT };

/* What a head of rows looks at: as the family's own does, or the mean over all tokens of the row,
 * which goes to the classifier without a dense layer between. A head of tokens looks at each. */
enum pooling { POOL_FIRST, POOL_MEAN };

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
    enum model_family family;
    size_t hidden_size;       /* H */
    size_t layers;            /* L */
    size_t heads;             /* A; H is a multiple of A */
    size_t intermediate_size; /* I */
    size_t vocab_size;        /* V */
    size_t embedding_size;    /* E, which a dense layer brings to H; 0: H, and there is no such */
    size_t max_positions;     /* P: most tokens of a row */
    size_t first_position;    /* row of the position embedding of a first token: 0, or behind the
                                 padding token's (RoBERTa), whose tokens stand at that row */
    size_t type_vocab_size;   /* 0: no token types */
    size_t pad_token_id;      /* CONFIG_NO_PAD where config.json has null */
    enum activation activation;
    double layer_norm_eps;
    double initializer_range;
    double hidden_dropout;
    double attention_dropout;
    double classifier_dropout; /* hidden_dropout where config.json has null or nothing */
    enum task task;            /* TASK_AUTO: a base model, no head of ours */
    enum pooling pooling;
    bool normalize;        /* the mean is brought to unit length; POOL_MEAN alone */
    size_t label_count;    /* K: classes, labels or numbers; 0 with TASK_AUTO */
    char **labels;         /* id order; NULL when label_count is 0 */
    float *thresholds;     /* (K), multi_label alone; NULL: 0.5 each */
    double temperature;    /* fitted on validation rows, for the scaled calibration of evaluations;
                              answers are never scaled; 0: none was fitted */
    size_t max_seq_length; /* finetuned.max_seq_length, 0 when absent */
    /* finetuned.truncation: what is kept of a longer text; AUTO: as the tokenizer's files say */
    enum truncation truncation;
    struct text_windows windows; /* finetuned.stride: not wanted when absent */
};

/*
 * Read a folder's config.json. model_type must be one of the families, position_embedding_type
 * absolute, hidden_act one that we have; every refusal names the key, the value and what is
 * possible. Strings live in arena. Task and labels come from `architectures` (...ForSequence- and
 * ...ForTokenClassification) and problem_type, so that a base model's default LABEL_0, LABEL_1 do
 * not count; without problem_type one label is a regression, as for transformers. A head of ours
 * that transformers has no class for is told by finetuned.pooling. A key that is absent has the
 * value that transformers gives it.
 */
int model_config_read(const char *folder, struct arena *arena, struct model_config *out,
                      struct err *err);

/* The name that config.json uses: "gelu", "gelu_new", "relu", "silu". */
const char *activation_name(enum activation activation);

/* "bert", "distilbert", "electra", "roberta": model_type in config.json. */
const char *model_family_name(enum model_family family);

/* What the names of transformers' classes begin with: "Bert", "DistilBert", "Electra", "Roberta".
 */
const char *model_family_class(enum model_family family);

/* problem_type of a task: "single_label_classification", …; NULL where it has none. */
const char *model_config_problem(enum task task);

/* Width of the embeddings' rows, E. */
static inline size_t
model_config_embedding_size(const struct model_config *config)
{
    return config->embedding_size > 0 ? config->embedding_size : config->hidden_size;
}

/* Can it tell the two texts of a pair apart, by their types or by what its tokenizer puts between?
 */
static inline bool
model_config_takes_pairs(const struct model_config *config)
{
    return config->type_vocab_size >= 2 || config->family == FAMILY_DISTILBERT ||
           config->family == FAMILY_ROBERTA;
}

/* From which probability on a label of multi_label counts. */
static inline float
model_config_threshold(const struct model_config *config, size_t label)
{
    return config->thresholds == NULL ? 0.5f : config->thresholds[label];
}

/* Dropout before the classifier of a task: DistilBERT has one for rows and one for tokens. */
double model_config_head_dropout(const struct model_config *config, enum task task);

#endif
