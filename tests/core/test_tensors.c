/* The tensor table against the names, shapes and count of transformers' own model. */
#include "core/model/tensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct model_config small = {
    .hidden_size = 4,
    .layers = 2,
    .heads = 2,
    .intermediate_size = 6,
    .vocab_size = 10,
    .max_positions = 8,
    .type_vocab_size = 2,
    .label_count = 3,
};

/* BertForSequenceClassification(small).state_dict() of transformers 5, layer 0 for all layers. */
static const struct {
    const char *name;
    size_t rows, columns; /* rows 0: a vector */
} expected_head[] =
    {
        {"bert.embeddings.word_embeddings.weight", 10, 4},
        {"bert.embeddings.position_embeddings.weight", 8, 4},
        {"bert.embeddings.token_type_embeddings.weight", 2, 4},
        {"bert.embeddings.LayerNorm.weight", 0, 4},
        {"bert.embeddings.LayerNorm.bias", 0, 4},
        {"bert.pooler.dense.weight", 4, 4},
        {"bert.pooler.dense.bias", 0, 4},
        {"classifier.weight", 3, 4},
        {"classifier.bias", 0, 3},
},
  expected_layer[] = {
      {"attention.self.query.weight", 4, 4},
      {"attention.self.query.bias", 0, 4},
      {"attention.self.key.weight", 4, 4},
      {"attention.self.key.bias", 0, 4},
      {"attention.self.value.weight", 4, 4},
      {"attention.self.value.bias", 0, 4},
      {"attention.output.dense.weight", 4, 4},
      {"attention.output.dense.bias", 0, 4},
      {"attention.output.LayerNorm.weight", 0, 4},
      {"attention.output.LayerNorm.bias", 0, 4},
      {"intermediate.dense.weight", 6, 4},
      {"intermediate.dense.bias", 0, 6},
      {"output.dense.weight", 4, 6},
      {"output.dense.bias", 0, 4},
      {"output.LayerNorm.weight", 0, 4},
      {"output.LayerNorm.bias", 0, 4},
};

static struct tensor_layout
build(const struct model_config *config, struct arena *arena)
{
    struct tensor_layout layout;
    struct err err = {0};
    assert_int_equal(tensor_layout_build(config, arena, &layout, &err), 0);
    return layout;
}

static void
expect_tensor(const struct tensor_layout *layout, const char *name, size_t rows, size_t columns)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct tensor *tensor = &layout->tensors[i];
        if (strcmp(tensor->name, name) != 0)
            continue;
        assert_int_equal(tensor->vector, rows == 0);
        assert_int_equal(tensor->rows, rows == 0 ? 1 : rows);
        assert_int_equal(tensor->columns, columns);
        return;
    }
    fail_msg("no tensor %s", name);
}

static void
names_and_shapes_are_those_of_transformers(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct tensor_layout layout = build(&small, arena);
    size_t heads = sizeof expected_head / sizeof expected_head[0];
    size_t rows = sizeof expected_layer / sizeof expected_layer[0];
    assert_int_equal(layout.count, heads + 2 * rows);
    assert_int_equal(layout.total, 431); /* transformers' own count */
    for (size_t i = 0; i < heads; i++)
        expect_tensor(&layout, expected_head[i].name, expected_head[i].rows,
                      expected_head[i].columns);
    for (size_t layer = 0; layer < 2; layer++)
        for (size_t i = 0; i < rows; i++)
            expect_tensor(
                &layout,
                arena_printf(arena, "bert.encoder.layer.%zu.%s", layer, expected_layer[i].name),
                expected_layer[i].rows, expected_layer[i].columns);
    arena_free(arena);
}

static void
tensors_lie_end_to_end_and_are_found_by_kind_and_layer(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t layers = 1; layers < 5; layers++)
        for (size_t labels = 0; labels < 3; labels++) {
            struct model_config config = small;
            config.layers = layers;
            config.label_count = labels;
            struct tensor_layout layout = build(&config, arena);
            size_t end = 0;
            for (size_t i = 0; i < layout.count; i++) {
                const struct tensor *tensor = &layout.tensors[i];
                assert_int_equal(tensor->offset, end);
                assert_int_equal(tensor_offset(&layout, tensor->kind, tensor->layer), end);
                end += tensor->rows * tensor->columns;
            }
            assert_int_equal(layout.total, end);
        }
    arena_free(arena);
}

