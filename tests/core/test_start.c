/* How tensors start: the distribution, the PAD row, and what the numbers depend on. */
#include "core/model/start.h"

#include "core/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct model_config config = {
    .hidden_size = 64,
    .layers = 1,
    .heads = 2,
    .intermediate_size = 256,
    .vocab_size = 1000,
    .max_positions = 16,
    .type_vocab_size = 2,
    .pad_token_id = 3,
    .initializer_range = 0.02,
    .label_count = 2,
};

struct fixture {
    struct arena *arena;
    struct tensor_layout layout;
    float *parameters;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    struct err err;
    f.arena = arena_new();
    assert_int_equal(tensor_layout_build(&config, f.arena, &f.layout, &err), 0);
    f.parameters = mem_array(f.layout.total, sizeof *f.parameters);
    for (size_t i = 0; i < f.layout.total; i++)
        f.parameters[i] = 99.0f;
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    free(f->parameters);
    arena_free(f->arena);
    return 0;
}

static void
word_embedding_is_normal_with_a_zero_pad_row(void **state)
{
    struct fixture *f = *state;
    tensor_start(&f->layout, 0, &config, 7, f->parameters);
    size_t h = config.hidden_size;
    size_t count = config.vocab_size * h;
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        if (i / h == config.pad_token_id) {
            assert_true(f->parameters[i] == 0.0f);
            continue;
        }
        sum += (double)f->parameters[i];
        squares += (double)f->parameters[i] * (double)f->parameters[i];
    }
    double n = (double)(count - h);
    /* Five standard errors of a mean and of a variance of n normal numbers. */
    assert_true(fabs(sum / n) < 5.0 * 0.02 / sqrt(n));
    assert_true(fabs(squares / n / (0.02 * 0.02) - 1.0) < 5.0 * sqrt(2.0 / n));
    assert_true(f->parameters[count] == 99.0f); /* and nothing beyond is touched */
}

static void
null_pad_leaves_no_row_at_zero(void **state)
{
    struct fixture *f = *state;
    struct model_config none = config;
    none.pad_token_id = CONFIG_NO_PAD;
    tensor_start(&f->layout, 0, &none, 7, f->parameters);
    for (size_t i = 0; i < config.vocab_size * config.hidden_size; i++)
        assert_true(f->parameters[i] != 0.0f);
}

static void
biases_are_zero_and_norm_weights_one(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->layout.count; i++) {
        const struct tensor *tensor = &f->layout.tensors[i];
        if (tensor->init == INIT_NORMAL)
            continue;
        tensor_start(&f->layout, i, &config, 7, f->parameters);
        for (size_t k = 0; k < tensor->columns; k++)
            assert_true(f->parameters[tensor->offset + k] ==
                        (tensor->init == INIT_ONE ? 1.0f : 0.0f));
    }
}

static void
element_is_a_function_of_seed_tensor_and_place(void **state)
{
    struct fixture *f = *state;
    size_t index = f->layout.count - 2; /* classifier.weight */
    const struct tensor *tensor = &f->layout.tensors[index];
    assert_int_equal(tensor->kind, TENSOR_CLASSIFIER_WEIGHT);
    float *values = f->parameters + tensor->offset;
    tensor_start(&f->layout, index, &config, 7, f->parameters);
    struct rng_stream stream = rng_stream(7, RNG_INITIALISATION, (uint32_t)index, 0);
    for (size_t i = 0; i < tensor->rows * tensor->columns; i++)
        assert_true(values[i] == (float)(0.02 * rng_normal(&stream, i)));
    float first = values[0];
    tensor_start(&f->layout, index, &config, 8, f->parameters);
    assert_true(values[0] != first);
    tensor_start(&f->layout, index, &config, 7, f->parameters);
    assert_true(values[0] == first);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(word_embedding_is_normal_with_a_zero_pad_row),
        CASE(null_pad_leaves_no_row_at_zero),
        CASE(biases_are_zero_and_norm_weights_one),
        CASE(element_is_a_function_of_seed_tensor_and_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
