/*
 * Prediction: texts in, probabilities out, whatever they come with.
 */
#include "core/predict.h"

#include "core/data/labels.h"
#include "core/train/evaluate.h"
#include "tests/support/classifier_folder.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"
#include "tests/support/small_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXTS = 600 };

/* What a text's neighbours may change. */
static const double neighbours = 1e-6;

struct fixture {
    struct scratch scratch;
    struct gemm_engine *engine;
    struct pool *pools[4]; /* of 1 to 4 threads */
    const char *folder;
    struct predictor *predictor;
    struct text texts[TEXTS]; /* of 0 to 30 words: the longest are cut */
    float probabilities[TEXTS][CLASSIFIER_LABELS];
    uint32_t lengths[TEXTS];
    struct err err;
};

static struct predictor *
open_folder(struct fixture *f, const char *folder)
{
    struct predictor *predictor = NULL;
    if (predictor_open(folder, f->engine, &predictor, &f->err) != 0)
        fail_msg("%s", f->err.message);
    return predictor;
}

static int
open_fixture(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    scratch_open(&f.scratch);
    assert_int_equal(gemm_engine_open(NULL, &f.engine, &f.err), 0);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(f.pools[i] = pool_new(i + 1, &f.err));
    f.folder = classifier_folder_write(&f.scratch, "pairs", 2, 1);
    f.predictor = open_folder(&f, f.folder);
    for (size_t i = 0; i < TEXTS; i++)
        f.texts[i] = classifier_text(&f.scratch, i % 31, i);
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    predictor_free(f->predictor);
    for (size_t i = 0; i < 4; i++)
        pool_free(f->pools[i]);
    gemm_engine_close(f->engine);
    scratch_close(&f->scratch);
    return 0;
}

/* The first `count` texts. */
static struct predictor_call
call_of(struct fixture *f, size_t count, float *values)
{
    return (struct predictor_call){.texts = f->texts, .count = count, .values = values};
}

static int
predict(struct fixture *f, struct predictor *predictor, size_t count)
{
    struct predictor_call call = call_of(f, count, f->probabilities[0]);
    return predictor_run(predictor, f->pools[0], &call, &f->err);
}

static int
check(struct fixture *f, struct predictor *predictor, size_t count)
{
    struct predictor_call call = call_of(f, count, NULL);
    return predictor_check(predictor, &call, &f->err);
}

static void
run(struct fixture *f, size_t threads, size_t from, size_t count, float *probabilities)
{
    struct predictor_call call = {.texts = f->texts + from,
                                  .count = count,
                                  .values = probabilities,
                                  .lengths = f->lengths + from};
    if (predictor_run(f->predictor, f->pools[threads - 1], &call, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static void
lengths_are_those_that_the_model_saw(void **state)
{
    struct fixture *f = *state;
    run(f, 2, 0, TEXTS, f->probabilities[0]);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t whole = i % 31 + 2;
        assert_int_equal(f->lengths[i], whole < CLASSIFIER_LONGEST ? whole : CLASSIFIER_LONGEST);
    }
    assert_int_equal(predict(f, f->predictor, 5), 0);
    assert_int_equal(predict(f, f->predictor, 0), 0);
}

static void
rows_are_distributions_and_differ(void **state)
{
    struct fixture *f = *state;
    size_t different = 0;
    run(f, 1, 0, TEXTS, f->probabilities[0]);
    for (size_t i = 0; i < TEXTS; i++) {
        double sum = 0;
        for (size_t k = 0; k < CLASSIFIER_LABELS; k++)
            sum += (double)f->probabilities[i][k];
        assert_true(fabs(sum - 1) < 1e-6);
        different += i > 0 && memcmp(f->probabilities[i], f->probabilities[i - 1],
                                     sizeof f->probabilities[i]) != 0;
    }
    assert_true(different > TEXTS / 2);
}

/* Alone and among others, on few threads and many, before and after larger calls. */
static void
text_does_not_depend_on_its_neighbours(void **state)
{
    struct fixture *f = *state;
    static float others[TEXTS][CLASSIFIER_LABELS];
    static const size_t sizes[] = {1, 2, 7, 64, 300};
    run(f, 2, 3, 1, others[0]); /* a first call for one short text */
    run(f, 1, 0, TEXTS, f->probabilities[0]);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t from = 0; from + sizes[s] <= TEXTS; from += sizes[s] < 7 ? 31 : sizes[s]) {
            run(f, 1 + (s + from) % 4, from, sizes[s], others[from]);
            close_assert(
                close_worst(others[from], f->probabilities[from], sizes[s] * CLASSIFIER_LABELS),
                neighbours, "texts in another call");
        }
    }
}

struct captured {
    float logits[TEXTS][CLASSIFIER_LABELS];
};

static void
capture(void *context, const struct batch *batch, const struct workspace *workspace)
{
    struct captured *captured = context;
    for (size_t row = 0; row < batch->rows; row++)
        memcpy(captured->logits[batch->sources[row]], workspace->logits + row * CLASSIFIER_LABELS,
               sizeof captured->logits[0]);
}

