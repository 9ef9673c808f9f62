/* Claims about the random numbers: known answers of Philox, moments, permutations. */
#include "core/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The known answers that the authors of the generator publish with it (Random123, kat_vectors). */
static void
philox_gives_the_published_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        rng_philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void
normal_numbers_have_the_moments_of_a_standard_normal(void **state)
{
    (void)state;
    struct rng_stream stream = rng_stream(42, RNG_INITIALISATION, 3, 0);
    enum { COUNT = 200000 };
    double moments[5] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        double x = rng_normal(&stream, i);
        for (int k = 1; k <= 4; k++)
            moments[k] += pow(x, k) / COUNT;
    }
    /* Five standard errors of each sample moment: sqrt(1, 2, 15, 96) / sqrt(COUNT). */
    assert_true(fabs(moments[1]) < 5 * 1.0 / sqrt(COUNT));
    assert_true(fabs(moments[2] - 1) < 5 * sqrt(2.0 / COUNT));
    assert_true(fabs(moments[3]) < 5 * sqrt(15.0 / COUNT));
    assert_true(fabs(moments[4] - 3) < 5 * sqrt(96.0 / COUNT));
}

static void
a_shuffle_is_a_permutation_that_only_seed_and_step_decide(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    uint32_t first[COUNT];
    uint32_t again[COUNT];
    uint32_t other[COUNT];
    struct rng_stream stream = rng_stream(7, RNG_SHUFFLE, 0, 0);
    struct rng_stream next = rng_stream(7, RNG_SHUFFLE, 0, 1);
    rng_shuffle(&stream, first, COUNT);
    rng_shuffle(&stream, again, COUNT);
    rng_shuffle(&next, other, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        again[i] = 7 * i; /* any values go the same way */
    rng_permute(&stream, again, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(again[i], 7 * first[i]);
    rng_shuffle(&stream, again, COUNT);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    bool seen[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(first[i] < COUNT && !seen[first[i]]);
        seen[first[i]] = true;
    }
}

static void
every_permutation_of_four_is_equally_likely(void **state)
{
    (void)state;
    enum { ROUNDS = 48000 };
    size_t counts[256] = {0};
    for (uint32_t step = 0; step < ROUNDS; step++) {
        uint32_t order[4];
        struct rng_stream stream = rng_stream(11, RNG_SHUFFLE, 0, step);
        rng_shuffle(&stream, order, 4);
        counts[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    double chi_square = 0;
    size_t kinds = 0;
    for (size_t i = 0; i < 256; i++) {
        if (counts[i] == 0)
            continue;
        kinds++;
        double expected = ROUNDS / 24.0;
        chi_square += pow((double)counts[i] - expected, 2) / expected;
    }
    assert_int_equal(kinds, 24);
    assert_true(chi_square < 49.7); /* 23 degrees of freedom, p = 0.001 */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_known_answers),
        cmocka_unit_test(normal_numbers_have_the_moments_of_a_standard_normal),
        cmocka_unit_test(a_shuffle_is_a_permutation_that_only_seed_and_step_decide),
        cmocka_unit_test(every_permutation_of_four_is_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
