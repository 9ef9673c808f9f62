/* Rows with lists: several labels, several numbers, words with a tag each. */
#include "core/data/row_lists.h"

#include "core/base/buf.h"
#include "core/data/dataset.h"
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

/* The row's labels, joined by "|". */
static void
expect_labels(const struct dataset *d, size_t index, const char *expected)
{
    struct buf joined = {0};
    assert_true(index < d->count);
    const struct data_row *row = &d->rows[index];
    assert_non_null(row->labels);
    assert_null(row->label);
    for (size_t i = 0; i < row->label_count; i++)
        buf_printf(&joined, "%s%s", i > 0 ? "|" : "", row->labels[i]);
    assert_string_equal(buf_string(&joined), expected);
    buf_fini(&joined);
}

static struct dataset *
read_for(struct scratch *scratch, const char *text, enum task task)
{
    struct dataset *dataset = NULL;
    struct err err;
    const struct data_source source = {
        .path = scratch_write_text(scratch, "data", text),
        .name = "a.jsonl",
        .task = task,
    };
    if (dataset_read_source(&source, &dataset, &err) != 0)
        fail_msg("%s", err.message);
    return dataset;
}

static void
lists_of_names_are_several_labels(void **state)
{
    struct dataset *d =
        data_file_read_text(*state, "a.jsonl",
                            "{\"text\":\"a\",\"labels\":[\"x\",\"y\",\"x\",3,true]}\n"
                            "{\"text\":\"b\",\"labels\":[]}\n"
                            "{\"text\":\"c\",\"text_pair\":null,\"label\":[\"x\"]}\n"
                            "{\"text\":\"d\",\"labels\":{\"topic\":[\"y\"]}}\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->label_form, LABELS_LISTS);
    assert_int_equal(dataset_task(d), TASK_MULTI_LABEL);
    expect_labels(d, 0, "x|y|3|true");
    expect_labels(d, 1, "");
    expect_labels(d, 2, "x");
    expect_labels(d, 3, "y");
    assert_ptr_equal(d->rows[0].labels[0], d->rows[2].labels[0]);
    assert_string_equal(d->target, "topic");
    assert_null(d->rows[0].words);
    dataset_free(d);
}

static void
empty_lists_alone_are_several_labels(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.jsonl", "{\"text\":\"a\",\"labels\":[]}\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->label_form, LABELS_LISTS);
    expect_labels(d, 0, "");
    dataset_free(d);
}

static void
pairs_may_have_lists(void **state)
{
    struct dataset *d =
        data_file_read_text(*state, "a.json",
                            "[{\"text_a\":\"a\",\"text_b\":\"b\",\"labels\":[\"x\"]},\n"
                            "{\"text_a\":\"c\",\"text_b\":\"d\",\"labels\":[\"y\",\"x\"]}]");
    assert_int_equal(d->fault_count, 0);
    assert_true(d->has_pairs);
    expect_labels(d, 1, "y|x");
    dataset_free(d);
}

static void
repeats_of_many_labels_are_removed_in_order(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    struct buf expected = {0};
    buf_append_string(&text, "{\"text\":\"a\",\"labels\":[");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&text, "%s\"l%d\"", i > 0 ? "," : "", i * 7 % 300);
        if (i < 300)
            buf_printf(&expected, "%sl%d", i > 0 ? "|" : "", i * 7 % 300);
    }
    buf_append_string(&text, "]}\n");
    struct dataset *d = data_file_read_text(scratch, "a.jsonl", buf_string(&text));
    expect_labels(d, 0, buf_string(&expected));
    dataset_free(d);
    buf_fini(&text);
    buf_fini(&expected);
}

static void
lists_of_numbers_are_several_targets(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.jsonl",
                                            "{\"text\":\"a\",\"labels\":[1,1]}\n"
                                            "{\"text\":\"b\",\"labels\":[0.5,-2]}\n"
                                            "{\"text\":\"c\",\"labels\":[1e3,7]}\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->label_form, LABELS_NUMBER_LISTS);
    assert_int_equal(dataset_task(d), TASK_REGRESSION);
    expect_labels(d, 0, "1|1");
    expect_labels(d, 1, "0.5|-2");
    expect_labels(d, 2, "1000.0|7");
    dataset_free(d);
}

