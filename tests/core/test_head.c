/*
 * Every head of every family with dropout on: gradients are the derivative of the loss, bits do not
 * depend on threads, checkpointing or company, groups add up, and bf16 differs by rounding alone.
 */
#include "core/model/head.h"
#include "tests/support/close.h"
#include "tests/support/network_difference.h"
#include "tests/support/small_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 4, ROWS = 32, LONGEST = 20, GROUP_TOKENS = 160 };

/* What makes a case, over the shape that all have. */
static const struct head_case {
    const char *name;
    enum model_family family;
    enum task task;
    enum pooling pooling;
    bool normalize;
    size_t embedding, first_position, types;
    enum head_place place; /* expected of the table */
    size_t head_tensors;
} cases[] = {
    {"bert rows", FAMILY_BERT, TASK_CLASSIFICATION, POOL_FIRST, false, 0, 0, 2, HEAD_FIRST, 4},
    {"bert tokens", FAMILY_BERT, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, false, 0, 0, 2, HEAD_TOKENS,
     2},
    {"bert mean", FAMILY_BERT, TASK_CLASSIFICATION, POOL_MEAN, false, 0, 0, 2, HEAD_MEAN, 2},
    {"bert unit mean", FAMILY_BERT, TASK_CLASSIFICATION, POOL_MEAN, true, 0, 0, 2, HEAD_MEAN, 2},
    {"distilbert rows", FAMILY_DISTILBERT, TASK_CLASSIFICATION, POOL_FIRST, false, 0, 0, 0,
     HEAD_FIRST, 4},
    {"distilbert tokens", FAMILY_DISTILBERT, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, false, 0, 0, 0,
     HEAD_TOKENS, 2},
    {"electra rows", FAMILY_ELECTRA, TASK_CLASSIFICATION, POOL_FIRST, false, 12, 0, 2, HEAD_FIRST,
     4},
    {"electra tokens", FAMILY_ELECTRA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, false, 70, 0, 2,
     HEAD_TOKENS, 2},
    {"electra mean", FAMILY_ELECTRA, TASK_CLASSIFICATION, POOL_MEAN, false, 12, 0, 2, HEAD_MEAN, 2},
    {"roberta rows", FAMILY_ROBERTA, TASK_CLASSIFICATION, POOL_FIRST, false, 0, 1, 1, HEAD_FIRST,
     4},
    {"roberta tokens", FAMILY_ROBERTA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, false, 0, 1, 1,
     HEAD_TOKENS, 2},
};

enum { CASES = sizeof cases / sizeof *cases };

static struct model_config
config_of(const struct head_case *c, size_t layers)
{
    return (struct model_config){
        .family = c->family,
        .task = c->task,
        .pooling = c->pooling,
        .normalize = c->normalize,
        .embedding_size = c->embedding,
        .first_position = c->first_position,
        .type_vocab_size = c->types,
        .hidden_size = 24,
        .layers = layers,
        .heads = 4,
        .intermediate_size = 33,
        .vocab_size = 30,
        .max_positions = 24,
        .pad_token_id = 0,
        .activation = ACTIVATION_GELU,
        .layer_norm_eps = 1e-12,
        .label_count = 5,
    };
}

struct fixture {
    struct model_config config;
    struct small_model model;
    struct token_store store;
};

static void
open_fixture(struct fixture *f, const struct head_case *c, size_t layers)
{
    f->config = config_of(c, layers);
    small_model_random(&f->model, &f->config, 3);
    small_rows_random(&f->store, ROWS, LONGEST, &f->config, 4);
}

static void
close_fixture(struct fixture *f)
{
    token_store_fini(&f->store);
    small_model_free(&f->model);
}

static struct train_params
dropout_params(void)
{
    struct train_params params = small_params();
    params.seed = 42;
    params.hidden_dropout = 0.1;
    params.attention_dropout = 0.2;
    params.classifier_dropout = 0.3;
    return params;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void
heads_follow_from_family_task_and_pooling(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct model_config config = config_of(&cases[c], 2);
        bool tokens = cases[c].place == HEAD_TOKENS;
        assert_int_equal(head_of(&config)->place, cases[c].place);
        assert_int_equal(head_is_wide(&config), cases[c].place != HEAD_FIRST);
        assert_int_equal(head_outputs(&config, 3, 50), tokens ? 50 : 3);
        assert_true(!tokens || (!head_of(&config)->dense && head_of(&config)->bend == BEND_NOT));
        for (enum task task = TASK_AUTO; task < TASK_TOKEN_CLASSIFICATION && !tokens; task++) {
            config.task = task; /* of rows all have the same head */
            assert_int_equal(head_of(&config)->place, cases[c].place);
        }
    }
}

