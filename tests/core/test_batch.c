/* Ragged batches: every row once, chunks of whole rows, balance, and what the cut depends on. */
#include "core/data/batch.h"

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "tests/support/small_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 300, LONGEST = 60 };

static const struct model_config shape = {
    .vocab_size = 1000, .type_vocab_size = 2, .label_count = 7, .hidden_size = 8};

static struct token_store store;

static int
make_store(void **state)
{
    (void)state;
    small_rows_random(&store, ROWS, LONGEST, &shape, 9);
    return 0;
}

static int
drop_store(void **state)
{
    (void)state;
    token_store_fini(&store);
    return 0;
}

/* count row indexes, different for each seed. */
static void
pick(uint32_t *picked, size_t count, uint64_t seed)
{
    uint32_t order[ROWS];
    struct rng_stream stream = rng_stream(seed, RNG_SHUFFLE, 0, 0);
    rng_shuffle(&stream, order, ROWS);
    memcpy(picked, order, count * sizeof *picked);
}

static size_t
length_of(uint32_t row)
{
    return store.offsets[row + 1] - store.offsets[row];
}

static void
check_rows(const struct batch *batch, const uint32_t *picked, size_t count)
{
    bool seen[ROWS] = {0};
    size_t longest = 0;
    assert_int_equal(batch->rows, count);
    assert_int_equal(batch->offsets[0], 0);
    assert_int_equal(batch->offsets[count], batch->tokens);
    for (size_t row = 0; row < count; row++) {
        uint32_t source = batch->sources[row];
        size_t length = length_of(source);
        size_t at = batch->offsets[row];
        assert_false(seen[source]);
        seen[source] = true;
        assert_int_equal(batch->offsets[row + 1] - at, length);
        uint32_t ids[LONGEST];
        uint8_t types[LONGEST];
        token_store_copy(&store, store.offsets[source], length, ids, types);
        assert_memory_equal(batch->ids + at, ids, length * sizeof *ids);
        assert_memory_equal(batch->types + at, types, length);
        assert_int_equal(batch->targets->classes[source], store.targets.classes[source]);
        longest = length > longest ? length : longest;
    }
    for (size_t i = 0; i < count; i++)
        assert_true(seen[picked[i]]);
    assert_int_equal(batch->longest, longest);
}

/*
 * Longest first, each to the least loaded: the fullest chunk is ahead of the emptiest by no more
 * than the row that was put there last, so by no more than the longest row.
 */
static void
check_chunks(const struct batch *batch)
{
    size_t least = SIZE_MAX;
    size_t most = 0;
    assert_int_equal(batch->chunks, batch_chunk_count(batch->rows, batch->tokens));
    assert_int_equal(batch->chunk_rows[0], 0);
    assert_int_equal(batch->chunk_rows[batch->chunks], batch->rows);
    for (size_t c = 0; c < batch->chunks; c++) {
        assert_true(batch->chunk_rows[c] < batch->chunk_rows[c + 1]);
        size_t load =
            batch->offsets[batch->chunk_rows[c + 1]] - batch->offsets[batch->chunk_rows[c]];
        least = load < least ? load : least;
        most = load > most ? load : most;
    }
    assert_true(most - least <= batch->longest);
}

static void
every_row_stands_once_in_balanced_chunks(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 5, 8, 16, 31, 32, 33, 100, ROWS};
    struct batch batch;
    struct err err;
    assert_int_equal(batch_init(&batch, ROWS, store.tokens.count, &err), 0);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (uint64_t seed = 0; seed < 5; seed++) {
            uint32_t picked[ROWS];
            pick(picked, counts[c], seed);
            batch_fill(&batch, &store, picked, counts[c]);
            check_rows(&batch, picked, counts[c]);
            check_chunks(&batch);
        }
    }
    batch_fini(&batch);
}

/* Two stores with the same lengths and other words, labels and capacities: the same places. */
static void
the_cut_depends_on_lengths_alone(void **state)
{
    (void)state;
    struct token_store other = {0};
    struct batch one, two;
    struct err err;
    uint32_t picked[100];
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t ids[LONGEST] = {0};
        uint8_t types[LONGEST] = {0};
        small_rows_append(&other, ids, types, length_of(row), 0);
    }
    assert_int_equal(batch_init(&one, 100, store.tokens.count, &err), 0);
    assert_int_equal(batch_init(&two, 250, 2 * store.tokens.count, &err), 0);
    pick(picked, 100, 77);
    batch_fill(&two, &store, picked, 3); /* a used batch remembers nothing */
    batch_fill(&one, &store, picked, 100);
    batch_fill(&two, &other, picked, 100);
    assert_int_equal(one.chunks, two.chunks);
    assert_memory_equal(one.sources, two.sources, 100 * sizeof *one.sources);
    assert_memory_equal(one.offsets, two.offsets, 101 * sizeof *one.offsets);
    assert_memory_equal(one.chunk_rows, two.chunk_rows, (one.chunks + 1) * sizeof *one.chunk_rows);
    batch_fini(&one);
    batch_fini(&two);
    token_store_fini(&other);
}

static void
the_chunk_count_grows_with_rows_and_tokens_and_is_never_above_rows(void **state)
{
    (void)state;
    for (size_t rows = 1; rows < 70; rows++) {
        for (size_t tokens = rows; tokens < 12000; tokens += 13) {
            size_t count = batch_chunk_count(rows, tokens);
            assert_true(count >= 1 && count <= rows);
            assert_true(batch_chunk_count(rows, tokens + 13) >= count);
            assert_true(batch_chunk_count(rows + 1, tokens) >= count);
        }
    }
    assert_int_equal(batch_chunk_count(32, 32 * 16), 4);
    assert_int_equal(batch_chunk_count(32, 32 * 128), 32);
}

static void
most_tokens_bounds_every_batch_and_is_reached(void **state)
{
    (void)state;
    struct batch batch;
    struct err err;
    uint32_t picked[ROWS];
    size_t total = 0;
    for (uint32_t row = 0; row < ROWS; row++)
        total += length_of(row);
    assert_int_equal(batch_most_tokens(&store, ROWS), total);
    assert_int_equal(batch_most_tokens(&store, 10 * ROWS), total);
    assert_int_equal(batch_most_tokens(&store, 1), store.longest);
    assert_int_equal(batch_most_tokens(&store, 0), 0);
    size_t most = batch_most_tokens(&store, 16);
    assert_int_equal(batch_init(&batch, 16, most, &err), 0);
    for (uint64_t seed = 0; seed < 50; seed++) {
        pick(picked, 16, seed);
        batch_fill(&batch, &store, picked, 16);
        assert_true(batch.tokens <= most);
    }
    batch_fini(&batch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_stands_once_in_balanced_chunks),
        cmocka_unit_test(the_cut_depends_on_lengths_alone),
        cmocka_unit_test(the_chunk_count_grows_with_rows_and_tokens_and_is_never_above_rows),
        cmocka_unit_test(most_tokens_bounds_every_batch_and_is_reached),
    };
    return cmocka_run_group_tests(tests, make_store, drop_store);
}