/* Against the network run by hand, and the softmax in double. */
static void
probabilities_are_the_softmax_of_the_networks_logits(void **state)
{
    struct fixture *f = *state;
    static struct captured captured;
    struct small_model model;
    struct tokenizer *tokenizer;
    struct token_store store = {0};
    struct evaluator evaluator;
    struct evaluator_visitor visitor = {.visit = capture, .context = &captured};
    small_model_read(&model, f->folder);
    assert_int_equal(tokenizer_open(f->folder, model.config.vocab_size, &tokenizer, &f->err), 0);
    for (size_t i = 0; i < TEXTS; i++)
        assert_int_equal(token_store_append(&store, tokenizer, &f->texts[i], CLASSIFIER_LONGEST,
                                            LABEL_NONE, &f->err),
                         0);
    assert_int_equal(evaluator_init(&evaluator, &store, &model.config, 1, &f->err), 0);
    assert_true(evaluator_run(&evaluator, &model.network, f->pools[0], &visitor));
    run(f, 2, 0, TEXTS, f->probabilities[0]);
    for (size_t i = 0; i < TEXTS; i++) {
        double sum = 0;
        for (size_t k = 0; k < CLASSIFIER_LABELS; k++)
            sum += exp((double)captured.logits[i][k]);
        for (size_t k = 0; k < CLASSIFIER_LABELS; k++)
            assert_true(fabs(exp((double)captured.logits[i][k]) / sum -
                             (double)f->probabilities[i][k]) < neighbours);
    }
    evaluator_fini(&evaluator);
    token_store_fini(&store);
    tokenizer_free(tokenizer);
    small_model_free(&model);
}

static void
pair_for_a_model_of_single_texts_is_refused_by_number(void **state)
{
    struct fixture *f = *state;
    struct predictor *single = open_folder(f, classifier_folder_write(&f->scratch, "single", 1, 2));
    f->texts[3].second = "good";
    f->texts[3].second_length = 4;
    assert_int_equal(check(f, f->predictor, 4), 0);
    assert_int_equal(check(f, single, 3), 0);
    assert_int_equal(check(f, single, 4), ERR_INVALID);
    assert_non_null(strstr(f->err.message, "input 3"));
    assert_int_equal(predict(f, single, 4), ERR_INVALID);
    assert_int_equal(predict(f, single, 3), 0);
    predictor_free(single);
}

static void
text_that_is_not_utf8_is_refused_by_number(void **state)
{
    struct fixture *f = *state;
    f->texts[2] = (struct text){.first = "good \xff film", .first_length = 11};
    assert_int_equal(predict(f, f->predictor, 4), ERR_INVALID);
    assert_non_null(strstr(f->err.message, "input 2"));
    run(f, 1, 0, 2, f->probabilities[0]); /* and the predictor goes on */
}

/* One with a classifier in config.json, and a base model. */
static void
folder_without_weights_is_unsupported(void **state)
{
    struct fixture *f = *state;
    struct predictor *predictor = NULL;
    unlink(scratch_path(&f->scratch, "pairs/model.safetensors"));
    assert_int_equal(predictor_open(f->folder, f->engine, &predictor, &f->err), ERR_UNSUPPORTED);
    assert_null(predictor);
}

/* ---- vectors --------------------------------------------------------------------------------- */

#define EMBEDDINGS FIXTURES "/embeddings"

enum { GOLDEN_TEXTS = 9, GOLDEN_HIDDEN = 16, HIDDEN = 32 /* of classifier_folder.h */ };

/* Against PyTorch in float64, three layers; measured 4e-7. */
static const double golden_tolerance = 2e-6;

/* A text a line, or a pair with a tab between. */
static size_t
read_texts(struct fixture *f, struct text texts[GOLDEN_TEXTS])
{
    char line[512];
    size_t count = 0;
    FILE *file = fopen(EMBEDDINGS "/texts.txt", "r");
    assert_non_null(file);
    for (; count < GOLDEN_TEXTS && fgets(line, sizeof line, file) != NULL; count++) {
        char *copy = arena_copy_bytes(f->scratch.arena, line, strcspn(line, "\n"));
        char *tab = strchr(copy, '\t');
        texts[count] = (struct text){.first = copy, .first_length = strcspn(copy, "\t")};
        texts[count].second = tab == NULL ? NULL : tab + 1;
        texts[count].second_length = tab == NULL ? 0 : strlen(tab + 1);
    }
    fclose(file);
    return count;
}