static void
tensors_behind_the_encoder_are_those_of_the_head(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        size_t behind = 0;
        open_fixture(&f, &cases[c], 2);
        for (size_t i = 0; i < f.model.layout.count; i++)
            behind += f.model.layout.tensors[i].offset >= f.model.layout.encoder_end;
        assert_int_equal(behind, cases[c].head_tensors);
        close_fixture(&f);
    }
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* relu's arguments far from its kink, half of them on either side, or differences would cross it.
 */
static void
leave_kinks(struct fixture *f)
{
    if (head_of(&f->config)->bend != BEND_RELU)
        return;
    float *bias = f->model.parameters + tensor_offset(&f->model.layout, TENSOR_POOLER_BIAS, 0);
    for (size_t i = 0; i < f->config.hidden_size; i++)
        bias[i] = i % 2 == 0 ? 5.0f : -5.0f;
}

static void
gradients_are_the_derivative_of_the_loss_under_dropout(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct small_run run;
        struct train_params params = dropout_params();
        size_t informative = 0;
        open_fixture(&f, &cases[c], 2);
        leave_kinks(&f);
        small_run_open(&run, &f.model, &f.store, &params, 1);
        small_run_forward(&run, 7);
        small_run_backward(&run, 7);
        float *gradients = small_run_gradients(&run);
        for (size_t i = 0; i < f.model.layout.count; i++)
            informative += network_difference_check(&run, 7, &f.model.layout.tensors[i], gradients);
        /* All but the two key biases, whose gradient is zero, must stand clear of the noise. */
        if (informative < f.model.layout.count - 2)
            fail_msg("%s: %zu of %zu tensors", cases[c].name, informative, f.model.layout.count);
        free(gradients);
        small_run_close(&run);
        close_fixture(&f);
    }
}

/* Gradients of one step in groups of so many tokens (0: one), released with free(). */
static float *
gradients_in_groups(struct fixture *f, size_t group_tokens, double *loss)
{
    struct small_run run;
    struct train_params params = dropout_params();
    small_run_open_in_groups(&run, &f->model, &f->store, &params, 2, group_tokens);
    *loss = small_run_both(&run, 3);
    float *gradients = small_run_gradients(&run);
    small_run_close(&run);
    return gradients;
}

/* Sums are taken in another order, so a gradient differs by rounding, as in test_encoder_dropout.
 */
#define TOLERANCE_GROUPS 3e-6

static void
a_batch_in_groups_has_the_loss_and_gradients_of_the_whole(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        double loss = 0;
        double group_loss = 0;
        open_fixture(&f, &cases[c], 2);
        float *whole = gradients_in_groups(&f, 0, &loss);
        float *grouped = gradients_in_groups(&f, GROUP_TOKENS, &group_loss);
        assert_true(f.store.tokens.count > GROUP_TOKENS);
        assert_true(group_loss == loss); /* forward is the same: chunks keep their numbers */
        for (size_t i = 0; i < f.model.layout.count; i++) {
            const struct tensor *tensor = &f.model.layout.tensors[i];
            if (tensor->kind != TENSOR_KEY_BIAS) /* its gradient is rounding alone */
                close_assert(close_relative(grouped + tensor->offset, whole + tensor->offset,
                                            tensor->rows * tensor->columns),
                             TOLERANCE_GROUPS, tensor->name);
        }
        free(whole);
        free(grouped);
        close_fixture(&f);
    }
}

/* ---- bits ------------------------------------------------------------------------------------ */

/* How a run of some steps is computed. */
struct way {
    size_t threads, group_tokens;
    bool checkpointing, bf16;
};

/* Parameters after some steps, released with free(). */
static float *
train(const struct head_case *c, const struct way *way, size_t *floats)
{
    struct fixture f;
    struct small_run run;
    struct train_params params = dropout_params();
    open_fixture(&f, c, 3); /* with fewer layers checkpointing saves nothing and is not done */
    params.gradient_checkpointing = way->checkpointing;
    if (way->bf16 && gemm_engine_has_bf16(f.model.network.engine))
        f.model.network.precision = GEMM_BF16;
    small_run_open_in_groups(&run, &f.model, &f.store, &params, way->threads, way->group_tokens);
    assert_int_equal(run.workspace.shape.checkpointing, way->checkpointing);
    for (size_t step = 0; step < STEPS; step++)
        small_run_step(&run, step, 1e-3);
    assert_true(run.batch.chunks >= 2);
    float *result = small_model_copy(&f.model);
    *floats = f.model.layout.total;
    small_run_close(&run);
    close_fixture(&f);
    return result;
}

