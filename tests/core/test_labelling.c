/* From written labels to targets: every task, exact numbers, and refusals that name the line. */
#include "core/data/labelling.h"

#include "tests/support/data_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct dataset *data;
    struct label_set labels;
    struct targets targets;
    size_t line;
    struct err err;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    targets_fini(&f->targets);
    dataset_free(f->data);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

static void
read_rows(struct fixture *f, const char *text)
{
    dataset_free(f->data);
    f->data = data_file_read_text(&f->scratch, "rows.jsonl", text);
    if (f->data->fault_count > 0)
        fail_msg("%s", f->data->faults[0].message);
}

/* Label the rows with the set that they make themselves, or as so many numbers. */
static int
apply(struct fixture *f, enum task task, const float *scale, const float *shift)
{
    char one[] = "label";
    char *names[] = {one, one, one};
    const struct labelling labelling = {.task = task,
                                        .labels = &f->labels,
                                        .scale = scale,
                                        .shift = shift,
                                        .source = "train.jsonl",
                                        .remedy = "correct it"};
    const struct labelled_file file = {f->data, "rows.jsonl"};
    if (f->labels.count == 0 && task == TASK_REGRESSION)
        label_set_from_names(names, labelling_width(f->data), f->scratch.arena, &f->labels);
    else if (f->labels.count == 0)
        assert_int_equal(label_set_build(f->data, f->scratch.arena, &f->labels, &f->err), 0);
    targets_fini(&f->targets);
    return labelling_apply(&labelling, &file, &f->targets, &f->line, &f->err);
}

static void
classes_are_those_of_the_set(void **state)
{
    struct fixture *f = *state;
    read_rows(f, "{\"text\":\"t\",\"label\":\"b\"}\n{\"text\":\"u\",\"label\":\"a\"}\n");
    assert_int_equal(apply(f, TASK_CLASSIFICATION, NULL, NULL), 0);
    assert_int_equal(targets_row(&f->targets, 0).label, 1);
    assert_int_equal(targets_row(&f->targets, 1).label, 0);
}

static void
lists_of_labels_ascend_and_may_be_empty(void **state)
{
    struct fixture *f = *state;
    read_rows(f, "{\"text\":\"t\",\"labels\":[\"z\",\"a\",\"m\",\"a\"]}\n"
                 "{\"text\":\"u\",\"labels\":[]}\n{\"text\":\"v\",\"labels\":[\"m\"]}\n");
    assert_int_equal(apply(f, TASK_MULTI_LABEL, NULL, NULL), 0);
    assert_int_equal(f->labels.count, 3);
    struct target target = targets_row(&f->targets, 0);
    assert_int_equal(target.count, 3);
    assert_true(target.ids[0] == 0 && target.ids[1] == 1 && target.ids[2] == 2);
    assert_int_equal(targets_row(&f->targets, 1).count, 0);
    assert_int_equal(targets_row(&f->targets, 2).ids[0], 1);
}

static void
one_label_is_a_list_of_one_where_several_may_be(void **state)
{
    struct fixture *f = *state;
    read_rows(f, "{\"text\":\"t\",\"label\":\"b\"}\n{\"text\":\"u\",\"label\":\"a\"}\n");
    assert_int_equal(apply(f, TASK_MULTI_LABEL, NULL, NULL), 0);
    assert_int_equal(targets_row(&f->targets, 0).count, 1);
    assert_int_equal(targets_row(&f->targets, 0).ids[0], 1);
}

static void
words_have_one_class_each_in_their_order(void **state)
{
    struct fixture *f = *state;
    read_rows(f, "{\"tokens\":[\"x\",\"y\",\"z\"],\"labels\":[\"O\",\"B-a\",\"O\"]}\n");
    assert_int_equal(apply(f, TASK_TOKEN_CLASSIFICATION, NULL, NULL), 0);
    struct target target = targets_row(&f->targets, 0);
    assert_int_equal(target.count, 3);
    assert_true(target.ids[0] == 1 && target.ids[1] == 0 && target.ids[2] == 1);
}

static void
integer_labels_of_lists_and_words_stand_in_the_order_of_numbers(void **state)
{
    struct fixture *f = *state;
    read_rows(f, "{\"tokens\":[\"x\",\"y\",\"z\"],\"labels\":[10,9,2]}\n");
    assert_int_equal(apply(f, TASK_TOKEN_CLASSIFICATION, NULL, NULL), 0);
    assert_string_equal(f->labels.names[0], "2");
    assert_string_equal(f->labels.names[2], "10");
}