static void
vectors_of_a_base_model_are_transformers(void **state)
{
    struct fixture *f = *state;
    struct text texts[GOLDEN_TEXTS];
    float values[GOLDEN_TEXTS * GOLDEN_HIDDEN];
    uint32_t lengths[GOLDEN_TEXTS];
    static const char *const names[] = {"mean", "cls"};
    static const enum predict_output outputs[] = {PREDICT_MEAN, PREDICT_FIRST};
    struct golden *golden = golden_open(EMBEDDINGS "/golden.safetensors");
    struct predictor *predictor = open_folder(f, EMBEDDINGS);
    assert_int_equal(read_texts(f, texts), GOLDEN_TEXTS);
    for (size_t i = 0; i < 2; i++) {
        struct predictor_call call = {.output = outputs[i],
                                      .texts = texts,
                                      .count = GOLDEN_TEXTS,
                                      .values = values,
                                      .lengths = lengths};
        assert_int_equal(predictor_width(predictor, outputs[i]), GOLDEN_HIDDEN);
        assert_int_equal(predictor_run(predictor, f->pools[1], &call, &f->err), 0);
        close_assert(
            close_worst(values,
                        golden_values(golden, sizeof values / sizeof *values, "%s", names[i]),
                        sizeof values / sizeof *values),
            golden_tolerance, names[i]);
        const float *wanted = golden_values(golden, GOLDEN_TEXTS, "lengths");
        for (size_t t = 0; t < GOLDEN_TEXTS; t++)
            assert_int_equal(lengths[t], (int)wanted[t]);
    }
    predictor_free(predictor);
    golden_close(golden);
}

static void
base_model_has_no_probabilities(void **state)
{
    struct fixture *f = *state;
    struct predictor *predictor = open_folder(f, EMBEDDINGS);
    assert_int_equal(predictor_config(predictor)->label_count, 0);
    assert_int_equal(check(f, predictor, 1), ERR_UNSUPPORTED);
    assert_int_equal(predict(f, predictor, 1), ERR_UNSUPPORTED);
    predictor_free(predictor);
}

/* Alone and among others, beside predictions with the same predictor. */
static void
vectors_are_of_unit_length_and_do_not_depend_on_their_neighbours(void **state)
{
    struct fixture *f = *state;
    static float together[TEXTS][HIDDEN];
    static const enum predict_output outputs[] = {PREDICT_MEAN, PREDICT_FIRST};
    for (size_t i = 0; i < 2; i++) {
        struct predictor_call all = {
            .output = outputs[i], .texts = f->texts, .count = TEXTS, .values = together[0]};
        assert_int_equal(predictor_run(f->predictor, f->pools[i + 1], &all, &f->err), 0);
        for (size_t t = 0; t < TEXTS; t += 7) {
            float alone[HIDDEN];
            double squares = 0;
            struct predictor_call one = {
                .output = outputs[i], .texts = &f->texts[t], .count = 1, .values = alone};
            assert_int_equal(predictor_run(f->predictor, f->pools[3], &one, &f->err), 0);
            close_assert(close_worst(alone, together[t], HIDDEN), neighbours, "a vector alone");
            for (size_t j = 0; j < HIDDEN; j++)
                squares += (double)alone[j] * (double)alone[j];
            assert_true(fabs(squares - 1) < 1e-6);
        }
        run(f, 2, 0, TEXTS, f->probabilities[0]);
    }
}

/* Its head looks at every token, and its vectors are the encoder's all the same. */
static void
a_token_classifier_gives_the_same_vectors_and_no_scores(void **state)
{
    struct fixture *f = *state;
    static const enum predict_output outputs[] = {PREDICT_MEAN, PREDICT_FIRST};
    float values[2][8 * CLASSIFIER_HIDDEN];
    const char *folder = classifier_folder_write(&f->scratch, "tokens", 2, 1);
    classifier_folder_set_class(&f->scratch, "tokens", "BertForTokenClassification");
    struct predictor *tokens = open_folder(f, folder);
    assert_int_equal(predictor_config(tokens)->task, TASK_TOKEN_CLASSIFICATION);
    assert_int_equal(check(f, tokens, 1), ERR_INVALID);
    assert_non_null(strstr(f->err.message, "token_classification"));
    for (size_t o = 0; o < 2; o++) {
        struct predictor *predictors[] = {f->predictor, tokens};
        for (size_t i = 0; i < 2; i++) {
            struct predictor_call call = call_of(f, 8, values[i]);
            call.output = outputs[o];
            if (predictor_run(predictors[i], f->pools[1], &call, &f->err) != 0)
                fail_msg("%s", f->err.message);
        }
        close_assert(close_worst(values[0], values[1], 8 * CLASSIFIER_HIDDEN), neighbours,
                     "vectors");
    }
    predictor_free(tokens);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(lengths_are_those_that_the_model_saw),
        CASE(rows_are_distributions_and_differ),
        CASE(text_does_not_depend_on_its_neighbours),
        CASE(probabilities_are_the_softmax_of_the_networks_logits),
        CASE(pair_for_a_model_of_single_texts_is_refused_by_number),
        CASE(text_that_is_not_utf8_is_refused_by_number),
        CASE(folder_without_weights_is_unsupported),
        CASE(vectors_of_a_base_model_are_transformers),
        CASE(base_model_has_no_probabilities),
        CASE(a_token_classifier_gives_the_same_vectors_and_no_scores),
        CASE(vectors_are_of_unit_length_and_do_not_depend_on_their_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