static void
bits_do_not_depend_on_threads_or_checkpointing(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        for (int kind = 0; kind < 4; kind++) {
            struct way way = {1, kind % 2 == 0 ? 0 : GROUP_TOKENS, false, kind >= 2};
            size_t floats = 0;
            float *alone = train(&cases[c], &way, &floats);
            for (way.threads = 2; way.threads <= 3; way.threads++) {
                way.checkpointing = way.threads == 3;
                float *other = train(&cases[c], &way, &floats);
                if (memcmp(alone, other, floats * sizeof *alone) != 0)
                    fail_msg("%s: other bits in way %d", cases[c].name, kind);
                free(other);
            }
            free(alone);
        }
    }
}

/* One row of the store alone, in an inference workspace: its logits, (count). */
static void
infer(struct fixture *f, const uint32_t *picked, size_t count, struct workspace *workspace,
      struct batch *batch)
{
    struct err err;
    struct pool *pool = pool_new(2, &err);
    batch_fill(batch, &f->store, picked, count);
    encoder_forward(&(struct pass){
        .network = &f->model.network, .batch = batch, .workspace = workspace, .pool = pool});
    pool_free(pool);
}

static void
a_row_alone_and_in_company_has_the_same_logits(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct workspace all, one;
        struct batch batch, single;
        struct err err;
        uint32_t picked[ROWS];
        open_fixture(&f, &cases[c], 2);
        size_t k = f.config.label_count;
        size_t tokens = f.store.tokens.count;
        struct workspace_shape shape = {
            .rows = ROWS, .tokens = tokens, .longest = LONGEST, .threads = 2};
        for (uint32_t i = 0; i < ROWS; i++)
            picked[i] = i;
        assert_int_equal(workspace_init(&all, &f.config, &shape, &err), 0);
        assert_int_equal(workspace_init(&one, &f.config, &shape, &err), 0);
        assert_int_equal(batch_init(&batch, ROWS, tokens, &err), 0);
        assert_int_equal(batch_init(&single, ROWS, tokens, &err), 0);
        infer(&f, picked, ROWS, &all, &batch);
        for (size_t row = 0; row < ROWS; row++) {
            size_t length = batch.offsets[row + 1] - batch.offsets[row];
            infer(&f, &batch.sources[row], 1, &one, &single);
            const float *logits = all.logits + head_outputs(&f.config, row, batch.offsets[row]) * k;
            close_assert_bits(one.logits, logits, head_outputs(&f.config, 1, length) * k,
                              cases[c].name);
        }
        workspace_fini(&all);
        workspace_fini(&one);
        batch_fini(&batch);
        batch_fini(&single);
        close_fixture(&f);
    }
}

/* ---- bf16 ------------------------------------------------------------------------------------ */

/* As in test_encoder_dropout.c: operands are rounded to 8 bits; 1.4e-2 was seen. */
#define TOLERANCE_BF16 4e-2

/* |a - b| / |b| */
static double
distance(const float *a, const float *b, size_t count)
{
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / norm);
}

static void
gradients_of_bf16_are_those_of_float_but_for_rounding(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        double loss[2];
        double worst = 0;
        open_fixture(&f, &cases[c], 2);
        leave_kinks(&f);
        if (!gemm_engine_has_bf16(f.model.network.engine)) {
            printf("SKIPPED: this processor does not multiply bfloat16\n");
            close_fixture(&f);
            return;
        }
        float *exact = gradients_in_groups(&f, 0, &loss[0]);
        f.model.network.precision = GEMM_BF16;
        float *rounded = gradients_in_groups(&f, 0, &loss[1]);
        for (size_t t = 0; t < f.model.layout.count; t++) {
            const struct tensor *tensor = &f.model.layout.tensors[t];
            if (tensor->kind != TENSOR_KEY_BIAS)
                worst = fmax(worst, distance(rounded + tensor->offset, exact + tensor->offset,
                                             tensor->rows * tensor->columns));
        }
        printf("  %s: losses %.6f and %.6f, worst relative distance of a gradient %.2g\n",
               cases[c].name, loss[0], loss[1], worst);
        assert_true(worst > 1e-4); /* it did round */
        close_assert(worst, TOLERANCE_BF16, cases[c].name);
        close_assert(fabs(loss[1] - loss[0]), 2e-2, cases[c].name);
        free(exact);
        free(rounded);
        close_fixture(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_follow_from_family_task_and_pooling),
        cmocka_unit_test(tensors_behind_the_encoder_are_those_of_the_head),
        cmocka_unit_test(gradients_are_the_derivative_of_the_loss_under_dropout),
        cmocka_unit_test(a_batch_in_groups_has_the_loss_and_gradients_of_the_whole),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_checkpointing),
        cmocka_unit_test(a_row_alone_and_in_company_has_the_same_logits),
        cmocka_unit_test(gradients_of_bf16_are_those_of_float_but_for_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
