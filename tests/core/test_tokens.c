/* The ragged token store: rows end to end, and a row that fails leaves no trace. */
#include "core/data/tokens.h"

#include "core/data/labels.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct tokenizer *tokenizer;
    struct token_store store;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    struct err err = {0};
    f = (struct fixture){0};
    scratch_open(&f.scratch);
    scratch_write_text(&f.scratch, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n");
    if (tokenizer_open(f.scratch.folder, 8, &f.tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    token_store_fini(&f->store);
    tokenizer_free(f->tokenizer);
    scratch_close(&f->scratch);
    return 0;
}

static int
append(struct fixture *f, const char *first, const char *second, uint32_t label, struct err *err)
{
    const struct text text = {first, strlen(first), second, second != NULL ? strlen(second) : 0};
    return token_store_append(&f->store, f->tokenizer, &text, 0, label, err);
}

/* The store's tokens from..from+length-1 are these. */
static void
assert_holds(const struct token_store *store, size_t from, const uint32_t *ids,
             const uint8_t *types, size_t length)
{
    uint32_t found_ids[64];
    uint8_t found_types[64];
    assert_true(length <= 64);
    token_store_copy(store, from, length, found_ids, found_types);
    assert_memory_equal(found_ids, ids, length * sizeof *ids);
    assert_memory_equal(found_types, types, length);
}

static void
rows_lie_end_to_end_with_their_labels(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_int_equal(append(f, "a bc", NULL, 1, &err), 0);
    assert_int_equal(append(f, "", NULL, LABEL_NONE, &err), 0);
    assert_int_equal(append(f, "a", "b", 0, &err), 0);
    static const uint32_t ids[] = {2, 5, 6, 7, 3, /**/ 2, 3, /**/ 2, 5, 3, 6, 3};
    static const uint8_t types[] = {0, 0, 0, 0, 0, /**/ 0, 0, /**/ 0, 0, 0, 1, 1};
    assert_int_equal(f->store.rows, 3);
    assert_int_equal(f->store.tokens.count, sizeof types);
    assert_holds(&f->store, 0, ids, types, sizeof types);
    assert_holds(&f->store, 6, ids + 6, types + 6, 4); /* any stretch, across rows */
    assert_int_equal(f->store.offsets[0], 0);
    assert_int_equal(f->store.offsets[1], 5);
    assert_int_equal(f->store.offsets[2], 7);
    assert_int_equal(f->store.offsets[3], 12);
    const uint32_t *classes = f->store.targets.classes;
    assert_true(classes[0] == 1 && classes[1] == LABEL_NONE && classes[2] == 0);
    assert_int_equal(f->store.longest, 5);
}

static void
row_that_cannot_be_tokenized_leaves_the_store_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_int_equal(append(f, "a", NULL, 1, &err), 0);
    assert_int_equal(append(f, "b\xff", NULL, 1, &err), ERR_INVALID);
    assert_int_equal(f->store.rows, 1);
    assert_int_equal(f->store.tokens.count, 3);
    assert_int_equal(append(f, "b", NULL, 0, &err), 0);
    assert_int_equal(f->store.offsets[1], 3);
    assert_int_equal(f->store.offsets[2], 6);
    assert_holds(&f->store, 4, (const uint32_t[]){6}, (const uint8_t[]){0}, 1);
}

/* A network cannot look at the first token of nothing. */
static void
text_without_a_token_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_int_equal(token_store_add(&f->store, NULL, NULL, 0, 1, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "leaves no token"));
    assert_int_equal(f->store.rows, 0);
    assert_int_equal(token_store_texts(&f->store), 0);
}

static void
store_grows_beyond_its_first_capacity(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(append(f, i % 2 == 0 ? "a" : "a b", NULL, i, &err), 0);
    assert_int_equal(f->store.rows, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(f->store.targets.classes[i], i);
        assert_int_equal(f->store.offsets[i + 1] - f->store.offsets[i], i % 2 == 0 ? 3 : 4);
    }
    assert_int_equal(f->store.longest, 4);
}

static void
empty_store_is_released_and_usable_again(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    token_store_fini(&f->store);
    assert_int_equal(append(f, "a", NULL, 1, &err), 0);
    token_store_fini(&f->store);
    assert_int_equal(f->store.rows, 0);
}

static const uint8_t zeros[4] = {0};

static void
ids_take_two_bytes_until_one_needs_more_and_types_none_until_one_is_not_0(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    static const uint32_t small[] = {0, 1, 65535};
    static const uint32_t large[] = {65536, 7, 4194303};
    static const uint8_t types[] = {0, 1, 1};
    struct token_arena *arena = &f->store.tokens;
    assert_int_equal(token_store_add(&f->store, small, zeros, 3, 0, &err), 0);
    assert_true(arena->narrow != NULL && arena->wide == NULL && arena->types == NULL);
    assert_int_equal(token_store_add(&f->store, large, zeros, 3, 1, &err), 0);
    assert_true(arena->narrow == NULL && arena->wide != NULL && arena->types == NULL);
    assert_int_equal(token_store_add(&f->store, small, types, 3, 2, &err), 0);
    assert_true(arena->types != NULL);
    assert_holds(&f->store, 0, small, zeros, 3);
    assert_holds(&f->store, 3, large, zeros, 3);
    assert_holds(&f->store, 6, small, types, 3);
}

/* Every form grows, and changes its form, with what it holds kept: against plain arrays. */
static void
store_of_any_form_gives_back_what_it_was_given(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 3000, LENGTH = 9 };
    static uint32_t ids[ROWS][LENGTH];
    static uint8_t types[ROWS][LENGTH];
    struct err err = {0};
    for (uint32_t form = 0; form < 4; form++) {
        for (uint32_t row = 0; row < ROWS; row++) {
            bool late = row > ROWS / 2; /* long after the first rows, in the midst of a capacity */
            for (uint32_t i = 0; i < LENGTH; i++) {
                ids[row][i] = (row * 31 + i * 7919) % 65536 + (late && (form & 1) ? 65536 * i : 0);
                types[row][i] = late && (form & 2) && i > 4;
            }
            assert_int_equal(token_store_add(&f->store, ids[row], types[row], LENGTH, row, &err),
                             0);
        }
        for (uint32_t row = 0; row < ROWS; row++)
            assert_holds(&f->store, f->store.offsets[row], ids[row], types[row], LENGTH);
        token_store_fini(&f->store);
    }
}

static void
marks_say_which_ids_occur(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    static const uint32_t ids[] = {3, 70000, 3};
    static bool used[70001];
    token_store_mark(&f->store, used); /* an empty store marks nothing */
    assert_int_equal(token_store_add(&f->store, ids, zeros, 1, 0, &err), 0);
    token_store_mark(&f->store, used);
    assert_true(used[3] && !used[70000]);
    assert_int_equal(token_store_add(&f->store, ids, zeros, 3, 0, &err), 0);
    token_store_mark(&f->store, used);
    assert_true(used[3] && used[70000] && !used[0] && !used[4464]);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(rows_lie_end_to_end_with_their_labels),
        CASE(row_that_cannot_be_tokenized_leaves_the_store_as_it_was),
        CASE(text_without_a_token_is_refused),
        CASE(store_grows_beyond_its_first_capacity),
        CASE(empty_store_is_released_and_usable_again),
        CASE(ids_take_two_bytes_until_one_needs_more_and_types_none_until_one_is_not_0),
        CASE(store_of_any_form_gives_back_what_it_was_given),
        CASE(marks_say_which_ids_occur),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
