/* Two models on the same rows: which test each task has, and what counts as right. */
#include "core/eval/evaluation.h"

#include "core/base/buf.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 6 };

struct fixture {
    struct scratch scratch;
    struct dataset *dataset;
    struct targets targets;
};

static int
open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    *state = f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    dataset_free(f->dataset);
    targets_fini(&f->targets);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

static void
read_rows(struct fixture *f)
{
    struct err err;
    struct buf lines = {0};
    for (size_t row = 0; row < ROWS; row++)
        buf_append_string(&lines, "{\"text\":\"some words\",\"label\":\"a\"}\n");
    const char *path = scratch_write_text(&f->scratch, "rows.jsonl", buf_string(&lines));
    buf_fini(&lines);
    assert_int_equal(dataset_read(path, "rows.jsonl", NULL, &f->dataset, &err), 0);
}

static json_t *
document_of(const struct fixture *f, struct evaluation_outputs *outputs)
{
    static const char *const labels[] = {"a", "b"};
    struct err err;
    const struct evaluation_subject subject = {
        .outputs = outputs, .labels = labels, .rows = {f->dataset, NULL}};
    json_t *document = evaluation_document(&subject, &err);
    if (document == NULL)
        fail_msg("%s", err.message);
    return document;
}

static void
comparison_counts_who_was_right_alone(void **state)
{
    struct fixture *f = *state;
    const float zero[] = {1, 0}, one[] = {0, 1};
    struct err err;
    struct evaluation_outputs first, second;
    for (size_t row = 0; row < ROWS; row++)
        assert_int_equal(targets_add(&f->targets, &(struct target){.label = 0}, &err), 0);
    assert_int_equal(evaluation_outputs_init(&first, &f->targets, 2, &err), 0);
    assert_int_equal(evaluation_outputs_init(&second, &f->targets, 2, &err), 0);
    for (size_t row = 0; row < ROWS; row++) {
        evaluation_outputs_take(&first, row, zero);
        evaluation_outputs_take(&second, row, row < 5 ? one : zero);
    }
    json_t *comparison = evaluation_compare(&first, &second, &err);
    assert_int_equal(json_integer_value(json_object_get(comparison, "only_this_right")), 5);
    assert_int_equal(json_integer_value(json_object_get(comparison, "only_other_right")), 0);
    double p = json_number_value(json_object_get(comparison, "p_value"));
    assert_true(fabs(p - 0.0625) < 1e-9); /* 2 / 2^5 */
    json_decref(comparison);
    evaluation_outputs_fini(&first);
    evaluation_outputs_fini(&second);
}

/* Six rows of a task, from a token of each (two of the last) or numbers; the first model is right
 * in rows 0..3, the second in rows 4 and 5. The targets are gone when the two are compared, as they
 * are in the daemon. */
static json_t *
compare_of(struct fixture *f, enum task task)
{
    static const uint32_t ids[] = {1, 1};
    static const float value[] = {3};
    struct err err;
    struct evaluation_outputs outputs[2];
    bool words = task == TASK_TOKEN_CLASSIFICATION;
    size_t width = task == TASK_REGRESSION ? 1 : 2;
    read_rows(f);
    f->targets = (struct targets){.task = task, .width = task == TASK_REGRESSION ? 1 : 0};
    for (size_t row = 0; row < ROWS; row++) {
        const struct target target = {
            .ids = ids, .count = words && row == 5 ? 2 : 1, .values = value};
        assert_int_equal(targets_add(&f->targets, &target, &err), 0);
    }
    for (size_t m = 0; m < 2; m++) {
        assert_int_equal(evaluation_outputs_init(&outputs[m], &f->targets, width, &err), 0);
        for (size_t i = 0; i < outputs[m].rows; i++) {
            bool right = i == 6 || (m == 0) == (i < 4); /* 6: the second word of the last row */
            float off = right ? 0.25f * (float)(i + 1) : 4;
            const float classes[] = {right ? -2 : 2, right ? 2 : -2}, number[] = {3 + off};
            evaluation_outputs_take(&outputs[m], i, width == 1 ? number : classes);
        }
        json_decref(document_of(f, &outputs[m]));
    }
    targets_fini(&f->targets);
    f->targets = (struct targets){0};
    json_t *comparison = evaluation_compare(&outputs[0], &outputs[1], &err);
    assert_non_null(comparison);
    evaluation_outputs_fini(&outputs[0]);
    evaluation_outputs_fini(&outputs[1]);
    return comparison;
}

static void
assert_text_at(const json_t *object, const char *name, const char *wanted)
{
    assert_string_equal(json_string_value(json_object_get(object, name)), wanted);
}

/* The last sentence has a word that both have right: it is right as a whole for the second alone.
 */
static void
rows_of_labels_and_sentences_are_compared_whole(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum task task;
        const char *unit;
    } cases[] = {{TASK_MULTI_LABEL, "rows"}, {TASK_TOKEN_CLASSIFICATION, "sentences"}};
    for (size_t i = 0; i < 2; i++) {
        json_t *comparison = compare_of(f, cases[i].task);
        assert_int_equal(json_integer_value(json_object_get(comparison, "only_this_right")), 4);
        assert_int_equal(json_integer_value(json_object_get(comparison, "only_other_right")), 2);
        assert_text_at(comparison, "test", "mcnemar");
        assert_text_at(comparison, "unit", cases[i].unit);
        double p = json_number_value(json_object_get(comparison, "p_value"));
        assert_true(fabs(p - 44.0 / 64) < 1e-9); /* 2 (1 + 6 + 15) / 2^6 */
        json_decref(comparison);
        dataset_free(f->dataset);
        f->dataset = NULL;
    }
}

static void
numbers_are_compared_by_their_distances(void **state)
{
    json_t *comparison = compare_of(*state, TASK_REGRESSION);
    assert_int_equal(json_integer_value(json_object_get(comparison, "this_nearer")), 4);
    assert_int_equal(json_integer_value(json_object_get(comparison, "other_nearer")), 2);
    assert_text_at(comparison, "test", "wilcoxon_signed_rank");
    /* Differences 3.75, 3.5, 3.25, 3 against 2.75, 2.5: ranks 1 and 2 against 3 to 6. Sums of so
     * little or less: {}, {1}, {2}, {1, 2}, {3}: 5 of 64. */
    double p = json_number_value(json_object_get(comparison, "p_value"));
    assert_true(fabs(p - 2 * 5.0 / 64) < 1e-9);
    json_decref(comparison);
}

static void
models_of_different_tasks_have_no_test(void **state)
{
    struct err err;
    (void)state;
    const struct evaluation_outputs one = {.task = TASK_CLASSIFICATION};
    const struct evaluation_outputs other = {.task = TASK_REGRESSION};
    json_t *comparison = evaluation_compare(&one, &other, &err);
    assert_true(json_is_null(json_object_get(comparison, "test")));
    assert_null(json_object_get(comparison, "p_value"));
    json_decref(comparison);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(comparison_counts_who_was_right_alone),
        CASE(rows_of_labels_and_sentences_are_compared_whole),
        CASE(numbers_are_compared_by_their_distances),
        CASE(models_of_different_tasks_have_no_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
