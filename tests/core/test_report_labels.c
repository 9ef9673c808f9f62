/* Reports of several labels, of numbers and of tags: what is counted, and what is told. */
#include "core/data/report.h"

#include "core/base/buf.h"
#include "tests/support/scratch.h"

#include <math.h>
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

static struct data_report
make(struct scratch *scratch, const char *name, const char *text)
{
    struct data_report report;
    struct err err;
    const struct report_request request = {
        .path = scratch_write_text(scratch, "data", text),
        .name = name,
    };
    if (data_report_make(&request, scratch->arena, &report, &err) != 0)
        fail_msg("%s", err.message);
    return report;
}

static void
expect_warning(const struct data_report *report, const char *code, const char *words)
{
    for (size_t i = 0; i < report->warning_count; i++)
        if (strcmp(report->warnings[i].code, code) == 0) {
            if (words == NULL || strstr(report->warnings[i].message, words) == NULL)
                fail_msg("%s: %s", code, report->warnings[i].message);
            return;
        }
    if (words != NULL)
        fail_msg("no warning %s", code);
}

static void
expect_label(const struct data_report *report, size_t index, const char *name, size_t count)
{
    assert_true(index < report->labels_listed);
    assert_string_equal(report->labels[index].name, name);
    assert_int_equal(report->labels[index].count, count);
}

static void
several_labels_are_counted_by_rows(void **state)
{
    struct data_report r = make(*state, "a.jsonl",
                                "{\"text\":\"a\",\"labels\":[\"x\",\"y\"]}\n"
                                "{\"text\":\"b\",\"labels\":[]}\n"
                                "{\"text\":\"c\",\"labels\":[]}\n"
                                "{\"text\":\"a\",\"labels\":[\"y\",\"x\"]}\n"
                                "{\"text\":\"a\",\"labels\":[\"y\"]}\n"
                                "{\"text\":\"d\",\"labels\":[]}\n"
                                "{\"text\":\"e\",\"labels\":[]}\n"
                                "{\"text\":\"f\",\"labels\":[\"z\"]}\n"
                                "{\"text\":\"g\",\"labels\":[]}\n");
    assert_int_equal(r.task, TASK_MULTI_LABEL);
    assert_int_equal(r.label_count, 3);
    expect_label(&r, 0, "x", 2);
    expect_label(&r, 1, "y", 3);
    expect_label(&r, 2, "z", 1);
    assert_int_equal(r.unlabelled, 5);
    assert_int_equal(r.duplicates, 2);
    assert_int_equal(r.conflicting_duplicates, 1); /* the order of a list says nothing */
    expect_warning(&r, "rare_labels", "1 label has one row only (\"z\")");
    expect_warning(&r, "unlabelled_rows", "5 rows (55.6 %)");
    expect_warning(&r, "multi_hot", NULL);
    expect_warning(&r, "few_rows", NULL);
}

static void
columns_of_zero_and_one_are_told(void **state)
{
    struct data_report r = make(*state, "a.jsonl",
                                "{\"text\":\"a\",\"labels\":[0,1,0]}\n"
                                "{\"text\":\"b\",\"labels\":[1,1,0]}\n");
    assert_int_equal(r.task, TASK_MULTI_LABEL);
    expect_warning(&r, "multi_hot", "all 2 rows");
    r = make(*state, "a.jsonl",
             "{\"text\":\"a\",\"labels\":[0.0,1.0]}\n{\"text\":\"b\",\"labels\":[1.0,1.0]}\n");
    assert_int_equal(r.task, TASK_REGRESSION);
    expect_warning(&r, "multi_hot", "all 2 rows");
    r = make(*state, "a.jsonl",
             "{\"text\":\"a\",\"labels\":[0.0,1.0]}\n{\"text\":\"b\",\"labels\":[1.0,1.5]}\n");
    expect_warning(&r, "multi_hot", NULL);
    r = make(*state, "a.jsonl",
             "{\"text\":\"a\",\"labels\":[true,false]}\n{\"text\":\"b\",\"labels\":[true,true]}\n");
    expect_warning(&r, "multi_hot", "all 2 rows");
}

