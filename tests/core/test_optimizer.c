/*
 * The optimizer over all parameters: sparse word rows are a dense update to the bit, the norm and
 * the clipping are the reference's, decay spares biases and LayerNorm, threads change nothing.
 */
#include "core/train/optimizer.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"
#include "tests/support/small_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 6, ROWS = 12, LONGEST = 30 };

/* A vocabulary larger than what the batches use, and a tensor of more than one block of 64 Ki. */
static const struct model_config shape = {
    .hidden_size = 36,
    .layers = 1,
    .heads = 2,
    .intermediate_size = 2000,
    .vocab_size = 700,
    .max_positions = 40,
    .type_vocab_size = 2,
    .pad_token_id = 3,
    .layer_norm_eps = 1e-12,
    .label_count = 3,
};

struct fixture {
    struct small_model model;
    struct token_store store;
    struct small_run run;
    size_t total, words, h;
};

static void
open_fixture(struct fixture *f, const struct train_params *params, size_t threads)
{
    small_model_random(&f->model, &shape, 5);
    small_rows_random(&f->store, ROWS, LONGEST, &shape, 6);
    small_run_open(&f->run, &f->model, &f->store, params, threads);
    f->total = f->model.layout.total;
    f->words = tensor_offset(&f->model.layout, TENSOR_WORD_EMBEDDING, 0);
    f->h = shape.hidden_size;
}

static void
close_fixture(struct fixture *f)
{
    small_run_close(&f->run);
    token_store_fini(&f->store);
    small_model_free(&f->model);
}

/* A batch of three rows that changes with the step, and random gradients as after backward. */
static void
make_step(struct fixture *f, size_t step)
{
    uint32_t picked[3];
    for (size_t i = 0; i < 3; i++)
        picked[i] = (uint32_t)((3 * step + i) % (ROWS - 2)); /* the last two rows never come */
    batch_fill(&f->run.batch, &f->store, picked, 3);
    optimizer_note_batch(&f->run.optimizer, &f->run.batch);
    size_t rest = f->words + shape.vocab_size * f->h;
    close_noise(f->run.gradients + rest, f->total - rest, 1000 + step, 1.0);
    for (size_t t = 0; t < f->run.batch.tokens; t++)
        if (f->run.batch.ids[t] != shape.pad_token_id)
            close_noise(f->run.gradients + f->words + f->run.batch.ids[t] * f->h, f->h,
                        2000 + 100 * step + t, 1.0);
}

/* The same step on every parameter, tensor by tensor, without any knowledge of rows. */
static void
dense_step(const struct fixture *f, size_t step, const float *gradients, float *w, float *m,
           float *v)
{
    const struct train_params *p = &f->run.params;
    double t = (double)step + 1;
    for (size_t i = 0; i < f->model.layout.count; i++) {
        const struct tensor *tensor = &f->model.layout.tensors[i];
        size_t at = tensor->offset;
        size_t count = tensor->rows * tensor->columns;
        double decay = tensor->decays ? p->weight_decay : 0;
        double beta1_power = 1;
        double beta2_power = 1;
        for (size_t k = 0; k < (size_t)t; k++) { /* pow of libm may round otherwise */
            beta1_power *= p->beta1;
            beta2_power *= p->beta2;
        }
        struct adam_step adam = {
            .gradient_factor = 1.0f,
            .beta2 = (float)p->beta2,
            .epsilon = (float)p->epsilon,
            .fresh1 = (float)(1 - p->beta1),
            .fresh2 = (float)(1 - p->beta2),
            .step_size = (float)(p->learning_rate / (1 - beta1_power)),
            .root_correction = (float)(1 / sqrt(1 - beta2_power)),
            .coupled_decay = p->optimizer == OPTIMIZER_ADAM ? (float)decay : 0.0f,
            .decoupled_decay =
                p->optimizer == OPTIMIZER_ADAMW ? (float)(p->learning_rate * decay) : 0.0f,
        };
        struct sgd_step sgd = {
            .gradient_factor = 1.0f,
            .learning_rate = (float)p->learning_rate,
            .momentum = p->optimizer == OPTIMIZER_MOMENTUM ? (float)p->beta1 : 0.0f,
            .first = step == 0,
            .coupled_decay = (float)decay,
        };
        if (p->optimizer == OPTIMIZER_SGD || p->optimizer == OPTIMIZER_MOMENTUM)
            ops_set(0)->sgd(count, &sgd, gradients + at, w + at, m + at);
        else
            ops_set(0)->adam(count, &adam, gradients + at, w + at, m + at, v + at);
    }
}

static void
sparse_rows_are_a_dense_update_to_the_bit(void **state)
{
    (void)state;
    static const enum optimizer optimizers[] = {OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD,
                                                OPTIMIZER_MOMENTUM};
    for (size_t i = 0; i < 8; i++) {
        struct fixture f;
        struct train_params params = small_params();
        params.optimizer = optimizers[i / 2];
        params.weight_decay = i % 2 == 0 ? 0 : 0.1;
        open_fixture(&f, &params, 2);
        float *w = small_model_copy(&f.model);
        float *m = mem_array(f.total, sizeof *m);
        float *v = mem_array(f.total, sizeof *v);
        for (size_t step = 0; step < STEPS; step++) {
            make_step(&f, step);
            dense_step(&f, step, f.run.gradients, w, m, v);
            optimizer_step(&f.run.optimizer, f.run.pool, params.learning_rate, 1.0, f.run.gradients,
                           f.model.parameters);
            close_assert_bits(f.model.parameters, w, f.total, optimizer_name(params.optimizer));
        }
        close_assert_bits(f.run.optimizer.first, m, f.total, "first moment");
        assert_int_equal(f.run.optimizer.steps, STEPS);
        free(w);
        free(m);
        free(v);
        close_fixture(&f);
    }
}

