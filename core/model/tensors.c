/*
 * THE tensor table; see tensors.h.
 *
 * One row a kind, in the order of the parameter array: embeddings, then the layer rows once for
 * each encoder layer, then the head. There is no padding between tensors, so query, key and value
 * are one matrix, and a tensor's index follows from kind and layer.
 */
#include "core/model/tensors.h"

#include "core/model/head.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>

/* 64 bytes: a vector register, and a line of the cache. */
enum { ALIGNED_FLOATS = 16 };

/* The letters of a shape; 1 stands for the row of a vector. */
enum dimension { ONE, HIDDEN, INTERMEDIATE, EMBEDDING, VOCAB, POSITIONS, TYPES, LABELS };

/* Where a row is repeated, and whether it is there at all. */
enum place {
    PLACE_ONCE,
    PLACE_TYPES,      /* where there are token types */
    PLACE_PROJECTION, /* where the embedding is of another width */
    PLACE_LAYER,
    PLACE_POOLER,
    PLACE_CLASSIFIER
};

struct row {
    const char *names[FAMILY_COUNT]; /* in a layer: what follows "bert.encoder.layer.0." */
    enum dimension rows, columns;
    enum tensor_init init;
    bool decays;
    enum place place;
};

static const struct family {
    const char *prefix, *layer;
} families[FAMILY_COUNT] = {
    [FAMILY_BERT] = {"bert.", "bert.encoder.layer."},
    [FAMILY_DISTILBERT] = {"distilbert.", "distilbert.transformer.layer."},
    [FAMILY_ELECTRA] = {"electra.", "electra.encoder.layer."},
    [FAMILY_ROBERTA] = {"roberta.", "roberta.encoder.layer."},
};

/* Names of a row: ELECTRA and RoBERTa name their encoders as BERT does, and their heads alike. */
#define ENCODER(bert, distilbert)                                                                  \
    {                                                                                              \
        "bert." bert, "distilbert." distilbert, "electra." bert, "roberta." bert                   \
    }
#define LAYER(bert, distilbert)                                                                    \
    {                                                                                              \
        bert, distilbert, bert, bert                                                               \
    }
#define HEAD(bert, distilbert, others)                                                             \
    {                                                                                              \
        bert, distilbert, others, others                                                           \
    }

