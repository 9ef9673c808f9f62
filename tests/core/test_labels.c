/* Label sets: the order of ids, and the way from a name to its id. */
#include "core/data/labels.h"

#include "core/base/rng.h"
#include "core/model/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
open_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int
close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

/* The labels of rows with these labels (NULL: a row without). */
static struct label_set
build(struct arena *arena, enum label_form form, const char *const *labels, size_t count)
{
    struct data_row *rows = arena_array(arena, count, sizeof *rows);
    for (size_t i = 0; i < count; i++)
        rows[i].label = labels[i];
    struct dataset *dataset = arena_alloc(arena, sizeof *dataset);
    dataset->rows = rows;
    dataset->count = count;
    dataset->label_form = form;
    struct label_set set;
    struct err err = {0};
    assert_int_equal(label_set_build(dataset, arena, &set, &err), 0);
    return set;
}

static void
expect_order(const struct label_set *set, const char *const *expected, size_t count)
{
    assert_int_equal(set->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(set->names[i], expected[i]);
        assert_int_equal(label_set_find(set, expected[i]), i);
    }
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void
texts_are_ordered_by_code_point(void **state)
{
    static const char *const labels[] = {"b", "a",  "B", "ä", "a b", "😀", "\uffee",
                                         "b", "10", "9", "a", "_",   "z", NULL};
    static const char *const expected[] = {"10", "9", "B", "_",      "a", "a b",
                                           "b",  "z", "ä", "\uffee", "😀"};
    struct label_set set = build(*state, LABELS_TEXT, labels, COUNT(labels));
    expect_order(&set, expected, COUNT(expected));
}

static void
integers_are_ordered_by_value(void **state)
{
    static const char *const labels[] = {"10", "9", "-2", "0", "01", "1", "10", "-10"};
    static const char *const expected[] = {"-10", "-2", "0", "01", "1", "9", "10"};
    struct label_set set = build(*state, LABELS_INTEGER, labels, COUNT(labels));
    expect_order(&set, expected, COUNT(expected));
}

static void
unknown_names_are_not_found(void **state)
{
    static const char *const labels[] = {"b", "d", "f"};
    static const char *const absent[] = {"", "a", "c", "e", "g", "B", "bb"};
    struct label_set set = build(*state, LABELS_TEXT, labels, COUNT(labels));
    for (size_t i = 0; i < COUNT(absent); i++)
        assert_true(label_set_find(&set, absent[i]) == LABEL_NONE);
    set = build(*state, LABELS_NONE, NULL, 0);
    assert_int_equal(set.count, 0);
    assert_true(label_set_find(&set, "a") == LABEL_NONE);
}

static void
labels_of_a_model_keep_their_ids(void **state)
{
    static char b[] = "b";
    static char a[] = "a";
    static char c[] = "c";
    char *names[] = {b, c, a};
    struct label_set set;
    label_set_from_names(names, 3, *state, &set);
    static const char *const expected[] = {"b", "c", "a"};
    expect_order(&set, expected, COUNT(expected));
}

static void
most_labels_that_are_possible_are_found_and_one_more_is_refused(void **state)
{
    struct arena *arena = *state;
    size_t count = CONFIG_MAX_LABELS;
    const char **labels = arena_array(arena, count + 1, sizeof *labels);
    uint32_t *order = arena_array(arena, count + 1, sizeof *order);
    struct rng_stream stream = rng_stream(1, RNG_SHUFFLE, 0, 0);
    rng_shuffle(&stream, order, count + 1);
    for (size_t i = 0; i <= count; i++)
        labels[i] = arena_printf(arena, "%u", (unsigned)order[i]);
    struct label_set set = build(arena, LABELS_INTEGER, labels, count);
    assert_int_equal(set.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(label_set_find(&set, set.names[i]), i);
    for (size_t i = 1; i < count; i++)
        assert_true(atoi(set.names[i - 1]) < atoi(set.names[i]));

    struct data_row *rows = arena_array(arena, count + 1, sizeof *rows);
    for (size_t i = 0; i <= count; i++)
        rows[i].label = labels[i];
    struct dataset *dataset = arena_alloc(arena, sizeof *dataset);
    dataset->rows = rows;
    dataset->count = count + 1;
    struct err err = {0};
    assert_int_equal(label_set_build(dataset, arena, &set, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "10001 different labels"));
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        CASE(texts_are_ordered_by_code_point),
        CASE(integers_are_ordered_by_value),
        CASE(unknown_names_are_not_found),
        CASE(labels_of_a_model_keep_their_ids),
        CASE(most_labels_that_are_possible_are_found_and_one_more_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
