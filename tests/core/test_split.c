/* The stratified split: how many of each label, and what the choice depends on. */
#include "core/data/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 1000, LABELS = 5 };

/* Label c of LABELS has a share of rows that grows with c; 4 has a single row. */
static void
make_labels(uint32_t labels[ROWS])
{
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = i == 500 ? 4 : i % 10 < 1 ? 0 : i % 10 < 3 ? 1 : i % 10 < 6 ? 2 : 3;
}

static void
count_held(const uint32_t *labels, const bool *held, size_t of[LABELS], size_t out[LABELS])
{
    memset(of, 0, LABELS * sizeof *of);
    memset(out, 0, LABELS * sizeof *out);
    for (size_t i = 0; i < ROWS; i++) {
        of[labels[i]]++;
        out[labels[i]] += held[i];
    }
}

static void
every_label_gives_its_rounded_share(void **state)
{
    (void)state;
    static const double fractions[] = {0.0, 0.001, 0.1, 0.25, 0.333, 0.5, 0.9, 0.999, 1.0};
    uint32_t labels[ROWS];
    bool held[ROWS];
    make_labels(labels);
    for (size_t f = 0; f < sizeof fractions / sizeof fractions[0]; f++) {
        size_t of[LABELS];
        size_t out[LABELS];
        size_t total = split_stratified(labels, ROWS, LABELS, fractions[f], 3, held);
        count_held(labels, held, of, out);
        size_t sum = 0;
        for (size_t c = 0; c < LABELS; c++) {
            size_t wanted = (size_t)(fractions[f] * (double)of[c] + 0.5);
            if (wanted >= of[c])
                wanted = of[c] - 1; /* one stays for training */
            assert_int_equal(out[c], wanted);
            sum += out[c];
        }
        assert_int_equal(total, sum);
    }
}

static void
seed_and_order_decide_and_nothing_else(void **state)
{
    (void)state;
    uint32_t labels[ROWS];
    bool first[ROWS];
    bool again[ROWS];
    bool other[ROWS];
    make_labels(labels);
    memset(again, 1, sizeof again); /* whatever stood there before */
    split_stratified(labels, ROWS, LABELS, 0.1, 3, first);
    split_stratified(labels, ROWS, LABELS, 0.1, 3, again);
    split_stratified(labels, ROWS, LABELS, 0.1, 4, other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

static void
rows_are_held_out_evenly_over_the_file(void **state)
{
    (void)state;
    uint32_t labels[ROWS] = {0};
    bool held[ROWS];
    size_t early = 0;
    size_t total = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        total += split_stratified(labels, ROWS, 1, 0.2, seed, held);
        for (size_t i = 0; i < ROWS / 2; i++)
            early += held[i];
    }
    assert_int_equal(total, 100 * 200);
    /* Half of 20,000, within five standard deviations (hypergeometric: 6.3 a split). */
    assert_in_range(early, 10000 - 320, 10000 + 320);
}

static void
every_label_draws_for_itself(void **state)
{
    (void)state;
    uint32_t labels[ROWS];
    bool held[ROWS];
    size_t different = 0;
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = i % 2;
    split_stratified(labels, ROWS, 2, 0.5, 3, held);
    for (size_t i = 0; i < ROWS; i += 2)
        different += held[i] != held[i + 1];
    assert_true(different > 0);
}

static void
label_without_rows_and_file_without_rows_are_fine(void **state)
{
    (void)state;
    const uint32_t labels[3] = {1, 1, 1};
    bool held[3];
    assert_int_equal(split_stratified(labels, 3, 4, 0.34, 1, held), 1);
    assert_int_equal(split_stratified(labels, 0, 4, 0.5, 1, held), 0);
    assert_int_equal(split_stratified(labels, 0, 0, 0.5, 1, held), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_label_gives_its_rounded_share),
        cmocka_unit_test(seed_and_order_decide_and_nothing_else),
        cmocka_unit_test(rows_are_held_out_evenly_over_the_file),
        cmocka_unit_test(every_label_draws_for_itself),
        cmocka_unit_test(label_without_rows_and_file_without_rows_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