static void
numbers_are_summed_up_by_target(void **state)
{
    struct data_report r = make(*state, "a.csv", "text,label\na,1\nb,2.5\nb,2.50\nc,-3\n");
    assert_int_equal(r.task, TASK_REGRESSION);
    assert_int_equal(r.label_count, 0);
    assert_int_equal(r.number_count, 1);
    assert_true(r.numbers[0].min == -3 && r.numbers[0].max == 2.5);
    assert_true(fabs(r.numbers[0].mean - 0.75) < 1e-15);
    assert_true(fabs(r.numbers[0].deviation - sqrt(5.0625)) < 1e-15);
    assert_int_equal(r.duplicates, 1);
    assert_int_equal(r.conflicting_duplicates, 0); /* spelling says nothing */
    r = make(*state, "a.jsonl",
             "{\"text\":\"a\",\"labels\":[0.5,7]}\n{\"text\":\"b\",\"labels\":[1.5,7]}\n");
    assert_int_equal(r.number_count, 2);
    expect_warning(&r, "constant_target",
                   "1 of 2 targets have the same number in all 2 rows "
                   "(target 2: 7)");
    r = make(*state, "a.csv", "text,label\na,2.5\nb,2.5\n");
    expect_warning(&r, "constant_target", "All 2 rows have the same number, 2.5,");
}

static void
classes_that_are_written_as_amounts_are_told(void **state)
{
    struct data_report r = make(*state, "a.csv", "text,label\na,1.0\nb,0.0\nc,1.0\n");
    assert_int_equal(r.task, TASK_REGRESSION);
    expect_warning(&r, "whole_numbers", "whole numbers from 0 to 1");
    r = make(*state, "a.csv", "text,label\na,1.0\nb,0.5\n");
    expect_warning(&r, "whole_numbers", NULL);
    r = make(*state, "a.csv", "text,label\na,1000.0\nb,3.0\n");
    expect_warning(&r, "whole_numbers", NULL);
    r = make(*state, "a.csv", "text,label\na,1\nb,0\n");
    expect_warning(&r, "whole_numbers", NULL);
    struct err err;
    const struct report_request request = {
        .path = scratch_write_text(*state, "data", "text,label\na,1.0\nb,0.0\n"),
        .name = "a.csv",
        .task = TASK_REGRESSION,
    };
    assert_int_equal(data_report_make(&request, ((struct scratch *)*state)->arena, &r, &err), 0);
    expect_warning(&r, "whole_numbers", NULL);
}

static void
labels_that_hardly_repeat_are_told(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 0; i < 60; i++)
        buf_printf(&text, "{\"text\":\"%d\",\"label\":%d}\n", i, i % 31);
    struct data_report r = make(scratch, "a.jsonl", buf_string(&text));
    expect_warning(&r, "distinct_labels", "60 rows have 31 different labels");
    buf_fini(&text);
}

static void
tags_and_entities_are_counted(void **state)
{
    struct data_report r = make(*state, "a.conll",
                                "EU B-ORG\nsays O\n\n"
                                "Peter B-PER\nBlack I-PER\nin O\nEU I-ORG\n\n"
                                "no O\nway I-PER\nI-X I-ORG\n");
    assert_int_equal(r.task, TASK_TOKEN_CLASSIFICATION);
    assert_int_equal(r.rows, 3);
    assert_int_equal(r.label_count, 5);
    expect_label(&r, 0, "B-ORG", 1);
    expect_label(&r, 2, "I-ORG", 2);
    expect_label(&r, 4, "O", 3);
    assert_int_equal(r.tags.scheme, TAGS_BIO);
    assert_int_equal(r.tags.words, 9);
    assert_int_equal(r.tags.entities, 5);
    assert_int_equal(r.tags.type_count, 2);
    assert_string_equal(r.tags.types[0].name, "ORG");
    assert_int_equal(r.tags.types[0].count, 3);
    assert_int_equal(r.tags.types[1].count, 2);
    assert_int_equal(r.tags.misplaced, 3);
    assert_int_equal(r.tags.broken_rows, 2);
    assert_int_equal(r.tags.first_broken_line, 4);
    expect_warning(&r, "misplaced_tags", "3 tags in 2 rows");
    expect_warning(&r, "misplaced_tags", "line 4");
    expect_warning(&r, "odd_tags", NULL);
}

static void
schemes_and_odd_tags_are_told(void **state)
{
    struct data_report r =
        make(*state, "a.conll", "a B-x\nb E-x\nc S-x\nd per\n\na B-x\n\na B-x\nb I-x\nc E-x\n");
    assert_int_equal(r.tags.scheme, TAGS_IOBES);
    assert_int_equal(r.tags.misplaced, 1); /* a B at the end */
    assert_int_equal(r.tags.first_broken_line, 6);
    expect_warning(&r, "odd_tags", "1 tag is neither O nor a prefix with a type, as in \"per\"");
    expect_warning(&r, "misplaced_tags", "1 tags in 1 rows cannot stand where they do in IOBES");
    r = make(*state, "a.conll", "a DET\nb NOUN\n");
    assert_int_equal(r.tags.scheme, TAGS_PLAIN);
    assert_int_equal(r.tags.entities, 0);
    assert_int_equal(r.tags.type_count, 0);
    r = make(*state, "a.conll", "a O\nb O\n");
    expect_warning(&r, "one_tag", "All 2 words have the one tag \"O\"");
}