static void
numbers_are_standardised_by_shift_and_scale(void **state)
{
    struct fixture *f = *state;
    float scale[1], shift[1];
    read_rows(f, "{\"text\":\"t\",\"label\":1000001.5}\n{\"text\":\"u\",\"label\":1000002.5}\n"
                 "{\"text\":\"v\",\"label\":-7e2}\n");
    const struct labelled_file file = {f->data, "rows.jsonl"};
    static const bool skipped[] = {false, false, true};
    assert_int_equal(labelling_measure(&file, skipped, scale, shift, &f->line, &f->err), 0);
    assert_true(scale[0] == 0.5f && shift[0] == 1000002.0f);
    assert_int_equal(apply(f, TASK_REGRESSION, scale, shift), 0);
    assert_true(targets_row(&f->targets, 0).values[0] == -1.0f);
    assert_true(targets_row(&f->targets, 1).values[0] == 1.0f);
    assert_true(targets_row(&f->targets, 2).values[0] == (-700.0f - 1000002.0f) / 0.5f);
    assert_int_equal(apply(f, TASK_REGRESSION, NULL, NULL), 0); /* as they are */
    assert_true(targets_row(&f->targets, 2).values[0] == -700.0f);
}

static void
several_numbers_have_a_mean_and_a_deviation_each(void **state)
{
    struct fixture *f = *state;
    float scale[2], shift[2];
    read_rows(f, "{\"text\":\"t\",\"labels\":[0.5,10]}\n{\"text\":\"u\",\"labels\":[1.5,30]}\n");
    const struct labelled_file file = {f->data, "rows.jsonl"};
    assert_int_equal(labelling_width(f->data), 2);
    assert_int_equal(labelling_measure(&file, NULL, scale, shift, &f->line, &f->err), 0);
    assert_true(scale[0] == 0.5f && shift[0] == 1.0f && scale[1] == 10.0f && shift[1] == 20.0f);
    assert_int_equal(apply(f, TASK_REGRESSION, scale, shift), 0);
    assert_true(targets_row(&f->targets, 0).values[1] == -1.0f);
}

static void
refuse(struct fixture *f, enum task task, size_t line, const char *word)
{
    assert_int_equal(apply(f, task, NULL, NULL), ERR_INVALID);
    assert_int_equal(f->line, line);
    if (strstr(f->err.message, word) == NULL)
        fail_msg("'%s' does not say '%s'", f->err.message, word);
}

static void
unknown_labels_are_refused_with_their_line(void **state)
{
    struct fixture *f = *state;
    read_rows(f, "{\"text\":\"t\",\"label\":\"a\"}\n{\"text\":\"u\",\"label\":\"b\"}\n");
    assert_int_equal(apply(f, TASK_CLASSIFICATION, NULL, NULL), 0);
    read_rows(f, "{\"text\":\"t\",\"label\":\"a\"}\n\n{\"text\":\"u\",\"label\":\"c\"}\n");
    refuse(f, TASK_CLASSIFICATION, 3,
           "rows.jsonl line 3: label \"c\" does not occur in train.jsonl; correct it");
    read_rows(f, "{\"text\":\"t\",\"labels\":[\"a\",\"zz\"]}\n");
    refuse(f, TASK_MULTI_LABEL, 1, "\"zz\"");
    read_rows(f, "{\"tokens\":[\"t\",\"u\"],\"labels\":[\"a\",\"B-x\"]}\n");
    refuse(f, TASK_TOKEN_CLASSIFICATION, 1, "\"B-x\"");
}

static void
what_is_no_number_is_refused_with_its_line(void **state)
{
    struct fixture *f = *state;
    static const char *const labels[] = {"\"seven\"", "\"nan\"", "\"inf\"",     "\"0x10\"",
                                         "\" 3\"",    "\"3,5\"", "\"\\u0663\"", "\"1e999\"",
                                         "\"-2e15\"", "2e300"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        read_rows(f, arena_printf(f->scratch.arena,
                                  "{\"text\":\"t\",\"label\":1}\n{\"text\":\"u\",\"label\":%s}\n",
                                  labels[i]));
        refuse(f, TASK_REGRESSION, 2, i < 7 ? "is no number" : "beyond 1e15");
    }
}

static void
numbers_that_never_differ_are_refused(void **state)
{
    struct fixture *f = *state;
    float scale[1], shift[1];
    static const char *const rows[] = {"0.1", "3.0", "1e15", "-1e-3"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        read_rows(f, arena_printf(f->scratch.arena,
                                  "{\"text\":\"t\",\"label\":%s}\n{\"text\":\"u\",\"label\":%s}\n"
                                  "{\"text\":\"v\",\"label\":%s}\n",
                                  rows[i], rows[i], rows[i]));
        const struct labelled_file file = {f->data, "rows.jsonl"};
        assert_int_equal(labelling_measure(&file, NULL, scale, shift, &f->line, &f->err),
                         ERR_INVALID);
        assert_non_null(strstr(f->err.message, "differ"));
    }
}