static void
the_task_decides_what_numbers_are(void **state)
{
    static const char integers[] = "{\"text\":\"a\",\"labels\":[1,1]}\n";
    static const char fractions[] = "{\"text\":\"a\",\"labels\":[1.5,1.5]}\n"
                                    "{\"text\":\"b\",\"labels\":[]}\n";
    struct dataset *d = read_for(*state, integers, TASK_AUTO);
    assert_int_equal(d->label_form, LABELS_LISTS);
    expect_labels(d, 0, "1");
    dataset_free(d);
    d = read_for(*state, integers, TASK_REGRESSION);
    assert_int_equal(d->label_form, LABELS_NUMBER_LISTS);
    expect_labels(d, 0, "1|1");
    dataset_free(d);
    d = read_for(*state, fractions, TASK_MULTI_LABEL);
    assert_int_equal(d->label_form, LABELS_LISTS);
    assert_int_equal(d->fault_count, 0);
    expect_labels(d, 0, "1.5");
    dataset_free(d);
}

static void
expect_words(const struct data_row *row, const char *text, const size_t *starts, size_t count)
{
    assert_string_equal(row->text, text);
    assert_int_equal(row->text_length, strlen(text));
    assert_int_equal(row->word_count, count);
    for (size_t i = 0; i < count; i++) {
        size_t end = i + 1 < count ? starts[i + 1] - 1 : strlen(text);
        assert_int_equal(row->words[i].start, starts[i]);
        assert_int_equal(row->words[i].length, end - starts[i]);
    }
}

