/*
 * A plan of a test: a small model folder without weights, a file of made-up rows, and the plan of a
 * job on them. Words are drawn as those of a language are: few often, most of them seldom.
 */
#ifndef TESTS_CORE_PLAN_FIXTURE_H
#define TESTS_CORE_PLAN_FIXTURE_H

#include "core/base/buf.h"
#include "core/base/rng.h"
#include "core/train/plan.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLAN_WORDS = 20000, PLAN_HIDDEN = 32, PLAN_LONGEST = 64 };

struct plan_fixture {
    struct scratch scratch;
    struct train_request request;
    struct train_plan plan;
    bool planned;
};

static inline int
plan_setup(void **state)
{
    struct plan_fixture *f = calloc(1, sizeof *f);
    struct buf vocab = {0};
    scratch_open(&f->scratch);
    f->request.base_folder = scratch_folder(&f->scratch, "model");
    f->request.base_name = "model";
    f->request.params = train_params_auto();
    f->request.params.seed = 3;
    scratch_write_text(
        &f->scratch, "model/config.json",
        arena_printf(
            f->scratch.arena,
            "{\"model_type\":\"bert\",\"architectures\":[\"BertModel\"],\"hidden_size\":%d,"
            "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"intermediate_size\":128,"
            "\"vocab_size\":%d,\"max_position_embeddings\":%d,\"type_vocab_size\":2,"
            "\"hidden_act\":\"gelu\",\"layer_norm_eps\":1e-12,\"pad_token_id\":0}",
            PLAN_HIDDEN, PLAN_WORDS, PLAN_LONGEST));
    buf_append_string(&vocab, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int i = 5; i < PLAN_WORDS; i++)
        buf_printf(&vocab, "w%d\n", i);
    scratch_write_text(&f->scratch, "model/vocab.txt", buf_string(&vocab));
    buf_fini(&vocab);
    *state = f;
    return 0;
}

static inline int
plan_teardown(void **state)
{
    struct plan_fixture *f = *state;
    if (f->planned)
        train_plan_fini(&f->plan);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

/* A number in [0, 1) of place index. */
static inline double
plan_unit(const struct rng_stream *stream, uint64_t index)
{
    uint32_t bits[4];
    rng_block(stream, index, bits);
    return (double)bits[0] / 4294967296.0;
}

/* A file of rows with 1 to 80 words, most of them short, beginning at row `first` of the language.
 */
static inline struct train_file
plan_rows(struct plan_fixture *f, const char *name, size_t rows, size_t first)
{
    struct rng_stream stream = rng_stream(11, RNG_SPLIT, 0, 0);
    struct buf text = {0};
    for (size_t row = first; row < first + rows; row++) {
        double share = plan_unit(&stream, row * 100);
        size_t length = 1 + (size_t)(80.0 * share * share * share);
        buf_append_string(&text, "{\"text\":\"");
        for (size_t i = 0; i < length; i++) {
            double rank = pow(PLAN_WORDS - 5, plan_unit(&stream, row * 100 + 1 + i));
            buf_printf(&text, "%sw%d", i > 0 ? " " : "", 4 + (int)rank);
        }
        buf_printf(&text, "\",\"label\":\"%s\"}\n", row % 3 == 0 ? "a" : "b");
    }
    const char *path = scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
    return (struct train_file){.path = path, .name = name};
}

/* Plan the request as it stands. */
static inline void
plan_make(struct plan_fixture *f)
{
    struct train_fault fault = {0};
    struct err err;
    if (f->planned)
        train_plan_fini(&f->plan);
    if (train_plan_make(&f->request, f->scratch.arena, &f->plan, &fault, &err) != 0)
        fail_msg("%s: %s", fault.parameter, err.message);
    f->planned = true;
}

#define PLAN_TEST(test) cmocka_unit_test_setup_teardown(test, plan_setup, plan_teardown)

#endif
