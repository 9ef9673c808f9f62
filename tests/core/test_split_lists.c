/* Splits of rows with several labels, and of rows with numbers. */
#include "core/data/split.h"

#include "core/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 2000, LABELS = 28, MOST_LABELS = 4 };

/* Rows whose labels are drawn, low ones far more often; some rows have none, the last label has one
 * row, and labels are repeated within rows. */
struct world {
    size_t starts[ROWS + 1];
    uint32_t ids[ROWS * MOST_LABELS + 1]; /* with room for one more */
    struct split_lists lists;
};

static void
make(struct world *world)
{
    struct rng_stream stream = rng_stream(9, RNG_SPLIT, 1, 1);
    size_t at = 0;
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t bits[4];
        rng_block(&stream, i, bits);
        world->starts[i] = at;
        for (size_t k = 0; k < bits[0] % MOST_LABELS; k++) {
            double u = (double)((bits[1 + k % 3] >> (k * 3)) % 1024) / 1024;
            world->ids[at++] = (uint32_t)(u * u * u * (LABELS - 1));
        }
        if (i == 700)
            world->ids[at++] = LABELS - 1;
    }
    world->starts[ROWS] = at;
    world->lists = (struct split_lists){world->starts, world->ids, ROWS, LABELS};
}

static bool
has(const struct world *world, size_t row, uint32_t label)
{
    for (size_t i = world->starts[row]; i < world->starts[row + 1]; i++)
        if (world->ids[i] == label)
            return true;
    return false;
}

static void
every_label_gives_nearly_its_share(void **state)
{
    (void)state;
    static const double fractions[] = {0.0, 0.1, 0.2, 0.5};
    static struct world world;
    bool held[ROWS];
    make(&world);
    for (size_t f = 0; f < sizeof fractions / sizeof fractions[0]; f++) {
        size_t total = split_lists(&world.lists, fractions[f], 3, held);
        assert_true(fabs((double)total - fractions[f] * ROWS) <= 2);
        for (uint32_t c = 0; c < LABELS; c++) {
            double of = 0;
            double out = 0;
            for (size_t i = 0; i < ROWS; i++) {
                of += has(&world, i, c);
                out += has(&world, i, c) && held[i];
            }
            assert_true(out < of);
            /* drawn at random the standard deviation would be sqrt(f (1 - f) of), 5 for 250 */
            if (fabs(out - fractions[f] * of) > 2)
                fail_msg("label %u: %.0f of %.0f at %g", c, out, of, fractions[f]);
        }
    }
}

static void
seed_and_order_decide_and_nothing_else(void **state)
{
    (void)state;
    static struct world world;
    bool first[ROWS];
    bool again[ROWS];
    make(&world);
    split_lists(&world.lists, 0.1, 3, first);
    split_lists(&world.lists, 0.1, 3, again);
    assert_memory_equal(first, again, sizeof first);
    split_lists(&world.lists, 0.1, 4, again);
    assert_memory_not_equal(first, again, sizeof first);
}

static void
a_label_keeps_a_row_to_train_on(void **state)
{
    (void)state;
    static const size_t starts[] = {0, 1, 2, 4};
    static const uint32_t ids[] = {0, 0, 1, 1};
    const struct split_lists lists = {starts, ids, 3, 2};
    bool held[3];
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_true(split_lists(&lists, 0.9, seed, held) < 3);
        assert_false(held[2]);
        assert_false(held[0] && held[1]);
    }
    const struct split_lists none = {starts, ids, 0, 2};
    assert_int_equal(split_lists(&none, 0.5, 1, held), 0);
}

static void
numbers_are_held_out_along_their_range(void **state)
{
    (void)state;
    static float values[ROWS * 2];
    bool held[ROWS];
    double sums[2] = {0, 0};
    double counts[2] = {0, 0};
    for (size_t i = 0; i < ROWS; i++) {
        values[2 * i] = (float)((i * 7919) % ROWS);
        values[2 * i + 1] = 5;
    }
    size_t total = split_numbers(values, ROWS, 2, 0.1, 3, held);
    assert_int_equal(total, ROWS / 10);
    for (size_t i = 0; i < ROWS; i++) {
        sums[held[i]] += (double)values[2 * i];
        counts[held[i]]++;
    }
    /* Each run of ten gives one, whose place in it is random: the means differ by the standard
     * deviation of that, 3, over the square root of 200, which is 0.2. */
    assert_true(fabs(sums[0] / counts[0] - sums[1] / counts[1]) < 1);
    for (size_t part = 0; part < ROWS / 10; part++) {
        size_t out = 0;
        for (size_t i = 0; i < ROWS; i++)
            out += held[i] && (size_t)values[2 * i] / 10 == part;
        assert_int_equal(out, 1);
    }
}

static void
few_rows_with_numbers_are_split_too(void **state)
{
    (void)state;
    static const float values[] = {3, 1, 2, 2, 9, 4, 4, 4, 0, 5};
    bool held[10];
    assert_int_equal(split_numbers(values, 10, 1, 0.1, 1, held), 1);
    assert_int_equal(split_numbers(values, 10, 1, 0.5, 1, held), 5);
    assert_int_equal(split_numbers(values, 10, 1, 1.0, 1, held), 9);
    assert_int_equal(split_numbers(values, 10, 1, 0.0, 1, held), 0);
    assert_int_equal(split_numbers(values, 1, 1, 0.5, 1, held), 0);
    assert_int_equal(split_numbers(values, 0, 1, 0.5, 1, held), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_label_gives_nearly_its_share),
        cmocka_unit_test(seed_and_order_decide_and_nothing_else),
        cmocka_unit_test(a_label_keeps_a_row_to_train_on),
        cmocka_unit_test(numbers_are_held_out_along_their_range),
        cmocka_unit_test(few_rows_with_numbers_are_split_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
