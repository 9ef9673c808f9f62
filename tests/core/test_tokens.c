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
    assert_memory_equal(f->store.tokens.ids, ids, sizeof ids);
    assert_memory_equal(f->store.tokens.types, types, sizeof types);
    assert_int_equal(f->store.offsets[0], 0);
    assert_int_equal(f->store.offsets[1], 5);
    assert_int_equal(f->store.offsets[2], 7);
    assert_int_equal(f->store.offsets[3], 12);
    assert_true(f->store.labels[0] == 1 && f->store.labels[1] == LABEL_NONE &&
                f->store.labels[2] == 0);
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
    assert_int_equal(f->store.tokens.ids[4], 6);
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
        assert_int_equal(f->store.labels[i], i);
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

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(rows_lie_end_to_end_with_their_labels),
        CASE(row_that_cannot_be_tokenized_leaves_the_store_as_it_was),
        CASE(store_grows_beyond_its_first_capacity),
        CASE(empty_store_is_released_and_usable_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
