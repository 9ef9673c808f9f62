/*
 * THE tensor table; see tensors.h.
 *
 * One row a kind, in the order of the parameter array: embeddings, then the layer rows once for
 * each encoder layer, then the pooler, then the classifier. There is no padding between tensors, so
 * query, key and value are one matrix, and a tensor's index follows from kind and layer alone.
 */
#include "core/model/tensors.h"

#include <assert.h>
#include <stdio.h>

/* 64 bytes: a vector register, and a line of the cache. */
enum { ALIGNED_FLOATS = 16 };

/* The letters of a shape; 1 stands for the row of a vector. */
enum dimension { ONE, HIDDEN, INTERMEDIATE, VOCAB, POSITIONS, TYPES, LABELS };

/* Where a row is repeated, and whether it is there at all. */
enum place { PLACE_ONCE, PLACE_LAYER, PLACE_CLASSIFIER };

struct row {
    const char *name; /* in an encoder layer: what follows "bert.encoder.layer.0." */
    enum dimension rows, columns;
    enum tensor_init init;
    bool decays;
    enum place place;
};

static const struct row table[TENSOR_KIND_COUNT] = {
    [TENSOR_WORD_EMBEDDING] = {"bert.embeddings.word_embeddings.weight", VOCAB, HIDDEN, INIT_NORMAL,
                               true, PLACE_ONCE},
    [TENSOR_POSITION_EMBEDDING] = {"bert.embeddings.position_embeddings.weight", POSITIONS, HIDDEN,
                                   INIT_NORMAL, true, PLACE_ONCE},
    [TENSOR_TYPE_EMBEDDING] = {"bert.embeddings.token_type_embeddings.weight", TYPES, HIDDEN,
                               INIT_NORMAL, true, PLACE_ONCE},
    [TENSOR_EMBEDDING_NORM_WEIGHT] = {"bert.embeddings.LayerNorm.weight", ONE, HIDDEN, INIT_ONE,
                                      false, PLACE_ONCE},
    [TENSOR_EMBEDDING_NORM_BIAS] = {"bert.embeddings.LayerNorm.bias", ONE, HIDDEN, INIT_ZERO, false,
                                    PLACE_ONCE},
    [TENSOR_QUERY_WEIGHT] = {"attention.self.query.weight", HIDDEN, HIDDEN, INIT_NORMAL, true,
                             PLACE_LAYER},
    [TENSOR_KEY_WEIGHT] = {"attention.self.key.weight", HIDDEN, HIDDEN, INIT_NORMAL, true,
                           PLACE_LAYER},
    [TENSOR_VALUE_WEIGHT] = {"attention.self.value.weight", HIDDEN, HIDDEN, INIT_NORMAL, true,
                             PLACE_LAYER},
    [TENSOR_QUERY_BIAS] = {"attention.self.query.bias", ONE, HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_KEY_BIAS] = {"attention.self.key.bias", ONE, HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_VALUE_BIAS] = {"attention.self.value.bias", ONE, HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_ATTENTION_OUTPUT_WEIGHT] = {"attention.output.dense.weight", HIDDEN, HIDDEN,
                                        INIT_NORMAL, true, PLACE_LAYER},
    [TENSOR_ATTENTION_OUTPUT_BIAS] = {"attention.output.dense.bias", ONE, HIDDEN, INIT_ZERO, false,
                                      PLACE_LAYER},
    [TENSOR_ATTENTION_NORM_WEIGHT] = {"attention.output.LayerNorm.weight", ONE, HIDDEN, INIT_ONE,
                                      false, PLACE_LAYER},
    [TENSOR_ATTENTION_NORM_BIAS] = {"attention.output.LayerNorm.bias", ONE, HIDDEN, INIT_ZERO,
                                    false, PLACE_LAYER},
    [TENSOR_INTERMEDIATE_WEIGHT] = {"intermediate.dense.weight", INTERMEDIATE, HIDDEN, INIT_NORMAL,
                                    true, PLACE_LAYER},
    [TENSOR_INTERMEDIATE_BIAS] = {"intermediate.dense.bias", ONE, INTERMEDIATE, INIT_ZERO, false,
                                  PLACE_LAYER},
    [TENSOR_OUTPUT_WEIGHT] = {"output.dense.weight", HIDDEN, INTERMEDIATE, INIT_NORMAL, true,
                              PLACE_LAYER},
    [TENSOR_OUTPUT_BIAS] = {"output.dense.bias", ONE, HIDDEN, INIT_ZERO, false, PLACE_LAYER},
    [TENSOR_OUTPUT_NORM_WEIGHT] = {"output.LayerNorm.weight", ONE, HIDDEN, INIT_ONE, false,
                                   PLACE_LAYER},
    [TENSOR_OUTPUT_NORM_BIAS] = {"output.LayerNorm.bias", ONE, HIDDEN, INIT_ZERO, false,
                                 PLACE_LAYER},
    [TENSOR_POOLER_WEIGHT] = {"bert.pooler.dense.weight", HIDDEN, HIDDEN, INIT_NORMAL, true,
                              PLACE_ONCE},
    [TENSOR_POOLER_BIAS] = {"bert.pooler.dense.bias", ONE, HIDDEN, INIT_ZERO, false, PLACE_ONCE},
    [TENSOR_CLASSIFIER_WEIGHT] = {"classifier.weight", LABELS, HIDDEN, INIT_NORMAL, true,
                                  PLACE_CLASSIFIER},
    [TENSOR_CLASSIFIER_BIAS] = {"classifier.bias", ONE, LABELS, INIT_ZERO, false, PLACE_CLASSIFIER},
};

