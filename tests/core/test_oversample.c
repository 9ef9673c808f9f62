/* Oversampling: every class as often as asked, and nothing drawn twice before all were once. */
#include "core/data/oversample.h"

#include "core/base/rng.h"
#include "core/data/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 12, CLASSES = 4, TOTAL = 22 };

/* Class 0 has 7 rows, 1 has 3, 2 has 1, 3 none; one row has no class. */
static const uint32_t labels[ROWS] = {0, 1, 0, 0, LABEL_NONE, 2, 0, 1, 0, 0, 1, 0};

static struct oversample_of
shared(double share)
{
    return (struct oversample_of){labels, ROWS, CLASSES, share};
}

static struct oversample
make(const struct oversample_of *of)
{
    struct err err;
    struct oversample made;
    if (oversample_init(&made, of, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(made.count, oversample_count(of));
    return made;
}

static void
classes_are_equally_frequent_with_the_share_1(void **state)
{
    (void)state;
    uint32_t out[TOTAL];
    size_t seen[ROWS] = {0};
    size_t classes[CLASSES] = {0};
    const struct oversample_of of = shared(1);
    struct oversample made = make(&of);
    assert_int_equal(made.count, TOTAL);
    oversample_fill(&made, 5, 0, out);
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
    assert_true(oversample_times(&made, 0) == 1 && oversample_times(&made, 2) == 7);
    assert_true(oversample_times(&made, 1) == 7.0 / 3 && oversample_times(&made, 3) == 1);
    oversample_fini(&made);
}

/* The least number of rows that a class may have, rounded; classes with more of them stay. */
static void
a_smaller_share_repeats_less(void **state)
{
    (void)state;
    static const struct {
        double share;
        size_t target, count;
    } cases[] = {{0, 0, 12},   {0.05, 0, 12}, {0.14, 1, 12}, {0.3, 2, 13},
                 {0.5, 4, 16}, {0.9, 6, 20},  {1, 7, 22}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct oversample_of of = shared(cases[i].share);
        struct oversample made = make(&of);
        assert_int_equal(made.target, cases[i].target);
        assert_int_equal(made.count, cases[i].count);
        oversample_fini(&made);
    }
}

static void
seed_and_epoch_decide_and_nothing_else(void **state)
{
    (void)state;
    uint32_t first[TOTAL];
    uint32_t again[TOTAL];
    size_t differ = 0;
    const struct oversample_of of = shared(1);
    struct oversample made = make(&of);
    struct oversample other = make(&of);
    oversample_fill(&made, 5, 3, first);
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        oversample_fill(&made, 5, epoch, again);
        differ += memcmp(first, again, sizeof first) != 0;
    }
    assert_in_range(differ, 5, 19);
    oversample_fill(&other, 5, 3, again);
    assert_memory_equal(first, again, sizeof first);
    oversample_fini(&made);
    oversample_fini(&other);
}

static void
balanced_and_empty_sets_stay(void **state)
{
    (void)state;
    static const uint32_t even[4] = {0, 1, 1, 0};
    const struct oversample_of balanced = {even, 4, 2, 1};
    const struct oversample_of empty = {NULL, 0, 0, 1};
    uint32_t out[4];
    struct oversample made = make(&balanced);
    oversample_fill(&made, 1, 0, out);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(out[i], i);
    oversample_fini(&made);
    made = make(&empty);
    assert_int_equal(made.count, 0);
    oversample_fill(&made, 1, 0, out);
    oversample_fini(&made);
}

/* By counting alone: what each row of 60 sets by chance may be met. */
static void
every_row_of_a_class_is_met_equally_often_or_once_more(void **state)
{
    (void)state;
    enum { MOST = 300, SETS = 60 };
    struct rng_stream stream = rng_stream(9, RNG_SPLIT, 0, 0);
    for (uint32_t set = 0; set < SETS; set++) {
        uint32_t of_row[MOST], bits[4];
        size_t counts[8] = {0}, seen[MOST] = {0}, largest = 0;
        rng_block(&stream, set, bits);
        size_t rows = 1 + bits[0] % MOST, classes = 1 + bits[1] % 8;
        double share = (double)(bits[2] % 101) / 100;
        for (size_t i = 0; i < rows; i++) {
            rng_block(&stream, 1000 + set * MOST + i, bits);
            of_row[i] = bits[0] % (1 + bits[1] % (uint32_t)classes);
            counts[of_row[i]]++;
        }
        for (size_t c = 0; c < classes; c++)
            largest = counts[c] > largest ? counts[c] : largest;
        const struct oversample_of of = {of_row, rows, classes, share};
        struct oversample made = make(&of);
        uint32_t *out = calloc(made.count, sizeof *out);
        oversample_fill(&made, 3, set, out);
        for (size_t i = 0; i < made.count; i++)
            seen[out[i]]++;
        size_t wanted = (size_t)(share * (double)largest + 0.5), total = 0;
        for (size_t i = 0; i < rows; i++) {
            size_t n = counts[of_row[i]], all = n < wanted ? wanted : n;
            assert_in_range(seen[i], all / n, all / n + (all % n != 0));
            total += seen[i];
        }
        assert_int_equal(total, made.count);
        free(out);
        oversample_fini(&made);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_equally_frequent_with_the_share_1),
        cmocka_unit_test(a_smaller_share_repeats_less),
        cmocka_unit_test(seed_and_epoch_decide_and_nothing_else),
        cmocka_unit_test(balanced_and_empty_sets_stay),
        cmocka_unit_test(every_row_of_a_class_is_met_equally_often_or_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