static const struct row table[TENSOR_KIND_COUNT] = {
    [TENSOR_WORD_EMBEDDING] = {ENCODER("embeddings.word_embeddings.weight",
                                       "embeddings.word_embeddings.weight"),
                               VOCAB, EMBEDDING, INIT_NORMAL, true, PLACE_ONCE},
    [TENSOR_POSITION_EMBEDDING] = {ENCODER("embeddings.position_embeddings.weight",
                                           "embeddings.position_embeddings.weight"),
                                   POSITIONS, EMBEDDING, INIT_NORMAL, true, PLACE_ONCE},
    [TENSOR_TYPE_EMBEDDING] = {ENCODER("embeddings.token_type_embeddings.weight",
                                       "embeddings.token_type_embeddings.weight"),
                               TYPES, EMBEDDING, INIT_NORMAL, true, PLACE_TYPES},
    [TENSOR_EMBEDDING_NORM_WEIGHT] = {ENCODER("embeddings.LayerNorm.weight",
                                              "embeddings.LayerNorm.weight"),
                                      ONE, EMBEDDING, INIT_ONE, false, PLACE_ONCE},
    [TENSOR_EMBEDDING_NORM_BIAS] = {ENCODER("embeddings.LayerNorm.bias",
                                            "embeddings.LayerNorm.bias"),
                                    ONE, EMBEDDING, INIT_ZERO, false, PLACE_ONCE},
    [TENSOR_PROJECTION_WEIGHT] = {ENCODER("embeddings_project.weight", "embeddings_project.weight"),
                                  HIDDEN, EMBEDDING, INIT_NORMAL, true, PLACE_PROJECTION},
    [TENSOR_PROJECTION_BIAS] = {ENCODER("embeddings_project.bias", "embeddings_project.bias"), ONE,
                                HIDDEN, INIT_ZERO, false, PLACE_PROJECTION},
    [TENSOR_QUERY_WEIGHT] = {LAYER("attention.self.query.weight", "attention.q_lin.weight"), HIDDEN,
                             HIDDEN, INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_KEY_WEIGHT] = {LAYER("attention.self.key.weight", "attention.k_lin.weight"), HIDDEN,
                           HIDDEN, INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_VALUE_WEIGHT] = {LAYER("attention.self.value.weight", "attention.v_lin.weight"), HIDDEN,
                             HIDDEN, INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_QUERY_BIAS] = {LAYER("attention.self.query.bias", "attention.q_lin.bias"), ONE, HIDDEN,
                           INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_KEY_BIAS] = {LAYER("attention.self.key.bias", "attention.k_lin.bias"), ONE, HIDDEN,
                         INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_VALUE_BIAS] = {LAYER("attention.self.value.bias", "attention.v_lin.bias"), ONE, HIDDEN,
                           INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_ATTENTION_OUTPUT_WEIGHT] = {LAYER("attention.output.dense.weight",
                                              "attention.out_lin.weight"),
                                        HIDDEN, HIDDEN, INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_ATTENTION_OUTPUT_BIAS] = {LAYER("attention.output.dense.bias",
                                            "attention.out_lin.bias"),
                                      ONE, HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_ATTENTION_NORM_WEIGHT] = {LAYER("attention.output.LayerNorm.weight",
                                            "sa_layer_norm.weight"),
                                      ONE, HIDDEN, INIT_ONE, false, PLACE_LAYER},
    [TENSOR_ATTENTION_NORM_BIAS] = {LAYER("attention.output.LayerNorm.bias", "sa_layer_norm.bias"),
                                    ONE, HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_INTERMEDIATE_WEIGHT] = {LAYER("intermediate.dense.weight", "ffn.lin1.weight"),
                                    INTERMEDIATE, HIDDEN, INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_INTERMEDIATE_BIAS] = {LAYER("intermediate.dense.bias", "ffn.lin1.bias"), ONE,
                                  INTERMEDIATE, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_OUTPUT_WEIGHT] = {LAYER("output.dense.weight", "ffn.lin2.weight"), HIDDEN, INTERMEDIATE,
                              INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_OUTPUT_BIAS] = {LAYER("output.dense.bias", "ffn.lin2.bias"), ONE, HIDDEN, INIT_ZERO,
                            false, PLACE_LAYER},
    [TENSOR_OUTPUT_NORM_WEIGHT] = {LAYER("output.LayerNorm.weight", "output_layer_norm.weight"),
                                   ONE, HIDDEN, INIT_ONE, false, PLACE_LAYER},
    [TENSOR_OUTPUT_NORM_BIAS] = {LAYER("output.LayerNorm.bias", "output_layer_norm.bias"), ONE,
                                 HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_POOLER_WEIGHT] = {HEAD("bert.pooler.dense.weight", "pre_classifier.weight",
                                   "classifier.dense.weight"),
                              HIDDEN, HIDDEN, INIT_NORMAL, true, PLACE_POOLER},
    [TENSOR_POOLER_BIAS] = {HEAD("bert.pooler.dense.bias", "pre_classifier.bias",
                                 "classifier.dense.bias"),
                            ONE, HIDDEN, INIT_ZERO, false, PLACE_POOLER},
    [TENSOR_CLASSIFIER_WEIGHT] = {HEAD("classifier.weight", "classifier.weight",
                                       "classifier.out_proj.weight"),
                                  LABELS, HIDDEN, INIT_NORMAL, true, PLACE_CLASSIFIER},
    [TENSOR_CLASSIFIER_BIAS] = {HEAD("classifier.bias", "classifier.bias",
                                     "classifier.out_proj.bias"),
                                ONE, LABELS, INIT_ZERO, false, PLACE_CLASSIFIER},
};

/* The three runs of the table: before, inside and behind the encoder layers. */
enum {
    FIRST_LAYER_KIND = TENSOR_QUERY_WEIGHT,
    FIRST_HEAD_KIND = TENSOR_POOLER_WEIGHT,
    LAYER_KINDS = FIRST_HEAD_KIND - FIRST_LAYER_KIND
};

_Static_assert(TENSOR_KEY_WEIGHT == TENSOR_QUERY_WEIGHT + 1 &&
                   TENSOR_VALUE_WEIGHT == TENSOR_KEY_WEIGHT + 1 &&
                   TENSOR_KEY_BIAS == TENSOR_QUERY_BIAS + 1 &&
                   TENSOR_VALUE_BIAS == TENSOR_KEY_BIAS + 1,
               "query, key and value are one matrix");

static size_t
dimension_size(const struct model_config *config, enum dimension dimension)
{
    switch (dimension) {
    case ONE:
        return 1;
    case HIDDEN:
        return config->hidden_size;
    case INTERMEDIATE:
        return config->intermediate_size;
    case EMBEDDING:
        return model_config_embedding_size(config);
    case VOCAB:
        return config->vocab_size;
    case POSITIONS:
        return config->first_position + config->max_positions;
    case TYPES:
        return config->type_vocab_size;
    case LABELS:
        return config->label_count;
    }
    return 0;
}

static bool
is_there(const struct model_config *config, enum place place)
{
    switch (place) {
    case PLACE_ONCE:
    case PLACE_LAYER:
        return true;
    case PLACE_TYPES:
        return config->type_vocab_size > 0;
    case PLACE_PROJECTION:
        return model_config_embedding_size(config) != config->hidden_size;
    case PLACE_POOLER:
        return head_of(config)->dense && (config->label_count > 0 || config->family == FAMILY_BERT);
    case PLACE_CLASSIFIER:
        return config->label_count > 0;
    }
    return false;
}

