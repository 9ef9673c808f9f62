/*
 * Rows of words into token stores: the first token of a word has its class, nothing else has one;
 * what the limit cuts off is counted; the same on any number of threads.
 */
#include "core/data/tokenize.h"

#include "core/base/mem.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 3000 };

struct fixture {
    struct scratch scratch;
    struct tokenizer *tokenizer;
    struct dataset dataset;
    struct targets targets;
};

static int
setup(void **state)
{
    struct err err = {0};
    struct fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    scratch_write_text(&f->scratch, "vocab.txt",
                       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n.\n");
    if (tokenizer_open(f->scratch.folder, 9, &f->tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    f->targets.task = TASK_TOKEN_CLASSIFICATION;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    targets_fini(&f->targets);
    tokenizer_free(f->tokenizer);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

/* A row of words with a class each, appended to the fixture's. */
static void
add_row(struct fixture *f, size_t row, const char *const *words, const uint32_t *classes,
        size_t count)
{
    struct err err;
    struct data_word *places = arena_array(f->scratch.arena, count, sizeof *places);
    char *text = arena_alloc(f->scratch.arena, count * 16 + 1);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[length++] = ' ';
        places[i] = (struct data_word){length, strlen(words[i])};
        memcpy(text + length, words[i], places[i].length);
        length += places[i].length;
    }
    f->dataset.rows[row] = (struct data_row){
        .line = row + 1, .text = text, .text_length = length, .words = places, .word_count = count};
    const struct target target = {.ids = classes, .count = count};
    assert_int_equal(targets_add(&f->targets, &target, &err), 0);
}

static void
make_room(struct fixture *f, size_t rows)
{
    f->dataset.rows = arena_array(f->scratch.arena, rows, sizeof *f->dataset.rows);
    f->dataset.count = rows;
}

static void
tokenize(struct fixture *f, size_t threads, size_t max_length, struct token_store *out,
         struct tokenize_counts *counts)
{
    struct err err;
    struct pool *pool = pool_new(threads, &err);
    const struct tokenize_task task = {.tokenizer = f->tokenizer,
                                       .dataset = &f->dataset,
                                       .name = "rows",
                                       .targets = &f->targets,
                                       .max_length = max_length,
                                       .counts = counts};
    *counts = (struct tokenize_counts){0};
    *out = (struct token_store){0};
    if (tokenize_dataset(&task, pool, out, NULL, &err) != 0)
        fail_msg("%s", err.message);
    pool_free(pool);
}

static void
assert_row(const struct token_store *store, size_t row, const uint32_t *ids,
           const uint32_t *classes, size_t count)
{
    uint32_t found[64];
    uint8_t types[64];
    struct target target = targets_row(&store->targets, row);
    assert_int_equal(store->offsets[row + 1] - store->offsets[row], count);
    assert_int_equal(target.count, count);
    token_store_copy(store, store->offsets[row], count, found, types);
    assert_memory_equal(found, ids, count * sizeof *ids);
    assert_memory_equal(target.ids, classes, count * sizeof *classes);
}

#define N LABEL_NONE

static void
the_first_token_of_a_word_has_its_class(void **state)
{
    struct fixture *f = *state;
    struct token_store store;
    struct tokenize_counts counts;
    static const char *const words[] = {"ac", "b.", "b", "accc"};
    static const uint32_t classes[] = {3, 1, 1, 0};
    make_room(f, 1);
    add_row(f, 0, words, classes, 4);
    tokenize(f, 1, 32, &store, &counts);
    assert_row(&store, 0, (const uint32_t[]){2, 5, 7, 6, 8, 6, 5, 7, 7, 7, 3},
               (const uint32_t[]){N, 3, N, 1, N, 1, 0, N, N, N, N}, 11);
    assert_int_equal(counts.words, 4);
    assert_int_equal(counts.words_cut + counts.rows_cut, 0);
    token_store_fini(&store);
}

static void
a_word_without_tokens_has_none_and_is_not_cut_off(void **state)
{
    struct fixture *f = *state;
    struct token_store store;
    struct tokenize_counts counts;
    static const char *const words[] = {"a", "\xe2\x80\x8b", "b"}; /* a zero width space */
    static const uint32_t classes[] = {0, 1, 2};
    make_room(f, 1);
    add_row(f, 0, words, classes, 3);
    tokenize(f, 1, 32, &store, &counts);
    struct target target = targets_row(&store.targets, 0);
    assert_int_equal(target.count, store.tokens.count);
    assert_int_equal(target.ids[1], 0);
    assert_int_equal(target.ids[target.count - 2], 2);
    assert_int_equal(counts.words_cut, 0);
    token_store_fini(&store);
}

static void
words_beyond_the_limit_are_counted_whole_ones_alone(void **state)
{
    struct fixture *f = *state;
    struct token_store store;
    struct tokenize_counts counts;
    static const char *const words[] = {"a", "accc", "b", "a"};
    static const uint32_t classes[] = {1, 2, 3, 0};
    make_room(f, 2);
    add_row(f, 0, words, classes, 4);
    add_row(f, 1, words, classes, 1);
    tokenize(f, 1, 5, &store, &counts); /* [CLS] a a ##c [SEP] */
    assert_row(&store, 0, (const uint32_t[]){2, 5, 5, 7, 3}, (const uint32_t[]){N, 1, 2, N, N}, 5);
    assert_row(&store, 1, (const uint32_t[]){2, 5, 3}, (const uint32_t[]){N, 1, N}, 3);
    assert_int_equal(counts.words, 5);
    assert_int_equal(counts.words_cut, 2);
    assert_int_equal(counts.rows_cut, 1);
    token_store_fini(&store);
}

static void
stores_are_the_same_on_any_number_of_threads(void **state)
{
    struct fixture *f = *state;
    struct token_store plain, other;
    struct tokenize_counts counts, others;
    static const char *const words[] = {"a", "ac", "b.b", "accc", "x"};
    make_room(f, MANY);
    for (size_t row = 0; row < MANY; row++) {
        const char *picked[9];
        uint32_t classes[9];
        size_t count = 1 + row % 9;
        for (size_t i = 0; i < count; i++) {
            picked[i] = words[(row + i * i) % 5];
            classes[i] = (uint32_t)((row + i) % 4);
        }
        add_row(f, row, picked, classes, count);
    }
    tokenize(f, 1, 12, &plain, &counts);
    assert_true(counts.rows_cut > 100);
    for (size_t threads = 2; threads <= 4; threads++) {
        tokenize(f, threads, 12, &other, &others);
        assert_memory_equal(&others, &counts, sizeof counts);
        assert_int_equal(other.tokens.count, plain.tokens.count);
        assert_memory_equal(other.targets.ids, plain.targets.ids,
                            plain.tokens.count * sizeof(uint32_t));
        assert_memory_equal(other.targets.starts, plain.offsets, (MANY + 1) * sizeof(size_t));
        token_store_fini(&other);
    }
    token_store_fini(&plain);
}

#define WORDS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORDS_TEST(the_first_token_of_a_word_has_its_class),
        WORDS_TEST(a_word_without_tokens_has_none_and_is_not_cut_off),
        WORDS_TEST(words_beyond_the_limit_are_counted_whole_ones_alone),
        WORDS_TEST(stores_are_the_same_on_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