static void
a_step_leaves_the_gradients_of_word_rows_zero(void **state)
{
    (void)state;
    struct fixture f;
    struct train_params params = small_params();
    open_fixture(&f, &params, 2);
    for (size_t step = 0; step < STEPS; step++) {
        make_step(&f, step);
        optimizer_step(&f.run.optimizer, f.run.pool, 1e-3, 1.0, f.run.gradients,
                       f.model.parameters);
        for (size_t i = 0; i < shape.vocab_size * f.h; i++)
            assert_true(f.run.gradients[f.words + i] == 0.0f);
    }
    close_fixture(&f);
}

static void
touched_rows_are_those_of_all_batches_in_order_of_first_use(void **state)
{
    (void)state;
    struct fixture f;
    struct train_params params = small_params();
    bool used[700] = {0};
    size_t count = 0;
    open_fixture(&f, &params, 1);
    for (size_t step = 0; step < STEPS; step++) {
        make_step(&f, step);
        for (size_t t = 0; t < f.run.batch.tokens; t++) {
            uint32_t id = f.run.batch.ids[t];
            if (used[id] || id == shape.pad_token_id)
                continue;
            used[id] = true;
            assert_int_equal(f.run.optimizer.touched[count], id);
            count++;
        }
        assert_int_equal(f.run.optimizer.touched_count, count);
        optimizer_step(&f.run.optimizer, f.run.pool, 1e-3, 1.0, f.run.gradients,
                       f.model.parameters);
    }
    close_fixture(&f);
}

static void
the_norm_is_that_of_all_gradients(void **state)
{
    (void)state;
    double norms[3];
    for (size_t threads = 1; threads <= 3; threads++) {
        struct fixture f;
        struct train_params params = small_params();
        double sum = 0;
        open_fixture(&f, &params, threads);
        make_step(&f, 4);
        for (size_t i = 0; i < f.total; i++)
            sum += (double)f.run.gradients[i] * (double)f.run.gradients[i];
        norms[threads - 1] = optimizer_gradient_norm(&f.run.optimizer, f.run.pool, f.run.gradients);
        assert_true(fabs(norms[threads - 1] / sqrt(sum) - 1) < 1e-12);
        close_fixture(&f);
    }
    assert_true(norms[0] == norms[1] && norms[1] == norms[2]);
}

/* One SGD step of rate 1 from zero is minus the clipped gradient: compare with clip_grad_norm_. */
static void
clipping_equals_the_reference(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    static const char *const names[] = {"large", "small"};
    for (size_t c = 0; c < 2; c++) {
        struct fixture f;
        struct train_params params = small_params();
        params.optimizer = OPTIMIZER_SGD;
        params.max_grad_norm = 1.0;
        open_fixture(&f, &params, 2);
        size_t at = tensor_offset(&f.model.layout, TENSOR_INTERMEDIATE_WEIGHT, 0);
        float *moved = f.model.parameters + at;
        memset(f.model.parameters, 0, f.total * sizeof *moved);
        memcpy(f.run.gradients + at, golden_values(golden, COUNT, "clipping.%s.gradient", names[c]),
               COUNT * sizeof *moved);
        double norm = optimizer_gradient_norm(&f.run.optimizer, f.run.pool, f.run.gradients);
        float want_norm = *golden_values(golden, 1, "clipping.%s.norm", names[c]);
        assert_true(fabs(norm / (double)want_norm - 1) < 1e-6);
        optimizer_step(&f.run.optimizer, f.run.pool, 1.0, norm, f.run.gradients,
                       f.model.parameters);
        for (size_t i = 0; i < COUNT; i++)
            moved[i] = -moved[i];
        const float *want = golden_values(golden, COUNT, "clipping.%s.clipped", names[c]);
        close_assert(close_relative(moved, want, COUNT), TOLERANCE_OPERATOR, names[c]);
        close_fixture(&f);
    }
    golden_close(golden);
}

static void
decay_spares_biases_and_norms(void **state)
{
    (void)state;
    struct fixture f;
    struct train_params params = small_params();
    params.optimizer = OPTIMIZER_ADAMW;
    params.weight_decay = 0.5;
    open_fixture(&f, &params, 2);
    float *before = small_model_copy(&f.model);
    make_step(&f, 0);
    memset(f.run.gradients, 0, f.total * sizeof *before);
    optimizer_step(&f.run.optimizer, f.run.pool, 0.1, 0.0, f.run.gradients, f.model.parameters);
    float keep = 1.0f - (float)(0.1 * 0.5);
    for (size_t i = 0; i < f.model.layout.count; i++) {
        const struct tensor *tensor = &f.model.layout.tensors[i];
        bool spared =
            strstr(tensor->name, "bias") != NULL || strstr(tensor->name, "LayerNorm") != NULL;
        for (size_t j = tensor->offset; j < tensor->offset + tensor->rows * tensor->columns; j++)
            assert_true(f.model.parameters[j] == (spared ? before[j] : before[j] * keep));
    }
    free(before);
    close_fixture(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparse_rows_are_a_dense_update_to_the_bit),
        cmocka_unit_test(a_step_leaves_the_gradients_of_word_rows_zero),
        cmocka_unit_test(touched_rows_are_those_of_all_batches_in_order_of_first_use),
        cmocka_unit_test(the_norm_is_that_of_all_gradients),
        cmocka_unit_test(clipping_equals_the_reference),
        cmocka_unit_test(decay_spares_biases_and_norms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
