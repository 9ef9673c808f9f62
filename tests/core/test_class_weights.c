/* Class weights: scikit-learn's "balanced" on 200 label sets, given weights, what is refused. */
#include "core/train/class_weights.h"

#include "core/base/utf8.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CASES = 200, MOST = 16 };

static void
balanced_weights_equal_the_reference(void **state)
{
    (void)state;
    struct golden *golden = golden_open(FIXTURES "/losses/losses.safetensors");
    size_t all = golden_count(golden, "balanced.counts");
    const float *sizes = golden_values(golden, CASES, "balanced.sizes");
    const float *given = golden_values(golden, all, "balanced.counts");
    const float *want = golden_values(golden, all, "balanced.weights");
    double worst = 0;
    for (size_t i = 0, at = 0; i < CASES; at += (size_t)sizes[i], i++) {
        size_t k = (size_t)sizes[i];
        size_t counts[MOST];
        float weights[MOST];
        for (size_t c = 0; c < k; c++)
            counts[c] = (size_t)given[at + c];
        class_weights_balance(counts, k, weights);
        double error = close_relative(weights, want + at, k);
        worst = error > worst ? error : worst;
    }
    printf("  worst relative error in %d label sets %.2g\n", CASES, worst);
    close_assert(worst, 1e-6, "balanced");
    golden_close(golden);
}

static void
a_class_that_does_not_occur_weighs_one_and_changes_no_other(void **state)
{
    (void)state;
    static const size_t counts[] = {30, 0, 10};
    float weights[3];
    class_weights_balance(counts, 3, weights);
    close_assert(close_worst(weights, (const float[]){40.0f / 60, 1, 2}, 3), 1e-6, "weights");
}

static void
rows_words_and_what_is_skipped_are_counted(void **state)
{
    (void)state;
    struct err err;
    size_t counts[3];
    static const bool skipped[] = {false, true, false};
    struct targets rows = {.task = TASK_CLASSIFICATION};
    struct targets words = {.task = TASK_TOKEN_CLASSIFICATION};
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t ids[] = {i, 2, LABEL_NONE};
        assert_int_equal(targets_add(&rows, &(struct target){.label = i}, &err), 0);
        assert_int_equal(targets_add(&words, &(struct target){.ids = ids, .count = 3}, &err), 0);
    }
    class_weights_count(&rows, skipped, 3, counts);
    assert_true(counts[0] == 1 && counts[1] == 0 && counts[2] == 1);
    class_weights_count(&words, NULL, 3, counts);
    assert_true(counts[0] == 1 && counts[1] == 1 && counts[2] == 4);
    targets_fini(&rows);
    targets_fini(&words);
}

/* The set a, b, c. */
static struct label_set
labels(struct arena *arena)
{
    char a[] = "a", b[] = "b", c[] = "c";
    char *names[] = {a, b, c};
    struct label_set set;
    label_set_from_names(names, 3, arena, &set);
    return set;
}

static void
given_weights_are_read_and_the_others_are_one(void **state)
{
    (void)state;
    struct err err;
    struct arena *arena = arena_new();
    struct label_set set = labels(arena);
    float weights[3];
    assert_int_equal(class_weights_read("{\"c\":2.5,\"a\":0}", &set, weights, &err), 0);
    assert_true(weights[0] == 0 && weights[1] == 1 && weights[2] == 2.5f);
    arena_free(arena);
}

static void
a_long_label_is_shown_in_whole_characters(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct label_set set = labels(arena);
    struct err err;
    float weights[3];
    char json[256] = "{\"ab";
    for (size_t i = 0; i < 60; i++)
        strcat(json, "\xe2\x82\xac");
    strcat(json, "\":1}");
    assert_int_equal(class_weights_read(json, &set, weights, &err), ERR_INVALID);
    size_t length = strlen(err.message);
    assert_int_equal(utf8_valid_length(err.message, length), length);
    arena_free(arena);
}

static void
what_is_no_weight_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *json, *word;
    } cases[] = {
        {"{\"d\":1}", "\"d\""},
        {"{\"a\":-1}", "\"a\""},
        {"{\"a\":\"2\"}", "\"a\""},
        {"{\"a\":1e7}", "1e6"},
        {"[1]", "object"},
        {"{\"a\":0,\"b\":0,\"c\":0}", "every label"},
        {"{\"a\":1,\"a\":2}", "class_weights"},
        {"{", "class_weights"},
        {"{\"a\":null}", "\"a\""},
    };
    struct arena *arena = arena_new();
    struct label_set set = labels(arena);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        float weights[3];
        assert_int_equal(class_weights_read(cases[i].json, &set, weights, &err), ERR_INVALID);
        if (strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].json, err.message);
    }
    arena_free(arena);
}

static void
a_mark_tells_weights_apart_and_none_is_zero(void **state)
{
    (void)state;
    static const float one[] = {1, 2}, other[] = {1, 2.0000002f};
    assert_int_equal(class_weights_mark(NULL, 2), 0);
    assert_true(class_weights_mark(one, 2) != 0);
    assert_true(class_weights_mark(one, 2) == class_weights_mark(one, 2));
    assert_true(class_weights_mark(one, 2) != class_weights_mark(other, 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced_weights_equal_the_reference),
        cmocka_unit_test(a_class_that_does_not_occur_weighs_one_and_changes_no_other),
        cmocka_unit_test(rows_words_and_what_is_skipped_are_counted),
        cmocka_unit_test(given_weights_are_read_and_the_others_are_one),
        cmocka_unit_test(what_is_no_weight_is_refused_by_name),
        cmocka_unit_test(a_long_label_is_shown_in_whole_characters),
        cmocka_unit_test(a_mark_tells_weights_apart_and_none_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