static void
tags_that_are_not_read_are_told(void **state)
{
    struct data_report r = make(*state, "a.conll", "a b-per\nb i-per\nc o\n");
    assert_int_equal(r.tags.scheme, TAGS_PLAIN);
    expect_warning(&r, "unread_tags", "Tags such as \"b-per\" are not read as those of entities");
    r = make(*state, "a.conll", "a O\nb B_x\n");
    expect_warning(&r, "unread_tags", "\"B_x\"");
    r = make(*state, "a.jsonl", "{\"tokens\":[\"a\",\"b\"],\"labels\":[0,3]}\n");
    expect_warning(&r, "unread_tags", "The tags are numbers");
    r = make(*state, "a.conll", "a DET\nb NOUN\n");
    expect_warning(&r, "unread_tags", NULL);
    r = make(*state, "a.conll", "a B-x\nb i-x\n"); /* an odd one among others */
    expect_warning(&r, "unread_tags", NULL);
    r = make(*state, "a.jsonl", "{\"text\":\"a\",\"label\":\"b-x\"}\n");
    expect_warning(&r, "unread_tags", NULL);
}

static void
tags_beside_a_text_are_told(void **state)
{
    struct data_report r =
        make(*state, "a.jsonl", "{\"text\":\"a b\",\"labels\":[\"O\",\"B-PER\"]}\n");
    assert_int_equal(r.task, TASK_MULTI_LABEL);
    expect_warning(&r, "tags_of_text", "\"B-PER\" look like tags of words");
    r = make(*state, "a.jsonl", "{\"text\":\"a b\",\"labels\":[\"O\",\"AB\"]}\n");
    expect_warning(&r, "tags_of_text", NULL);
    r = make(*state, "a.jsonl", "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"O\",\"B-PER\"]}\n");
    expect_warning(&r, "tags_of_text", NULL);
}

static void
names_that_are_numbers_stand_by_value(void **state)
{
    struct data_report r = make(*state, "a.jsonl",
                                "{\"text\":\"a\",\"labels\":[10,9]}\n"
                                "{\"text\":\"b\",\"labels\":[2,10]}\n");
    expect_label(&r, 0, "2", 1);
    expect_label(&r, 1, "9", 1);
    expect_label(&r, 2, "10", 2);
    r = make(*state, "a.jsonl", "{\"tokens\":[\"a\",\"b\",\"c\"],\"labels\":[10,9,9]}\n");
    expect_label(&r, 0, "9", 2);
    r = make(*state, "a.jsonl", "{\"text\":\"a\",\"labels\":[10,\"9\",\"x\"]}\n");
    expect_label(&r, 0, "10", 1);
    expect_label(&r, 1, "9", 1);
}

/* A job's task decides what is odd about a file, not what its labels look like. */
static void
a_task_that_is_given_decides_what_is_told(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    struct data_report r;
    struct err err;
    for (int i = 0; i < 60; i++)
        buf_printf(&text, "{\"text\":\"%d\",\"label\":%d}\n", i, i < 40 ? 7 : i);
    struct report_request request = {.path = scratch_write_text(scratch, "data", buf_string(&text)),
                                     .name = "a.jsonl"};
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_int_equal(r.task, TASK_CLASSIFICATION);
    expect_warning(&r, "rare_labels", "20 labels have one row only");
    expect_warning(&r, "imbalance", "or let them count more with oversample or class_weights");
    request.task = TASK_REGRESSION;
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_int_equal(r.task, TASK_REGRESSION);
    assert_int_equal(r.warning_count, 0);
    assert_int_equal(r.label_count, 0);
    assert_int_equal(r.number_count, 1);
    assert_true(r.numbers[0].min == 7 && r.numbers[0].max == 59);
    request.path = scratch_write_text(scratch, "data", "text,label\na,1.0\nb,2.0\nc,2.0\n");
    request.name = "a.csv";
    request.task = TASK_CLASSIFICATION;
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_int_equal(r.label_count, 2);
    expect_warning(&r, "rare_labels", "1 label has one row only (\"1.0\")");
    request.path = scratch_write_text(scratch, "data", "text,label\na,0\nb,1\n");
    request.task = TASK_MULTI_LABEL;
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    expect_warning(&r, "multi_hot", NULL);
    request.path = scratch_write_text(scratch, "data", "text\na\n");
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_int_equal(r.task, TASK_AUTO);
    buf_fini(&text);
}

