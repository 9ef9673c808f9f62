/* Lists of targets of every task: what was added is read back, however the lists grow. */
#include "core/data/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 5000 };

static void
add(struct targets *targets, const struct target *target)
{
    struct err err;
    assert_int_equal(targets_add(targets, target, &err), 0);
}

static void
all_zero_is_a_list_of_classes(void **state)
{
    (void)state;
    struct targets targets = {0};
    for (uint32_t i = 0; i < ROWS; i++)
        add(&targets, &(struct target){.label = i % 7 == 0 ? LABEL_NONE : i});
    assert_int_equal(targets.rows, ROWS);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_true(targets_row(&targets, i).label == (i % 7 == 0 ? LABEL_NONE : i));
    assert_int_equal(targets_bytes(&targets), ROWS * sizeof(uint32_t)); /* and nothing else */
    assert_null(targets.starts);
    assert_null(targets.values);
    targets_fini(&targets);
    assert_int_equal(targets.rows, 0);
}

static void
lists_of_any_length_keep_their_ids(void **state)
{
    (void)state;
    static const enum task tasks[] = {TASK_MULTI_LABEL, TASK_TOKEN_CLASSIFICATION};
    for (size_t t = 0; t < 2; t++) {
        struct targets targets = {.task = tasks[t]};
        uint32_t ids[16];
        for (uint32_t i = 0; i < ROWS; i++) {
            size_t count = i * 5 % 17 % 16;
            for (uint32_t k = 0; k < count; k++)
                ids[k] = i + k;
            add(&targets, &(struct target){.ids = ids, .count = count});
        }
        for (uint32_t i = 0; i < ROWS; i++) {
            struct target target = targets_row(&targets, i);
            assert_int_equal(target.count, i * 5 % 17 % 16);
            assert_true(target.label == LABEL_NONE);
            for (uint32_t k = 0; k < target.count; k++)
                assert_int_equal(target.ids[k], i + k);
        }
        targets_fini(&targets);
    }
}

static void
rows_without_any_label_need_no_ids(void **state)
{
    (void)state;
    struct targets targets = {.task = TASK_MULTI_LABEL};
    add(&targets, &(struct target){.count = 0});
    add(&targets, &(struct target){.count = 0});
    assert_int_equal(targets_row(&targets, 1).count, 0);
    assert_null(targets_row(&targets, 1).ids);
    assert_int_equal(targets_bytes(&targets), 3 * sizeof(size_t));
    targets_fini(&targets);
}

static void
numbers_lie_row_by_row(void **state)
{
    (void)state;
    struct targets targets = {.task = TASK_REGRESSION, .width = 3};
    for (size_t i = 0; i < ROWS; i++) {
        float values[3] = {(float)i, (float)i + 0.25f, -(float)i};
        add(&targets, &(struct target){.values = values});
    }
    for (size_t i = 0; i < ROWS; i++) {
        const float *values = targets_row(&targets, i).values;
        assert_true(values[0] == (float)i && values[1] == (float)i + 0.25f &&
                    values[2] == -(float)i);
    }
    targets_fini(&targets);
}

static void
room_is_made_once_and_not_more_than_asked_for(void **state)
{
    (void)state;
    struct err err;
    struct targets targets = {.task = TASK_CLASSIFICATION};
    assert_int_equal(targets_reserve(&targets, 10, &err), 0);
    assert_int_equal(targets.capacity, 10);
    const uint32_t *classes = targets.classes;
    for (uint32_t i = 0; i < 10; i++)
        add(&targets, &(struct target){.label = i});
    assert_ptr_equal(targets.classes, classes);
    add(&targets, &(struct target){.label = 10}); /* and it still grows */
    assert_int_equal(targets_row(&targets, 10).label, 10);
    assert_int_equal(targets_row(&targets, 9).label, 9);
    targets_fini(&targets);
}

static void
room_that_cannot_be_is_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    struct err err;
    struct targets targets = {.task = TASK_REGRESSION, .width = 1000};
    float values[1000] = {1.5f};
    add(&targets, &(struct target){.values = values});
    assert_int_equal(targets_reserve(&targets, SIZE_MAX / 1000, &err), ERR_MEMORY);
    assert_true(targets_row(&targets, 0).values[0] == 1.5f);
    targets_fini(&targets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_zero_is_a_list_of_classes),
        cmocka_unit_test(lists_of_any_length_keep_their_ids),
        cmocka_unit_test(rows_without_any_label_need_no_ids),
        cmocka_unit_test(numbers_lie_row_by_row),
        cmocka_unit_test(room_is_made_once_and_not_more_than_asked_for),
        cmocka_unit_test(room_that_cannot_be_is_refused_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
