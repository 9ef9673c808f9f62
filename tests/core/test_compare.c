/* Sets held against each other: every figure, and every warning with its number. */
#include "core/data/compare.h"

#include "core/base/buf.h"
#include "core/data/split.h"
#include "tests/support/data_file.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int
open_scratch(void **state)
{
    static struct scratch scratch;
    scratch_open(&scratch);
    *state = &scratch;
    return 0;
}

static int
close_scratch(void **state)
{
    scratch_close(*state);
    return 0;
}

static struct data_comparison
compare(struct scratch *scratch, struct dataset *training, struct dataset *other)
{
    struct data_comparison out;
    struct err err;
    const struct compare_side a = {.name = "train.jsonl", .dataset = training};
    const struct compare_side b = {.name = "valid.jsonl", .dataset = other};
    if (data_compare(&a, &b, scratch->arena, &out, &err) != 0)
        fail_msg("%s", err.message);
    return out;
}

static struct data_comparison
compare_texts(struct scratch *scratch, const char *training, const char *other)
{
    struct dataset *a = data_file_read_text(scratch, "a.jsonl", training);
    struct dataset *b = data_file_read_text(scratch, "a.jsonl", other);
    struct data_comparison out = compare(scratch, a, b);
    dataset_free(a);
    dataset_free(b);
    return out;
}

/* words NULL: it is not told */
static void
expect_warning(const struct data_comparison *found, const char *code, const char *words)
{
    for (size_t i = 0; i < found->warning_count; i++)
        if (strcmp(found->warnings[i].code, code) == 0) {
            if (words == NULL || strstr(found->warnings[i].message, words) == NULL)
                fail_msg("%s: %s", code, found->warnings[i].message);
            return;
        }
    if (words != NULL)
        fail_msg("no warning %s", code);
}

#define ROW(text, label) "{\"text\":\"" text "\",\"label\":\"" label "\"}\n"

static void
texts_in_both_are_counted_to_the_byte(void **state)
{
    struct data_comparison found =
        compare_texts(*state, ROW("a", "x") ROW("b", "y") ROW("b", "y") ROW("c", "x"),
                      ROW("b", "y") ROW("c", "y") ROW("C", "x") ROW("b", "y") ROW("d", "x"));
    assert_int_equal(found.rows, 5);
    assert_int_equal(found.leaked, 3);
    assert_int_equal(found.leaked_conflicts, 1);
    expect_warning(&found, "split_leakage",
                   "3 rows (60.0 %) of valid.jsonl have a text that train.jsonl has too, 1 of them "
                   "with another label");
}

static void
pairs_are_compared_as_pairs(void **state)
{
    struct data_comparison found =
        compare_texts(*state, "{\"text\":\"a\",\"text_pair\":\"bc\",\"label\":\"x\"}\n",
                      "{\"text\":\"ab\",\"text_pair\":\"c\",\"label\":\"x\"}\n"
                      "{\"text\":\"a\",\"text_pair\":\"bc\",\"label\":\"x\"}\n");
    assert_int_equal(found.leaked, 1);
}

static void
labels_on_one_side_are_named(void **state)
{
    struct data_comparison found = compare_texts(*state, ROW("a", "x") ROW("b", "y") ROW("c", "z"),
                                                 ROW("d", "y") ROW("e", "w"));
    assert_int_equal(found.unseen, 1);
    assert_int_equal(found.untested, 2);
    expect_warning(&found, "unseen_labels", "1 label of valid.jsonl is not in train.jsonl (\"w\")");
    expect_warning(&found, "untested_labels",
                   "2 labels of train.jsonl are not in valid.jsonl (\"x\", \"z\")");
    found = compare_texts(*state, "{\"tokens\":[\"a\"],\"labels\":[\"O\"]}",
                          "{\"tokens\":[\"a\"],\"labels\":[\"B-x\"]}");
    assert_int_equal(found.unseen, 1);
    assert_int_equal(found.untested, 0); /* O is no entity */
    found = compare_texts(*state, "{\"text\":\"a\",\"labels\":[\"x\",\"y\"]}",
                          "{\"text\":\"b\",\"labels\":[\"y\"]}");
    assert_int_equal(found.untested, 1);
}

/* `rows` rows of which a share of `of` in 100 have the label x; lengths from `length` on. */
static struct dataset *
read_share(struct scratch *scratch, int rows, int of, int length)
{
    struct buf text = {0};
    for (int i = 0; i < rows; i++)
        buf_printf(&text, "{\"text\":\"%d%d%*s\",\"label\":\"%s\"}\n", of, i, length + i * 7 % 20,
                   "", i * 37 % 100 < of ? "x" : "y");
    struct dataset *d = data_file_read_text(scratch, "a.jsonl", buf_string(&text));
    buf_fini(&text);
    return d;
}

static void
distributions_far_apart_are_told_beyond_chance(void **state)
{
    static const struct {
        int rows, of, length;
        const char *labels, *lengths; /* words of the warning, or NULL */
    } cases[] = {
        {500, 50, 40, NULL, NULL},   {500, 55, 40, NULL, NULL},
        {500, 80, 40, "0.30", NULL}, {20, 80, 40, NULL, NULL}, /* may be chance */
        {20, 100, 40, "0.50", NULL}, {500, 50, 60, NULL, "medians 74 and 54 characters"},
    };
    struct scratch *scratch = *state;
    struct dataset *training = read_share(scratch, 1000, 50, 40);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dataset *other = read_share(scratch, cases[i].rows, cases[i].of, cases[i].length);
        struct data_comparison found = compare(scratch, training, other);
        expect_warning(&found, "label_shift", cases[i].labels);
        expect_warning(&found, "length_shift", cases[i].lengths);
        dataset_free(other);
    }
    dataset_free(training);
}