static void
rare_and_frequent_entities_are_told(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 0; i < 15; i++)
        buf_append_string(&text, "Peter B-PER\nBlack I-PER\n\n");
    buf_append_string(&text, "EU B-ORG\n");
    struct data_report r = make(scratch, "a.conll", buf_string(&text));
    expect_warning(&r, "rare_labels", "1 entity type has one entity only (\"ORG\")");
    expect_warning(&r, "imbalance", "15 entities of the type \"PER\", 1 of \"ORG\"");
    buf_fini(&text);
}

static void
words_cut_off_and_lost_are_counted(void **state)
{
    struct scratch *scratch = *state;
    struct tokenizer *tokenizer = NULL;
    struct data_report r;
    struct err err;
    const char *folder = scratch_folder(scratch, "model");
    scratch_write_text(scratch, "model/vocab.txt",
                       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\ntwo\nthree\n##one\n");
    if (tokenizer_open(folder, 9, &tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    const struct report_request request = {
        .path = scratch_write_text(
            scratch, "data",
            "{\"tokens\":[\"one\",\"twoone\",\"three\",\"one\"],\"labels\":[\"O\",\"O\",\"B-x\","
            "\"O\"]}\n"
            "{\"tokens\":[\"one\",\" \",\"two\"],\"labels\":[\"O\",\"O\",\"B-x\"]}\n"
            "{\"tokens\":[\"one\",\"two\",\"oneone\"],\"labels\":[\"O\",\"O\",\"B-x\"]}\n"),
        .name = "a.jsonl",
        .tokenizer = tokenizer,
        .max_length = 5,
    };
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_int_equal(r.over_length, 2);
    /* of "one two ##one | three one" two words, of "one two one | ##one" none: its first is left */
    assert_int_equal(r.words_cut, 2);
    assert_int_equal(r.tags_cut, 1);
    assert_int_equal(r.words_without_tokens, 1);
    assert_int_equal(r.tokens, 11);
    assert_int_equal(r.tokenized, 3);
    expect_warning(&r, "words_cut", "2 words stand behind the limit of 5 tokens, 1 of them");
    expect_warning(&r, "words_without_tokens", "1 words");
    tokenizer_free(tokenizer);
}

static void
samples_are_spread_and_told(void **state)
{
    struct scratch *scratch = *state;
    struct tokenizer *tokenizer = NULL;
    struct buf text = {0};
    struct data_report r;
    struct err err;
    const char *folder = scratch_folder(scratch, "model");
    scratch_write_text(scratch, "model/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\n");
    assert_int_equal(tokenizer_open(folder, 6, &tokenizer, &err), 0);
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "{\"text\":\"one%s\",\"label\":\"x\"}\n", i % 2 == 0 ? " one one" : "");
    const struct report_request request = {
        .path = scratch_write_text(scratch, "data", buf_string(&text)),
        .name = "a.jsonl",
        .tokenizer = tokenizer,
        .max_length = 4,
        .token_rows = 25,
    };
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_int_equal(r.rows, 100);
    assert_int_equal(r.tokenized, 25);
    size_t taken = 0;
    for (size_t i = 0; i < 100; i++)
        taken += data_report_takes(i, 100, 25);
    assert_int_equal(taken, 25);
    if (r.over_length > 0)
        expect_warning(&r, "over_length", "In a sample of 25 rows, ");
    tokenizer_free(tokenizer);
    buf_fini(&text);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(several_labels_are_counted_by_rows),
        CASE(columns_of_zero_and_one_are_told),
        CASE(numbers_are_summed_up_by_target),
        CASE(labels_that_hardly_repeat_are_told),
        CASE(tags_and_entities_are_counted),
        CASE(schemes_and_odd_tags_are_told),
        CASE(classes_that_are_written_as_amounts_are_told),
        CASE(tags_that_are_not_read_are_told),
        CASE(tags_beside_a_text_are_told),
        CASE(names_that_are_numbers_stand_by_value),
        CASE(a_task_that_is_given_decides_what_is_told),
        CASE(rare_and_frequent_entities_are_told),
        CASE(words_cut_off_and_lost_are_counted),
        CASE(samples_are_spread_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