static void
tokens_have_one_label_each(void **state)
{
    static const size_t starts[] = {0, 3, 12};
    struct dataset *d =
        data_file_read_text(*state, "a.jsonl",
                            "{\"tokens\":[\"EU\",\"r\xc3\xa9jects\",\"\\u00e4 b\"],\"labels\":"
                            "[\"B-ORG\",\"O\",\"B-ORG\"]}\n"
                            "{\"tokens\":[\"a\"],\"labels\":[7],\"text\":\"other\"}\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->label_form, LABELS_TOKENS);
    assert_int_equal(dataset_task(d), TASK_TOKEN_CLASSIFICATION);
    expect_words(&d->rows[0], "EU r\xc3\xa9jects \xc3\xa4 b", starts, 3);
    expect_labels(d, 0, "B-ORG|O|B-ORG");
    expect_labels(d, 1, "7");
    assert_string_equal(d->rows[1].text, "a");
    assert_string_equal(d->found.text, "tokens");
    assert_string_equal(d->found.label, "labels");
    dataset_free(d);
}

static void
tokens_without_labels_are_rows(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.jsonl", "{\"tokens\":[\"a\",\"b\"]}\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->label_form, LABELS_NONE);
    assert_int_equal(dataset_task(d), TASK_AUTO);
    assert_int_equal(d->rows[0].word_count, 2);
    assert_null(d->rows[0].labels);
    dataset_free(d);
}

static void
columns_name_words_and_tags_too(void **state)
{
    const struct data_columns columns = {.text = "words", .label = "ner"};
    static const char text[] = "{\"words\":[\"a\"],\"ner\":[\"O\"],\"labels\":[\"x\",\"y\"]}\n";
    struct dataset *d = data_file_read(*state, "a.jsonl", text, strlen(text), &columns);
    assert_int_equal(d->fault_count, 0);
    expect_labels(d, 0, "O");
    dataset_free(d);
    static const char lists[] = "{\"words\":\"a b\",\"ner\":[\"x\",\"y\"]}\n";
    d = data_file_read(*state, "a.jsonl", lists, strlen(lists), &columns);
    assert_int_equal(d->label_form, LABELS_LISTS);
    expect_labels(d, 0, "x|y");
    dataset_free(d);
    static const char without[] = "{\"words\":[\"a\"]}\n";
    const struct fault_case expected = {without, "missing_label", 1, "\"ner\""};
    d = data_file_read(*state, "a.jsonl", without, strlen(without), &columns);
    data_file_expect_fault(d, &expected);
    dataset_free(d);
}

#define LIST    "{\"text\":\"a\",\"labels\":[\"x\"]}\n"
#define WORDS   "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"O\",\"O\"]}\n"
#define NUMBERS "{\"text\":\"a\",\"labels\":[0.5,1]}\n"

static void
every_fault_of_a_list_has_its_line(void **state)
{
    static const struct fault_case cases[] = {
        {LIST "{\"text\":\"b\",\"label\":\"x\"}", "mixed_labels", 2, "line 1 has a list"},
        {LIST "{\"text\":\"b\"}\n" LIST, "missing_label", 2, "\"labels\""},
        {LIST "{\"text\":\"b\",\"labels\":[null]}", "invalid_label", 2,
         "label 1 of the list is null"},
        {LIST "{\"text\":\"b\",\"labels\":[\"x\",[]]}", "invalid_label", 2, "label 2"},
        {LIST "{\"text\":\"b\",\"labels\":[\"\"]}", "invalid_label", 2, "empty"},
        {LIST "{\"text\":\"b\",\"labels\":[\"x\\u0000\"]}", "invalid_label", 2, "U+0000"},
        {LIST "{\"text\":\"b\",\"labels\":\"x\"}", "invalid_label", 2, "a string"},
        {LIST WORDS, "mixed_labels", 2, "has tokens"},
        {NUMBERS "{\"text\":\"b\",\"labels\":[1]}", "invalid_label", 2, "1 numbers, line 1 has 2"},
        {NUMBERS "{\"text\":\"b\",\"labels\":[]}", "invalid_label", 2, "0 numbers"},
        {WORDS "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"O\"]}", "invalid_label", 2,
         "2 tokens but 1 labels"},
        {WORDS "{\"tokens\":[\"a\"],\"labels\":[\"O\",\"O\"],\"text\":\"a\"}", "invalid_label", 2,
         "1 tokens but 2 labels"},
        {WORDS "{\"tokens\":[\"a\",\"\"],\"labels\":[\"O\",\"O\"]}", "invalid_tokens", 2,
         "token 2 is empty"},
        {WORDS "{\"tokens\":[\"a\",5],\"labels\":[\"O\",\"O\"]}", "invalid_tokens", 2, "a number"},
        {WORDS "{\"tokens\":[],\"labels\":[]}", "invalid_tokens", 2, "empty list"},
        {WORDS "{\"tokens\":\"a b\",\"labels\":[\"O\",\"O\"]}", "invalid_tokens", 2, "a string"},
        {WORDS "{\"tokens\":[\"a\"],\"label\":\"O\"}", "invalid_label", 2, "\"label\" is a string"},
        {WORDS "{\"tokens\":[\"a\"],\"labels\":[-100]}", "invalid_label", 2, "label 1"},
        {WORDS "{\"tokens\":[\"a\"],\"labels\":[0.5]}", "invalid_label", 2, "no tag"},
        {WORDS "{\"tokens\":[\"a\"],\"labels\":[\"\"]}", "invalid_label", 2, "empty"},
        {WORDS "{\"tokens\":[\"a\"]}", "missing_label", 2, "\"labels\""},
        {WORDS LIST, "mixed_labels", 2, "line 1 has tokens"},
    };
    data_file_expect_faults(*state, "a.jsonl", cases, sizeof cases / sizeof cases[0]);
}

static void
numbers_beyond_computing_are_faults(void **state)
{
    static const struct fault_case tables[] = {
        {"text,label\na,1.5\nb,1e999\n", "invalid_label", 3, "1e999"},
    };
    data_file_expect_faults(*state, "a.csv", tables, 1);
}

static void
labels_of_a_list_have_the_limit_of_others(void **state)
{
    struct scratch *scratch = *state;
    char *label = arena_alloc(scratch->arena, DATA_MAX_LABEL_BYTES + 2);
    memset(label, 'x', DATA_MAX_LABEL_BYTES + 1);
    const char *text =
        arena_printf(scratch->arena, LIST "{\"text\":\"b\",\"labels\":[\"y\",\"%s\"]}", label);
    const struct fault_case expected = {text, "label_too_long", 2, "513"};
    data_file_expect_faults(scratch, "a.jsonl", &expected, 1);
}

static void
many_different_labels_are_kept(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "{\"text\":\"a\",\"labels\":[\"l%d\",\"l%d\"]}\n", i, i / 2);
    struct dataset *d = data_file_read_text(scratch, "a.jsonl", buf_string(&text));
    assert_int_equal(d->count, 5000);
    for (size_t i = 0; i < d->count; i++)
        expect_labels(d, i, i == 0 ? "l0" : arena_printf(scratch->arena, "l%zu|l%zu", i, i / 2));
    assert_ptr_equal(d->rows[3].labels[1], d->rows[1].labels[0]);
    dataset_free(d);
    buf_fini(&text);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(lists_of_names_are_several_labels),
        CASE(empty_lists_alone_are_several_labels),
        CASE(pairs_may_have_lists),
        CASE(repeats_of_many_labels_are_removed_in_order),
        CASE(lists_of_numbers_are_several_targets),
        CASE(the_task_decides_what_numbers_are),
        CASE(tokens_have_one_label_each),
        CASE(tokens_without_labels_are_rows),
        CASE(columns_name_words_and_tags_too),
        CASE(every_fault_of_a_list_has_its_line),
        CASE(numbers_beyond_computing_are_faults),
        CASE(labels_of_a_list_have_the_limit_of_others),
        CASE(many_different_labels_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