static void
numbers_far_apart_are_told(void **state)
{
    struct scratch *scratch = *state;
    struct buf text[2] = {{0}, {0}};
    for (int i = 0; i < 400; i++) {
        buf_printf(&text[0], "{\"text\":\"a%d\",\"labels\":[%d.5,%d]}\n", i, i, i);
        buf_printf(&text[1], "{\"text\":\"b%d\",\"labels\":[%d.5,%d]}\n", i, i, i + 200);
    }
    struct data_comparison found =
        compare_texts(scratch, buf_string(&text[0]), buf_string(&text[1]));
    assert_true(found.number_distance > 0.499 && found.number_distance < 0.501);
    expect_warning(&found, "number_shift", "0.50, more than 0.20");
    expect_warning(&found, "label_shift", NULL);
    buf_fini(&text[0]);
    buf_fini(&text[1]);
}

/* Whole numbers that a regression learns are no labels that could be missing on a side. */
static void
the_task_says_what_whole_numbers_are(void **state)
{
    struct scratch *scratch = *state;
    struct buf text[2] = {{0}, {0}};
    for (int i = 0; i < 200; i++) {
        buf_printf(&text[0], "{\"text\":\"a%d\",\"label\":%d}\n", i, 2 * i);
        buf_printf(&text[1], "{\"text\":\"b%d\",\"label\":%d}\n", i, 2 * i + 1);
    }
    struct dataset *a = data_file_read_text(scratch, "a.jsonl", buf_string(&text[0]));
    struct dataset *b = data_file_read_text(scratch, "a.jsonl", buf_string(&text[1]));
    struct data_comparison found = compare(scratch, a, b);
    expect_warning(&found, "unseen_labels", "200 labels of valid.jsonl");
    const struct compare_side training = {
        .name = "train.jsonl", .dataset = a, .task = TASK_REGRESSION};
    const struct compare_side other = {.name = "valid.jsonl", .dataset = b};
    struct err err;
    assert_int_equal(data_compare(&training, &other, scratch->arena, &found, &err), 0);
    assert_int_equal(found.warning_count, 0);
    assert_int_equal(found.unseen + found.untested, 0);
    assert_true(found.number_distance > 0.004 && found.number_distance < 0.006);
    dataset_free(a);
    dataset_free(b);
    buf_fini(&text[0]);
    buf_fini(&text[1]);
    /* the other side's numbers look like others: names are compared all the same */
    found = compare_texts(scratch, ROW("a", "1") ROW("b", "x"),
                          "{\"text\":\"c\",\"label\":1}\n{\"text\":\"d\",\"label\":2}\n");
    assert_int_equal(found.unseen, 1);
    assert_int_equal(found.untested, 1);
}

static void
parts_of_one_file_are_compared(void **state)
{
    enum { ROWS = 300 };
    struct scratch *scratch = *state;
    struct dataset *d = read_share(scratch, ROWS, 50, 40);
    static bool held[ROWS];
    struct data_comparison found;
    struct err err;
    for (size_t i = 0; i < ROWS; i++)
        held[i] = i % 10 == 0;
    d->rows[10].text = d->rows[11].text;
    d->rows[10].text_length = d->rows[11].text_length;
    d->rows[20] = d->rows[30]; /* both held out: no leak */
    const struct compare_side a = {.name = "train.jsonl", .dataset = d, .chosen = held};
    const struct compare_side b = {
        .name = "the rows held out of it", .dataset = d, .chosen = held, .wanted = true};
    assert_int_equal(data_compare(&a, &b, scratch->arena, &found, &err), 0);
    assert_int_equal(found.rows, ROWS / 10);
    assert_int_equal(found.leaked, 1);
    dataset_free(d);
}

static void
empty_sides_and_other_forms_are_no_matter(void **state)
{
    struct scratch *scratch = *state;
    struct dataset *d = data_file_read_text(scratch, "a.jsonl", ROW("a", "x"));
    struct dataset *none = data_file_read_text(scratch, "a.jsonl", "");
    struct data_comparison found = compare(scratch, d, none);
    assert_int_equal(found.warning_count, 0);
    found = compare(scratch, none, d);
    assert_int_equal(found.warning_count, 0);
    dataset_free(d);
    dataset_free(none);
    found = compare_texts(scratch, ROW("a", "x"), "{\"text\":\"a\"}\n");
    assert_int_equal(found.leaked, 1);
    assert_int_equal(found.leaked_conflicts, 0);
    assert_int_equal(found.untested, 0);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(texts_in_both_are_counted_to_the_byte),
        CASE(pairs_are_compared_as_pairs),
        CASE(labels_on_one_side_are_named),
        CASE(distributions_far_apart_are_told_beyond_chance),
        CASE(numbers_far_apart_are_told),
        CASE(the_task_says_what_whole_numbers_are),
        CASE(parts_of_one_file_are_compared),
        CASE(empty_sides_and_other_forms_are_no_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