/* Why the rows of this file fit no task. */
static const char *
why_unlabelled(struct fixture *f, const char *name, const char *text)
{
    const char *why = NULL;
    struct dataset *data = data_file_read_text(&f->scratch, name, text);
    const struct labelled_file file = {data, "rows"};
    assert_int_equal(data->label_form, LABELS_NONE);
    assert_false(labelling_fits(TASK_CLASSIFICATION, &file, f->scratch.arena, &why));
    dataset_free(data);
    return why;
}

static void
columns_that_are_there_are_named_where_none_has_labels(void **state)
{
    struct fixture *f = *state;
    assert_non_null(strstr(why_unlabelled(f, "a.csv", "text,score\na,1\nb,2\n"),
                           "no label column among \"text\", \"score\"; name it"));
    assert_non_null(strstr(why_unlabelled(f, "a.jsonl", "{\"text\":\"a\",\"stars\":\"5\"}\n"),
                           "no label column among \"text\", \"stars\"; name it"));
    assert_non_null(strstr(
        why_unlabelled(f, "a.jsonl", "{\"tokens\":[\"a\"],\"ner_tags\":[\"O\"],\"x\":null}\n"),
        "no label column among \"tokens\", \"ner_tags\"; name it"));
    assert_non_null(strstr(why_unlabelled(f, "a.csv", "text,label\na,\nb,\n"),
                           "no row of rows has a label in \"label\"; give"));
}

static void
forms_fit_the_tasks_that_can_learn_from_them(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {
        [LABELS_NONE] = "{\"text\":\"t\"}\n",
        [LABELS_TEXT] = "{\"text\":\"t\",\"label\":\"a\"}\n",
        [LABELS_INTEGER] = "{\"text\":\"t\",\"label\":1}\n",
        [LABELS_FRACTION] = "{\"text\":\"t\",\"label\":1.5}\n",
        [LABELS_LISTS] = "{\"text\":\"t\",\"labels\":[\"a\"]}\n",
        [LABELS_TOKENS] = "{\"tokens\":[\"t\"],\"labels\":[\"O\"]}\n",
        [LABELS_NUMBER_LISTS] = "{\"text\":\"t\",\"labels\":[0.5,1]}\n",
    };
    static const char *const fits[] = {
        /* classification, multi_label, regression, tokens */
        [LABELS_NONE] = "----",        [LABELS_TEXT] = "yyy-",  [LABELS_INTEGER] = "yyy-",
        [LABELS_FRACTION] = "yyy-",    [LABELS_LISTS] = "-y--", [LABELS_TOKENS] = "---y",
        [LABELS_NUMBER_LISTS] = "--y-"};
    for (size_t form = 0; form < sizeof rows / sizeof rows[0]; form++) {
        read_rows(f, rows[form]);
        assert_int_equal(f->data->label_form, form);
        const struct labelled_file file = {f->data, "rows.jsonl"};
        for (int task = TASK_CLASSIFICATION; task <= TASK_TOKEN_CLASSIFICATION; task++) {
            const char *why = NULL;
            bool fit = labelling_fits((enum task)task, &file, f->scratch.arena, &why);
            assert_int_equal(fit, fits[form][task - TASK_CLASSIFICATION] == 'y');
            if (!fit)
                assert_non_null(strstr(why, "rows.jsonl"));
        }
    }
}

#define LABELLING_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LABELLING_TEST(classes_are_those_of_the_set),
        LABELLING_TEST(lists_of_labels_ascend_and_may_be_empty),
        LABELLING_TEST(one_label_is_a_list_of_one_where_several_may_be),
        LABELLING_TEST(words_have_one_class_each_in_their_order),
        LABELLING_TEST(integer_labels_of_lists_and_words_stand_in_the_order_of_numbers),
        LABELLING_TEST(numbers_are_standardised_by_shift_and_scale),
        LABELLING_TEST(several_numbers_have_a_mean_and_a_deviation_each),
        LABELLING_TEST(unknown_labels_are_refused_with_their_line),
        LABELLING_TEST(what_is_no_number_is_refused_with_its_line),
        LABELLING_TEST(numbers_that_never_differ_are_refused),
        LABELLING_TEST(columns_that_are_there_are_named_where_none_has_labels),
        LABELLING_TEST(forms_fit_the_tasks_that_can_learn_from_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