static void
layer_is_ignored_outside_the_layers(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct tensor_layout layout = build(&small, arena);
    assert_int_equal(tensor_offset(&layout, TENSOR_POOLER_WEIGHT, 1),
                     tensor_offset(&layout, TENSOR_POOLER_WEIGHT, 0));
    assert_int_equal(tensor_offset(&layout, TENSOR_TYPE_EMBEDDING, 1),
                     tensor_offset(&layout, TENSOR_TYPE_EMBEDDING, 0));
    arena_free(arena);
}

static void
query_key_and_value_are_one_matrix_and_their_biases_one_vector(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct tensor_layout layout = build(&small, arena);
    size_t h = small.hidden_size;
    for (size_t layer = 0; layer < small.layers; layer++) {
        size_t weight = tensor_offset(&layout, TENSOR_QUERY_WEIGHT, layer);
        size_t bias = tensor_offset(&layout, TENSOR_QUERY_BIAS, layer);
        assert_int_equal(tensor_offset(&layout, TENSOR_KEY_WEIGHT, layer), weight + h * h);
        assert_int_equal(tensor_offset(&layout, TENSOR_VALUE_WEIGHT, layer), weight + 2 * h * h);
        assert_int_equal(tensor_offset(&layout, TENSOR_KEY_BIAS, layer), bias + h);
        assert_int_equal(tensor_offset(&layout, TENSOR_VALUE_BIAS, layer), bias + 2 * h);
    }
    arena_free(arena);
}

static void
biases_and_norms_do_not_decay_and_start_at_zero_or_one(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct tensor_layout layout = build(&small, arena);
    for (size_t i = 0; i < layout.count; i++) {
        const struct tensor *tensor = &layout.tensors[i];
        bool is_norm = strstr(tensor->name, "LayerNorm") != NULL;
        bool is_bias = strstr(tensor->name, "bias") != NULL;
        assert_int_equal(tensor->decays, !is_norm && !is_bias);
        assert_int_equal(tensor->init, is_bias ? INIT_ZERO : is_norm ? INIT_ONE : INIT_NORMAL);
    }
    arena_free(arena);
}

static void
base_model_has_no_classifier(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct model_config config = small;
    config.label_count = 0;
    struct tensor_layout layout = build(&config, arena);
    assert_int_equal(layout.total, 431 - 3 * 4 - 3);
    assert_int_equal(layout.tensors[layout.count - 1].kind, TENSOR_POOLER_BIAS);
    arena_free(arena);
}

static void
greatest_config_has_names_that_fit(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct model_config config = {
        .hidden_size = CONFIG_MAX_HIDDEN,
        .layers = CONFIG_MAX_LAYERS,
        .heads = 1,
        .intermediate_size = CONFIG_MAX_INTERMEDIATE,
        .vocab_size = CONFIG_MAX_VOCAB,
        .max_positions = CONFIG_MAX_POSITIONS,
        .type_vocab_size = CONFIG_MAX_TYPES,
        .label_count = CONFIG_MAX_LABELS,
    };
    struct tensor_layout layout = build(&config, arena);
    const struct tensor *last = NULL;
    for (size_t i = 0; i < layout.count; i++)
        if (layout.tensors[i].kind == TENSOR_ATTENTION_NORM_WEIGHT)
            last = &layout.tensors[i];
    assert_string_equal(last->name, "bert.encoder.layer.255.attention.output.LayerNorm.weight");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_shapes_are_those_of_transformers),
        cmocka_unit_test(tensors_lie_end_to_end_and_are_found_by_kind_and_layer),
        cmocka_unit_test(layer_is_ignored_outside_the_layers),
        cmocka_unit_test(query_key_and_value_are_one_matrix_and_their_biases_one_vector),
        cmocka_unit_test(biases_and_norms_do_not_decay_and_start_at_zero_or_one),
        cmocka_unit_test(base_model_has_no_classifier),
        cmocka_unit_test(greatest_config_has_names_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