/* The three runs of the table: before, inside and behind the encoder layers. */
enum {
    FIRST_LAYER_KIND = TENSOR_QUERY_WEIGHT,
    FIRST_TAIL_KIND = TENSOR_POOLER_WEIGHT,
    HEAD_KINDS = FIRST_LAYER_KIND,
    LAYER_KINDS = FIRST_TAIL_KIND - FIRST_LAYER_KIND,
    POOLER_KINDS = TENSOR_CLASSIFIER_WEIGHT - FIRST_TAIL_KIND,
    CLASSIFIER_KINDS = TENSOR_KIND_COUNT - TENSOR_CLASSIFIER_WEIGHT
};

/* tensor_offset divides by it to find the number of layers, so the rest must stay below it. */
_Static_assert(CLASSIFIER_KINDS < LAYER_KINDS, "a classifier must not look like a layer");
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
    case VOCAB:
        return config->vocab_size;
    case POSITIONS:
        return config->max_positions;
    case TYPES:
        return config->type_vocab_size;
    case LABELS:
        return config->label_count;
    }
    return 0;
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
        snprintf(tensor->name, sizeof tensor->name, "bert.encoder.layer.%zu.%s", layer, row->name);
    else
        snprintf(tensor->name, sizeof tensor->name, "%s", row->name);
    size_t size = 0;
    return mem_multiply(tensor->rows, tensor->columns, &size) &&
           mem_add(layout->total, size, &layout->total);
}

/* Append the table's rows of kinds first..end-1. */
static bool
push_run(struct tensor_layout *layout, const struct model_config *config, int first, int end,
         size_t layer)
{
    for (int kind = first; kind < end; kind++)
        if (!push(layout, config, (enum tensor_kind)kind, layer))
            return false;
    return true;
}

int
tensor_layout_build(const struct model_config *config, struct arena *arena,
                    struct tensor_layout *out, struct err *err)
{
    int end = config->label_count > 0 ? TENSOR_KIND_COUNT : TENSOR_CLASSIFIER_WEIGHT;
    size_t count = HEAD_KINDS + config->layers * LAYER_KINDS + (size_t)(end - FIRST_TAIL_KIND);
    *out = (struct tensor_layout){.tensors = arena_array(arena, count, sizeof *out->tensors)};
    bool fits = push_run(out, config, 0, FIRST_LAYER_KIND, 0);
    for (size_t layer = 0; fits && layer < config->layers; layer++)
        fits = push_run(out, config, FIRST_LAYER_KIND, FIRST_TAIL_KIND, layer);
    fits = fits && push_run(out, config, FIRST_TAIL_KIND, end, 0);
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
    for (size_t i = 1; i < layout->count; i++)
        layout->tensors[i].offset += moved;
    return 0;
}

size_t
tensor_index(const struct tensor_layout *layout, enum tensor_kind kind, size_t layer)
{
    size_t layers = (layout->count - HEAD_KINDS - POOLER_KINDS) / LAYER_KINDS;
    size_t index = (size_t)kind;
    if (table[kind].place == PLACE_LAYER)
        index += layer * LAYER_KINDS;
    else if (index >= FIRST_TAIL_KIND)
        index = index - LAYER_KINDS + layers * LAYER_KINDS;
    assert(index < layout->count && layout->tensors[index].kind == kind);
    return index;
}

size_t
tensor_offset(const struct tensor_layout *layout, enum tensor_kind kind, size_t layer)
{
    return layout->tensors[tensor_index(layout, kind, layer)].offset;
}
