/*
 * Dropout: the mask is a function of (seed, step, layer, site, element) and of nothing else, on
 * every set the one that rng_block gives; how often it drops; what it scales by.
 */
#include "core/ops/ops.h"
#include "tests/support/close.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 1 << 20, SOME = 1000 };

static float many[MANY];

static void
fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

/* Element i of a group by the definition in ops.h, from rng_block. */
static float
factor_by_definition(const struct dropout *site, uint64_t group, size_t i)
{
    uint32_t block[4];
    size_t word = i % 64; /* low halves of the group's 64 words first, then the high halves */
    rng_block(&site->stream, group * 16 + word % 16, block);
    uint32_t bits = i < 64 ? block[word / 16] & 0xffff : block[word / 16] >> 16;
    return bits < site->threshold ? 0.0f : site->scale;
}

static void
the_mask_is_the_one_that_the_header_defines(void **state)
{
    (void)state;
    struct dropout site = dropout_site(0.25, 77, RNG_EMBEDDING_DROPOUT, 3, 12);
    /* The second and third begin before a counter's low word overflows, and behind that. */
    static const uint64_t groups[] = {41, 0x0ffffffdu, 0x123456789abu};
    for (size_t set = 0; ops_set(set) != NULL; set++) {
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
            float x[SOME];
            fill(x, SOME, 1.0f);
            ops_set(set)->dropout(&site, groups[g], SOME, x);
            for (size_t i = 0; i < SOME; i++)
                assert_true(x[i] == factor_by_definition(&site, groups[g] + i / 128, i % 128));
        }
    }
}

/* Five standard errors of a binomial share; the seeds are fixed, so this cannot fail by chance. */
static void
the_share_of_dropped_elements_is_the_probability(void **state)
{
    (void)state;
    static const double probabilities[] = {0.001, 0.1, 0.5, 0.9};
    for (size_t p = 0; p < sizeof probabilities / sizeof *probabilities; p++) {
        struct dropout site = dropout_site(probabilities[p], 5, RNG_FFN_OUTPUT_DROPOUT, p, 1);
        double exact = site.threshold / 65536.0;
        size_t dropped = 0;
        double sum = 0;
        assert_true(fabs(exact - probabilities[p]) <= 0.5 / 65536.0);
        fill(many, MANY, 1.0f);
        ops_best()->dropout(&site, 0, MANY, many);
        for (size_t i = 0; i < MANY; i++) {
            assert_true(many[i] == 0.0f || many[i] == site.scale);
            dropped += many[i] == 0.0f;
            sum += (double)many[i];
        }
        double deviation = sqrt(exact * (1 - exact) / MANY);
        assert_true(fabs((double)dropped / MANY - exact) < 5 * deviation);
        assert_true(fabs(sum / MANY - 1) < 5 * deviation / (1 - exact));
    }
}

/* scale * (1 - p') = 1 for the p' that is really used: within a rounding to float. */
static void
the_expectation_is_kept_exactly(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct dropout site = dropout_site(i / 1000.0, 1, RNG_EMBEDDING_DROPOUT, 0, 0);
        double kept = 1 - site.threshold / 65536.0;
        assert_true(fabs((double)site.scale * kept - 1) < 6e-8);
    }
}

/* Neighbours, and elements 64 apart (two halves of one word), must not know of each other. */
static void
dropped_elements_are_uncorrelated(void **state)
{
    (void)state;
    static const size_t distances[] = {1, 2, 16, 64, 128, 8192};
    struct dropout site = dropout_site(0.5, 8, RNG_ATTENTION_DROPOUT, 1, 2);
    fill(many, MANY, 1.0f);
    ops_best()->dropout(&site, 0, MANY, many);
    for (size_t d = 0; d < sizeof distances / sizeof *distances; d++) {
        size_t pairs = MANY - distances[d];
        double sum = 0;
        for (size_t i = 0; i < pairs; i++)
            sum += (many[i] == 0.0f ? -1 : 1) * (many[i + distances[d]] == 0.0f ? -1 : 1);
        assert_true(fabs(sum) < 5 * sqrt((double)pairs));
    }
}