/* A classifier with no dense layer before it is named alike in all families, as BERT's is. */
static const char *
name_of(const struct model_config *config, const struct row *row)
{
    bool alone = row->place == PLACE_CLASSIFIER && !head_of(config)->dense;
    return row->names[alone ? FAMILY_BERT : config->family];
}

/* Append one tensor; false when the parameter array outgrows a size_t. */
static bool
push(struct tensor_layout *layout, const struct model_config *config, enum tensor_kind kind,
     size_t layer)
{
    const struct row *row = &table[kind];
    struct tensor *tensor = &layout->tensors[layout->count++];
    *tensor = (struct tensor){
        .kind = kind,
        .layer = layer,
        .rows = dimension_size(config, row->rows),
        .columns = dimension_size(config, row->columns),
        .vector = row->rows == ONE,
        .offset = layout->total,
        .init = row->init,
        .decays = row->decays,
    };
    if (row->place == PLACE_LAYER)
        snprintf(tensor->name, sizeof tensor->name, "%s%zu.%s", families[config->family].layer,
                 layer, name_of(config, row));
    else
        snprintf(tensor->name, sizeof tensor->name, "%s", name_of(config, row));
    size_t size = 0;
    return mem_multiply(tensor->rows, tensor->columns, &size) &&
           mem_add(layout->total, size, &layout->total);
}

/* Append the table's rows of kinds first..end-1, as far as the config has them. */
static bool
push_run(struct tensor_layout *layout, const struct model_config *config, int first, int end,
         size_t layer)
{
    for (int kind = first; kind < end; kind++) {
        if (!is_there(config, table[kind].place))
            continue;
        if (layer == 0)
            layout->starts[kind] = layout->count;
        if (!push(layout, config, (enum tensor_kind)kind, layer))
            return false;
    }
    return true;
}

int
tensor_layout_build(const struct model_config *config, struct arena *arena,
                    struct tensor_layout *out, struct err *err)
{
    size_t most = TENSOR_KIND_COUNT + config->layers * LAYER_KINDS;
    *out = (struct tensor_layout){.tensors = arena_array(arena, most, sizeof *out->tensors)};
    for (size_t kind = 0; kind < TENSOR_KIND_COUNT; kind++)
        out->starts[kind] = SIZE_MAX;
    bool fits = push_run(out, config, 0, FIRST_LAYER_KIND, 0);
    for (size_t layer = 0; fits && layer < config->layers; layer++)
        fits = push_run(out, config, FIRST_LAYER_KIND, FIRST_HEAD_KIND, layer);
    out->encoder_end = out->total;
    fits = fits && push_run(out, config, FIRST_HEAD_KIND, TENSOR_KIND_COUNT, 0);
    size_t bytes = 0;
    if (!fits || !mem_multiply(out->total, sizeof(float), &bytes))
        return err_set(err, ERR_MEMORY, "the model's parameters are too many to address");
    out->parameters = out->total;
    return 0;
}

int
tensor_layout_move_words(struct tensor_layout *layout, size_t offset, struct err *err)
{
    struct tensor *words = &layout->tensors[0];
    size_t size = words->rows * words->columns;
    assert(words->kind == TENSOR_WORD_EMBEDDING && words->offset == 0);
    size_t room = offset + size % ALIGNED_FLOATS;
    size_t moved =
        (room + ALIGNED_FLOATS - 1) / ALIGNED_FLOATS * ALIGNED_FLOATS - size % ALIGNED_FLOATS;
    size_t bytes = 0;
    if (!mem_add(layout->total, moved, &layout->total) ||
        !mem_multiply(layout->total, sizeof(float), &bytes))
        return err_set(err, ERR_MEMORY, "the model's parameters are too many to address");
    words->offset = offset;
    layout->encoder_end += moved;
    for (size_t i = 1; i < layout->count; i++)
        layout->tensors[i].offset += moved;
    return 0;
}

bool
tensor_exists(const struct tensor_layout *layout, enum tensor_kind kind)
{
    return layout->starts[kind] < layout->count;
}

size_t
tensor_index(const struct tensor_layout *layout, enum tensor_kind kind, size_t layer)
{
    size_t index = layout->starts[kind];
    if (table[kind].place == PLACE_LAYER)
        index += layer * LAYER_KINDS;
    assert(index < layout->count && layout->tensors[index].kind == kind);
    return index;
}

size_t
tensor_offset(const struct tensor_layout *layout, enum tensor_kind kind, size_t layer)
{
    return layout->tensors[tensor_index(layout, kind, layer)].offset;
}

const char *
tensor_prefix(enum model_family family)
{
    return families[family].prefix;
}
