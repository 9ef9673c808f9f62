/* Oversampling: every class as often as the largest, and nothing drawn twice before all are. */
#include "core/data/oversample.h"

#include "core/data/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 12, CLASSES = 4, TOTAL = 22 };

/* Class 0 has 7 rows, 1 has 3, 2 has 1, 3 none; one row has no class. */
static const uint32_t labels[ROWS] = {0, 1, 0, 0, LABEL_NONE, 2, 0, 1, 0, 0, 1, 0};
static const struct oversample of = {labels, ROWS, CLASSES};

static void
classes_are_equally_frequent(void **state)
{
    (void)state;
    uint32_t out[TOTAL];
    size_t seen[ROWS] = {0};
    size_t classes[CLASSES] = {0};
    assert_int_equal(oversample_count(&of), TOTAL);
    oversample_fill(&of, 5, 0, out);
    for (size_t i = 0; i < TOTAL; i++) {
        assert_in_range(out[i], 0, ROWS - 1);
        seen[out[i]]++;
        if (labels[out[i]] != LABEL_NONE)
            classes[labels[out[i]]]++;
        if (i < ROWS)
            assert_int_equal(out[i], i);
    }
    assert_int_equal(classes[0], 7);
    assert_int_equal(classes[1], 7);
    assert_int_equal(classes[2], 7);
    assert_int_equal(classes[3], 0);
    for (size_t i = 0; i < ROWS; i++)
        assert_in_range(seen[i], labels[i] == 1 ? 2 : 1,
                        labels[i] == 1   ? 3
                        : labels[i] == 2 ? 7
                                         : 1);
    assert_int_equal(seen[4], 1);
}

static void
seed_and_epoch_decide_and_nothing_else(void **state)
{
    (void)state;
    uint32_t first[TOTAL];
    uint32_t again[TOTAL];
    size_t differ = 0;
    oversample_fill(&of, 5, 3, first);
    oversample_fill(&of, 5, 3, again);
    assert_memory_equal(first, again, sizeof first);
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        oversample_fill(&of, 5, epoch, again);
        differ += memcmp(first, again, sizeof first) != 0;
    }
    assert_in_range(differ, 5, 19);
}

static void
balanced_and_empty_sets_stay(void **state)
{
    (void)state;
    static const uint32_t even[4] = {0, 1, 1, 0};
    const struct oversample balanced = {even, 4, 2};
    const struct oversample empty = {NULL, 0, 0};
    uint32_t out[4];
    assert_int_equal(oversample_count(&balanced), 4);
    oversample_fill(&balanced, 1, 0, out);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(out[i], i);
    assert_int_equal(oversample_count(&empty), 0);
    oversample_fill(&empty, 1, 0, out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_equally_frequent),
        cmocka_unit_test(seed_and_epoch_decide_and_nothing_else),
        cmocka_unit_test(balanced_and_empty_sets_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
