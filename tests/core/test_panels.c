/*
 * A network's weights in panels: it says the same to the bit, and what has learned is renewed.
 */
#include "core/model/panels.h"

#include "core/train/evaluate.h"
#include "tests/support/close.h"
#include "tests/support/small_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As many labels as panels have columns, so that the classifier stands in them, too. */
enum { ROWS = 60, LONGEST = 20, LABELS = 32 };

struct fixture {
    struct small_model model;
    struct token_store rows;
    struct evaluator evaluator;
    struct pool *pool;
    float logits[2][ROWS * LABELS];
};

static void
open_model(struct fixture *f, size_t hidden)
{
    const struct model_config config = {.family = FAMILY_BERT,
                                        .vocab_size = 50,
                                        .hidden_size = hidden,
                                        .layers = 2,
                                        .heads = 2,
                                        .intermediate_size = 3 * hidden / 2,
                                        .max_positions = LONGEST,
                                        .type_vocab_size = 2,
                                        .layer_norm_eps = 1e-12f,
                                        .label_count = LABELS};
    struct err err;
    *f = (struct fixture){0};
    small_model_random(&f->model, &config, 7);
    small_rows_random(&f->rows, ROWS, LONGEST, &f->model.config, 8);
    assert_non_null(f->pool = pool_new(2, &err));
    assert_int_equal(evaluator_init(&f->evaluator, &f->rows, &f->model.config, 2, &err), 0);
}

static void
close_model(struct fixture *f)
{
    evaluator_fini(&f->evaluator);
    token_store_fini(&f->rows);
    pool_free(f->pool);
    small_model_free(&f->model);
}

static void
keep_logits(void *context, const struct batch *batch, const struct workspace *workspace)
{
    float *logits = context;
    for (size_t row = 0; row < batch->rows; row++)
        memcpy(logits + batch->sources[row] * LABELS, workspace->logits + row * LABELS,
               LABELS * sizeof *logits);
}

static void
run(struct fixture *f, const float *panels, float *logits)
{
    const struct evaluator_visitor visitor = {.visit = keep_logits, .context = logits};
    f->model.network.panels = panels;
    assert_true(evaluator_run(&f->evaluator, &f->model.network, f->pool, &visitor));
    f->model.network.panels = NULL;
}

static void
check(struct fixture *f, const struct pages *panels, const char *what)
{
    run(f, NULL, f->logits[0]);
    run(f, panels->memory, f->logits[1]);
    close_assert_bits(f->logits[1], f->logits[0], (size_t)ROWS * LABELS, what);
}

/* The layer of 48 outputs, and all of the second network, which panels do not divide, stay as they
 * are. */
static void
a_network_with_panels_says_the_same_to_the_bit(void **state)
{
    static const size_t sizes[] = {32, 24};
    struct fixture f;
    struct pages panels;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_model(&f, sizes[i]);
        assert_int_equal(panels_make(&f.model.network, &panels, &err), 0);
        size_t width = gemm_panel_width(f.model.engine);
        assert_int_equal(panels.memory != NULL, width > 0 && sizes[i] % width == 0);
        check(&f, &panels, "logits");
        pages_unmap(&panels);
        close_model(&f);
    }
}

static void
a_classifier_that_has_changed_is_renewed(void **state)
{
    struct fixture f;
    struct pages panels;
    struct err err;
    (void)state;
    open_model(&f, 32);
    assert_int_equal(panels_make(&f.model.network, &panels, &err), 0);
    float *weights =
        f.model.parameters + tensor_offset(&f.model.layout, TENSOR_CLASSIFIER_WEIGHT, 0);
    close_noise(weights, (size_t)LABELS * 32, 9, 1.0);
    panels_renew(&f.model.network, TENSOR_CLASSIFIER_WEIGHT, &panels);
    check(&f, &panels, "logits of the new classifier");
    pages_unmap(&panels);
    panels_renew(&f.model.network, TENSOR_CLASSIFIER_WEIGHT, &panels); /* there are none */
    close_model(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_with_panels_says_the_same_to_the_bit),
        cmocka_unit_test(a_classifier_that_has_changed_is_renewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