static void
zero_probability_changes_nothing_not_even_nan(void **state)
{
    (void)state;
    struct dropout site = dropout_site(0.0, 5, RNG_EMBEDDING_DROPOUT, 0, 0);
    float x[3] = {1e-42f, NAN, -INFINITY};
    float y[3];
    memcpy(y, x, sizeof y);
    assert_int_equal(site.threshold, 0);
    ops_best()->dropout(&site, 0, 3, x);
    assert_memory_equal(x, y, sizeof x);
}

static void
how_an_array_is_cut_into_calls_does_not_change_the_mask(void **state)
{
    (void)state;
    struct dropout site = dropout_site(0.3, 21, RNG_EMBEDDING_DROPOUT, 0, 7);
    float whole[SOME], cut[SOME];
    fill(whole, SOME, 1.0f);
    fill(cut, SOME, 1.0f);
    ops_best()->dropout(&site, 5, SOME, whole);
    for (size_t from = 0; from < SOME; from += 256) /* backwards, in pieces of two groups */
        ops_best()->dropout(&site, 5 + from / 128, SOME - from < 256 ? SOME - from : 256,
                            cut + from);
    assert_memory_equal(whole, cut, sizeof whole);
    for (size_t n = 1; n < 300; n++) { /* a shorter call sees the same beginning */
        fill(cut, SOME, 1.0f);
        ops_best()->dropout(&site, 5, n, cut);
        assert_memory_equal(whole, cut, n * sizeof *cut);
        assert_true(cut[n] == 1.0f);
    }
}

static void
forward_and_backward_drop_the_same_elements(void **state)
{
    (void)state;
    struct dropout site = dropout_site(0.3, 21, RNG_EMBEDDING_DROPOUT, 0, 7);
    float y[SOME], dy[SOME];
    close_noise(y, SOME, 1, 1.0);
    close_noise(dy, SOME, 2, 1.0);
    ops_best()->dropout(&site, 3, SOME, y);
    ops_best()->dropout(&site, 3, SOME, dy);
    for (size_t i = 0; i < SOME; i++)
        assert_true((y[i] == 0.0f) == (dy[i] == 0.0f));
}

static void
every_coordinate_of_a_site_changes_the_mask(void **state)
{
    (void)state;
    const struct {
        struct dropout site;
        uint64_t group;
    } sites[] = {
        {dropout_site(0.5, 1, RNG_EMBEDDING_DROPOUT, 0, 0), 0},
        {dropout_site(0.5, 2, RNG_EMBEDDING_DROPOUT, 0, 0), 0},
        {dropout_site(0.5, 1 + (1ull << 32), RNG_EMBEDDING_DROPOUT, 0, 0), 0},
        {dropout_site(0.5, 1, RNG_ATTENTION_DROPOUT, 0, 0), 0},
        {dropout_site(0.5, 1, RNG_EMBEDDING_DROPOUT, 1, 0), 0},
        {dropout_site(0.5, 1, RNG_EMBEDDING_DROPOUT, 0, 1), 0},
        {dropout_site(0.5, 1, RNG_EMBEDDING_DROPOUT, 0, 0), 1},
    };
    enum { SITES = sizeof sites / sizeof *sites };
    float masks[SITES][DROPOUT_GROUP];
    for (size_t i = 0; i < SITES; i++) {
        fill(masks[i], DROPOUT_GROUP, 1.0f);
        ops_best()->dropout(&sites[i].site, sites[i].group, DROPOUT_GROUP, masks[i]);
        for (size_t j = 0; j < i; j++) {
            size_t equal = 0;
            for (size_t k = 0; k < DROPOUT_GROUP; k++)
                equal += masks[i][k] == masks[j][k];
            assert_in_range(equal, 64 - 32, 64 + 32); /* 64 +- 5.7 by chance */
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mask_is_the_one_that_the_header_defines),
        cmocka_unit_test(the_share_of_dropped_elements_is_the_probability),
        cmocka_unit_test(the_expectation_is_kept_exactly),
        cmocka_unit_test(dropped_elements_are_uncorrelated),
        cmocka_unit_test(zero_probability_changes_nothing_not_even_nan),
        cmocka_unit_test(how_an_array_is_cut_into_calls_does_not_change_the_mask),
        cmocka_unit_test(forward_and_backward_drop_the_same_elements),
        cmocka_unit_test(every_coordinate_of_a_site_changes_the_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
