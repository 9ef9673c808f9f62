/* Duplicates: which rows are left out, which are kept and why. */
#include "core/data/dedupe.h"

#include "core/base/buf.h"
#include "core/data/normal_text.h"
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

/* The rows that are left out, as "0101". */
static void
expect(struct scratch *scratch, enum dedupe dedupe, const char *text, const char *expected,
       size_t conflicts)
{
    struct dataset *d = data_file_read_text(scratch, "a.jsonl", text);
    bool *leaves = arena_array(scratch->arena, d->count + 1, sizeof *leaves);
    char *found = arena_alloc(scratch->arena, d->count + 1);
    struct dedupe_counts counts;
    struct err err;
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(dedupe_rows(d, dedupe, leaves, &counts, &err), 0);
    size_t left = 0;
    for (size_t i = 0; i < d->count; i++) {
        found[i] = leaves[i] ? '1' : '0';
        left += leaves[i];
    }
    assert_string_equal(found, expected);
    assert_int_equal(counts.exact + counts.near, left);
    assert_int_equal(counts.conflicts, conflicts);
    dataset_free(d);
}

#define ROW(text, label)    "{\"text\":\"" text "\",\"label\":" label "}\n"
#define LISTS(text, labels) "{\"text\":\"" text "\",\"labels\":" labels "}\n"
#define PAIR(a, b)          "{\"text\":\"" a "\",\"text_pair\":\"" b "\",\"label\":\"x\"}\n"

static void
blanks_are_one_and_case_counts(void **state)
{
    static const char rows[] = ROW("a b", "\"x\"") ROW(" a\\t\\n b ", "\"x\"") ROW("A b", "\"x\"")
        ROW("ab", "\"x\"") ROW("a b", "\"x\"") ROW("", "\"x\"") ROW(" ", "\"x\"");
    expect(*state, DEDUPE_OFF, rows, "0000000", 0);
    expect(*state, DEDUPE_EXACT, rows, "0100101", 0);
}

static void
other_labels_are_kept_and_told(void **state)
{
    expect(*state, DEDUPE_EXACT,
           ROW("a", "\"x\"") ROW("a", "\"y\"") ROW("a", "\"x\"") ROW("a", "\"y\"")
               ROW("b", "\"y\""),
           "00110", 1);
    expect(*state, DEDUPE_EXACT, ROW("a", "1.0") ROW("a", "1") ROW("a", "1.5") ROW("a", "-0.0"),
           "0100", 2);
}

static void
lists_are_sets_and_pairs_are_pairs(void **state)
{
    expect(*state, DEDUPE_EXACT,
           LISTS("a", "[\"x\",\"y\"]") LISTS("a", "[\"y\",\"x\"]") LISTS("a", "[\"x\"]")
               LISTS("a", "[]") LISTS("a", "[]"),
           "01001", 2);
    expect(*state, DEDUPE_EXACT,
           LISTS("a", "[0.5,1]") LISTS("a", "[1,0.5]") LISTS("a", "[0.5,1.0]"), "001", 1);
    expect(*state, DEDUPE_EXACT, PAIR("a b", "c") PAIR("a", "b c") PAIR("a  b", " c "), "001", 0);
    expect(*state, DEDUPE_EXACT,
           "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"O\",\"B-x\"]}\n"
           "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"B-x\",\"O\"]}\n"
           "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"O\",\"B-x\"]}\n",
           "001", 1);
}

static void
near_is_four_fifths_of_the_shingles(void **state)
{
    /* "abcdefghijklm" has 9 shingles; with one more letter 10, of which 9 are common: 0.9. */
    expect(*state, DEDUPE_NEAR, ROW("abcdefghijklm", "\"x\"") ROW("ABCDEFGHIJKLMN", "\"x\""), "01",
           0);
    expect(*state, DEDUPE_NEAR, ROW("abcdefghijklm", "\"x\"") ROW("abcdefghijklmn", "\"y\""), "00",
           1);
    /* A change in the middle takes five of them: 4 of 14 are common. */
    expect(*state, DEDUPE_NEAR, ROW("abcdefghijklm", "\"x\"") ROW("abcdefzhijklm", "\"x\""), "00",
           0);
    expect(*state, DEDUPE_NEAR, ROW("ab", "\"x\"") ROW("AB", "\"x\"") ROW("abc", "\"x\""), "010",
           0);
    expect(*state, DEDUPE_NEAR, ROW("", "\"x\"") ROW(" ", "\"x\"") ROW("a", "\"x\""), "010", 0);
    /* A row that is left out is nobody's neighbour: the third is near the second alone (0.8). */
    expect(*state, DEDUPE_NEAR,
           ROW("abcdefghijklm", "\"x\"") ROW("abcdefghijklmn", "\"x\"")
               ROW("bcdefghijklmnop", "\"x\""),
           "010", 0);
}

static void
rows_are_taken_out_in_place(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.jsonl",
                                            ROW("a", "\"x\"") ROW("a ", "\"x\"") ROW("b", "\"y\"")
                                                ROW("a", "\"y\""));
    struct dedupe_counts counts;
    struct err err;
    assert_int_equal(dedupe_apply(d, DEDUPE_OFF, &counts, &err), 0);
    assert_int_equal(d->count, 4);
    assert_int_equal(dedupe_apply(d, DEDUPE_EXACT, &counts, &err), 0);
    assert_int_equal(d->count, 3);
    data_file_expect_row(d, 1, 3, "b", NULL, "y");
    data_file_expect_row(d, 2, 4, "a", NULL, "y");
    assert_int_equal(counts.exact, 1);
    assert_int_equal(counts.conflicts, 1);
    dataset_free(d);
}

static void
the_same_text_many_times_is_quick_and_right(void **state)
{
    enum { ROWS = 20000 };
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 0; i < ROWS; i++)
        buf_printf(&text, "{\"text\":\"the same text\",\"label\":\"l%d\"}\n", i / 2);
    struct dataset *d = data_file_read_text(scratch, "a.jsonl", buf_string(&text));
    bool *leaves = arena_array(scratch->arena, ROWS, sizeof *leaves);
    struct dedupe_counts counts;
    struct err err;
    assert_int_equal(dedupe_rows(d, DEDUPE_NEAR, leaves, &counts, &err), 0);
    assert_int_equal(counts.exact, ROWS / 2);
    assert_int_equal(counts.conflicts, ROWS / 2 - 1);
    dataset_free(d);
    buf_fini(&text);
}

static void
names_of_the_choices_are_known(void **state)
{
    (void)state;
    enum dedupe found = DEDUPE_OFF;
    for (int i = DEDUPE_OFF; i <= DEDUPE_NEAR; i++) {
        assert_true(dedupe_find(dedupe_name((enum dedupe)i), &found));
        assert_int_equal(found, i);
    }
    assert_false(dedupe_find("all", &found));
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(blanks_are_one_and_case_counts),     CASE(other_labels_are_kept_and_told),
        CASE(lists_are_sets_and_pairs_are_pairs), CASE(near_is_four_fifths_of_the_shingles),
        CASE(rows_are_taken_out_in_place),        CASE(the_same_text_many_times_is_quick_and_right),
        CASE(names_of_the_choices_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
