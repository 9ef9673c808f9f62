/* The order of an epoch: every row once, the same for the same seed, and grouped where asked. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/train/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 1237, BATCH = 8, BATCHES = ROWS / BATCH, LONGEST = 90 };

struct fixture {
    uint32_t lengths[ROWS];
    uint32_t order[ROWS], other[ROWS];
    struct order rule;
};

/* Lengths by chance, most of them short, as those of texts are. */
static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct rng_stream stream = rng_stream(5, RNG_SPLIT, 0, 0);
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t bits[4];
        rng_block(&stream, i, bits);
        f->lengths[i] = 3 + bits[0] % LONGEST * (bits[1] % LONGEST) / LONGEST;
    }
    f->rule = (struct order){.seed = 42,
                             .batching = BATCHING_GROUPED,
                             .batch_size = BATCH,
                             .rows = ROWS,
                             .lengths = f->lengths};
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    free(*state);
    return 0;
}

static void
assert_every_row_once(const uint32_t *order, size_t rows)
{
    bool *seen = mem_array(rows, sizeof *seen);
    assert_non_null(seen);
    for (size_t i = 0; i < rows; i++) {
        assert_in_range(order[i], 0, rows - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
    free(seen);
}

/* Jobs that were accepted before there was a choice go on with the same bits. */
static void
shuffle_is_the_seeded_permutation_of_the_epoch(void **state)
{
    struct fixture *f = *state;
    f->rule.batching = BATCHING_SHUFFLE;
    f->rule.lengths = NULL;
    for (size_t epoch = 0; epoch < 3; epoch++) {
        struct rng_stream stream = rng_stream(42, RNG_SHUFFLE, 0, (uint32_t)epoch);
        rng_shuffle(&stream, f->other, ROWS);
        order_epoch(&f->rule, epoch, f->order);
        assert_memory_equal(f->order, f->other, sizeof f->order);
    }
}

static void
every_row_is_visited_once(void **state)
{
    struct fixture *f = *state;
    static const size_t counts[] = {1, 7, 8, 9, 399, 400, 401, 808, ROWS};
    static const size_t batches[] = {1, 3, 8, 256, 2000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (size_t k = 0; k < sizeof batches / sizeof batches[0]; k++) {
            f->rule.rows = counts[i];
            f->rule.batch_size = batches[k];
            order_epoch(&f->rule, i + k, f->order);
            assert_every_row_once(f->order, counts[i]);
        }
}

static void
seed_and_epoch_decide_alone(void **state)
{
    struct fixture *f = *state;
    order_epoch(&f->rule, 4, f->order);
    order_epoch(&f->rule, 4, f->other);
    assert_memory_equal(f->order, f->other, sizeof f->order);
    order_epoch(&f->rule, 5, f->other);
    assert_memory_not_equal(f->order, f->other, sizeof f->order);
    f->rule.seed = 43;
    order_epoch(&f->rule, 4, f->other);
    assert_memory_not_equal(f->order, f->other, sizeof f->order);
}

/* Longest minus shortest row, summed over the whole batches. */
static size_t
spread(const struct fixture *f)
{
    size_t sum = 0;
    for (size_t batch = 0; batch < BATCHES; batch++) {
        uint32_t most = 0;
        uint32_t least = UINT32_MAX;
        for (size_t i = batch * BATCH; i < (batch + 1) * BATCH; i++) {
            uint32_t length = f->lengths[f->order[i]];
            most = length > most ? length : most;
            least = length < least ? length : least;
        }
        sum += most - least;
    }
    return sum;
}

static void
grouped_batches_hold_rows_of_like_length(void **state)
{
    struct fixture *f = *state;
    order_epoch(&f->rule, 0, f->order);
    size_t grouped = spread(f);
    f->rule.batching = BATCHING_SHUFFLE;
    order_epoch(&f->rule, 0, f->order);
    assert_true(grouped * 5 < spread(f));
}

/*
 * The batches of 50 together are a sorted piece of the permutation: grouping moves no row beyond
 * its 50 batches but for the final exchange of whole batches. Equal lengths keep their order.
 */
static void
grouped_batches_are_those_of_the_sorted_permutation(void **state)
{
    struct fixture *f = *state;
    uint32_t place[ROWS];
    order_epoch(&f->rule, 7, f->order);
    f->rule.batching = BATCHING_SHUFFLE;
    order_epoch(&f->rule, 7, f->other);
    for (size_t i = 0; i < ROWS; i++)
        place[f->other[i]] = (uint32_t)i;
    for (size_t batch = 0; batch < BATCHES; batch++) {
        const uint32_t *rows = f->order + batch * BATCH;
        size_t piece = place[rows[0]] / (ORDER_GROUPED_BATCHES * BATCH);
        for (size_t i = 1; i < BATCH; i++) {
            uint32_t before = f->lengths[rows[i - 1]];
            uint32_t here = f->lengths[rows[i]];
            assert_int_equal(place[rows[i]] / (ORDER_GROUPED_BATCHES * BATCH), piece);
            assert_true(before > here || (before == here && place[rows[i - 1]] < place[rows[i]]));
        }
    }
    for (size_t i = BATCHES * BATCH; i < ROWS; i++)
        assert_int_equal(f->order[i], f->other[i]); /* rows that fill no batch */
}

/* Otherwise an epoch would begin with all its long rows. */
static void
grouped_batches_come_in_an_order_of_their_own(void **state)
{
    struct fixture *f = *state;
    size_t descents = 0;
    order_epoch(&f->rule, 0, f->order);
    for (size_t batch = 1; batch < ORDER_GROUPED_BATCHES; batch++)
        descents += f->lengths[f->order[batch * BATCH]] < f->lengths[f->order[(batch - 1) * BATCH]];
    assert_in_range(descents, ORDER_GROUPED_BATCHES / 4, ORDER_GROUPED_BATCHES * 3 / 4);
}

static void
the_largest_batch_is_foretold(void **state)
{
    struct fixture *f = *state;
    for (enum batching batching = BATCHING_SHUFFLE; batching <= BATCHING_GROUPED; batching++) {
        size_t largest = 0;
        f->rule.batching = batching;
        for (size_t step = 0; step < 2 * (BATCHES + 1) + 5; step++) {
            size_t tokens = 0;
            size_t from = step % (BATCHES + 1) * BATCH;
            order_epoch(&f->rule, step / (BATCHES + 1), f->order);
            for (size_t i = from; i < from + BATCH && i < ROWS; i++)
                tokens += f->lengths[f->order[i]];
            largest = tokens > largest ? tokens : largest;
            assert_int_equal(order_largest_batch(&f->rule, step + 1, f->other), largest);
        }
    }
}

/* Rows of three classes, the second and third rare ones. */
static struct oversample
make_repeats(double share)
{
    struct err err;
    struct oversample repeats;
    uint32_t labels[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        labels[i] = i % 9 == 0 ? 1 : i % 50 == 1 ? 2 : 0;
    const struct oversample_of of = {labels, ROWS, 3, share};
    assert_int_equal(oversample_init(&repeats, &of, &err), 0);
    return repeats;
}

/* Shuffled, an epoch is the permutation of its length, of the rows that oversampling gives it. */
static void
repeated_rows_are_shuffled_among_the_others(void **state)
{
    struct fixture *f = *state;
    struct oversample repeats = make_repeats(0.6);
    uint32_t *rows = mem_array(repeats.count, sizeof *rows);
    uint32_t *permutation = mem_array(repeats.count, sizeof *permutation);
    uint32_t *order = mem_array(repeats.count, sizeof *order);
    f->rule.rows = repeats.count;
    f->rule.oversample = &repeats;
    f->rule.batching = BATCHING_SHUFFLE;
    assert_true(repeats.count > ROWS + ROWS / 2);
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        struct rng_stream stream = rng_stream(42, RNG_SHUFFLE, 0, epoch);
        rng_shuffle(&stream, permutation, repeats.count);
        oversample_fill(&repeats, 42, epoch, rows);
        order_epoch(&f->rule, epoch, order);
        for (size_t i = 0; i < repeats.count; i++)
            assert_int_equal(order[i], rows[permutation[i]]);
    }
    free(rows);
    free(permutation);
    free(order);
    oversample_fini(&repeats);
}

static void
repeated_rows_are_grouped_and_the_largest_batch_is_foretold(void **state)
{
    struct fixture *f = *state;
    struct oversample repeats = make_repeats(1);
    uint32_t *order = mem_array(repeats.count, sizeof *order);
    uint32_t *other = mem_array(repeats.count, sizeof *other);
    size_t seen[ROWS] = {0};
    size_t met[ROWS] = {0};
    size_t largest = 0;
    f->rule.rows = repeats.count;
    f->rule.oversample = &repeats;
    oversample_fill(&repeats, 42, 0, other);
    order_epoch(&f->rule, 0, order);
    for (size_t i = 0; i < repeats.count; i++) {
        seen[order[i]]++;
        met[other[i]]++;
    }
    assert_memory_equal(seen, met, sizeof seen);
    for (size_t from = 0; from < repeats.count; from += BATCH) {
        size_t tokens = 0;
        for (size_t i = from; i < from + BATCH && i < repeats.count; i++)
            tokens += f->lengths[order[i]];
        largest = tokens > largest ? tokens : largest;
    }
    size_t steps = (repeats.count + BATCH - 1) / BATCH;
    assert_int_equal(order_largest_batch(&f->rule, steps, other), largest);
    free(order);
    free(other);
    oversample_fini(&repeats);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(repeated_rows_are_shuffled_among_the_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(repeated_rows_are_grouped_and_the_largest_batch_is_foretold,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(shuffle_is_the_seeded_permutation_of_the_epoch, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_row_is_visited_once, setup, teardown),
        cmocka_unit_test_setup_teardown(seed_and_epoch_decide_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(grouped_batches_hold_rows_of_like_length, setup, teardown),
        cmocka_unit_test_setup_teardown(grouped_batches_are_those_of_the_sorted_permutation, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(grouped_batches_come_in_an_order_of_their_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_largest_batch_is_foretold, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
