/* Windows of long texts: where they begin and end, what they are as rows, and their means. */
#include "core/text/windows.h"

#include "core/base/buf.h"
#include "core/data/batch.h"
#include "core/train/text_means.h"
#include "tests/support/golden_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_SHOWN = 10, SMALL_SIZE = 20000, BYTES_SIZE = 2000, ROW = 8 };

static struct tokenizer *
open_tokenizer(const char *folder, size_t vocab_size)
{
    struct tokenizer *tokenizer = NULL;
    struct err err;
    if (tokenizer_open(folder, vocab_size, &tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    return tokenizer;
}

/* ---- against the reference ------------------------------------------------------------------- */

static void
fold(uint32_t *sum, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        *sum = (*sum ^ (value >> shift & 0xff)) * 0x01000193u;
}

/* The sum of golden_windows.py over a list of windows of at most `length` tokens. */
static uint32_t
sum_of(const struct token_list *list, size_t length)
{
    uint32_t sum = 0x811c9dc5u;
    for (size_t from = 0; from < list->count; from += length) {
        size_t count = list->count - from < length ? list->count - from : length;
        fold(&sum, (uint32_t)count);
        for (size_t i = 0; i < count; i++) {
            fold(&sum, list->ids[from + i]);
            assert_int_equal(list->types[from + i], 0);
        }
    }
    return (sum ^ sum >> 16) & 0xffff;
}

static void
check_reference(const char *folder, size_t vocab_size, const char *name)
{
    static const enum truncation sides[] = {TRUNCATION_HEAD, TRUNCATION_TAIL};
    char path[512];
    struct golden_texts golden;
    size_t wrong = 0;
    snprintf(path, sizeof path, "%s/tokens/windows_%s.gz", FIXTURES, name);
    golden_texts_read(FIXTURES "/tokens/texts.gz", &golden);
    struct golden_packed expected = golden_texts_unpack(path);
    struct tokenizer *tokenizer = open_tokenizer(folder, vocab_size);
    for (size_t i = 0; i < golden.count; i++) {
        size_t length = 5 + i % 23;
        tokenizer_set_windows(tokenizer, (struct text_windows){true, i % (length - 2)});
        for (size_t side = 0; side < 2; side++) {
            struct token_list list = {0};
            struct err err;
            tokenizer_set_truncation(tokenizer, sides[side]);
            assert_int_equal(tokenizer_encode(tokenizer, &golden.texts[i], length, &list, &err), 0);
            if (sum_of(&list, length) != golden_texts_short(&expected) && ++wrong <= MOST_SHOWN)
                print_error("%s: text %zu, side %zu\n", name, i, side);
            token_list_fini(&list);
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(expected.at == expected.bytes.length);
    buf_fini(&expected.bytes);
    tokenizer_free(tokenizer);
    golden_texts_fini(&golden);
}

static void
wordpiece_windows_equal_the_reference(void **state)
{
    (void)state;
    check_reference(FIXTURES "/tokens/small", SMALL_SIZE, "small_uncased");
}

static void
byte_level_windows_equal_the_reference(void **state)
{
    (void)state;
    check_reference(FIXTURES "/tokens/bytes", BYTES_SIZE, "bytes");
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* "a a a ...": a token each. */
static struct text
text_of(struct buf *bytes, size_t words)
{
    bytes->length = 0;
    for (size_t i = 0; i < words; i++)
        buf_append_string(bytes, "a ");
    buf_append_string(bytes, "");
    return (struct text){.first = bytes->data, .first_length = bytes->length};
}

static void
a_text_that_fits_is_one_row(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer(FIXTURES "/tokens/small", SMALL_SIZE);
    struct token_list plain = {0}, list = {0};
    struct buf bytes = {0};
    struct err err;
    for (size_t words = 1; words <= ROW - 2; words++) {
        struct text text = text_of(&bytes, words);
        plain.count = list.count = 0;
        tokenizer_set_windows(tokenizer, (struct text_windows){.wanted = false});
        assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &plain, &err), 0);
        tokenizer_set_windows(tokenizer, (struct text_windows){true, 2});
        assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &list, &err), 0);
        assert_int_equal(list.count, plain.count);
        assert_memory_equal(list.ids, plain.ids, list.count * sizeof *list.ids);
    }
    struct text text = text_of(&bytes, ROW - 1);
    assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &list, &err), 0);
    assert_int_equal(list.count, plain.count + ROW + 5); /* 6 words, then the last 3 */
    text.second = text.first;
    text.second_length = text.first_length;
    list.count = 0;
    assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &list, &err), 0);
    assert_int_equal(list.count, ROW); /* a pair is cut */
    token_list_fini(&plain);
    token_list_fini(&list);
    buf_fini(&bytes);
    tokenizer_free(tokenizer);
}

static void
what_cannot_be_divided_is_refused_and_leaves_the_list(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer(FIXTURES "/tokens/small", SMALL_SIZE);
    struct token_list list = {0};
    struct buf bytes = {0};
    struct err err;
    struct text text = text_of(&bytes, 3);
    tokenizer_set_windows(tokenizer, (struct text_windows){true, ROW - 2});
    assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "cannot share 6"));
    assert_int_equal(tokenizer_encode(tokenizer, &text, 2, &list, &err), ERR_INVALID);
    assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &list, &err), 0); /* there is no limit */
    assert_int_equal(list.count, 5);

    tokenizer_set_windows(tokenizer, (struct text_windows){true, ROW - 3});
    text = text_of(&bytes, WINDOWS_MAX + ROW - 3);
    assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &list, &err), 0);
    assert_int_equal(list.count, 5 + WINDOWS_MAX * ROW);
    text = text_of(&bytes, WINDOWS_MAX + ROW - 2);
    assert_int_equal(tokenizer_encode(tokenizer, &text, ROW, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "the limit is 4096 windows"));
    assert_int_equal(list.count, 5 + WINDOWS_MAX * ROW);
    token_list_fini(&list);
    buf_fini(&bytes);
    tokenizer_free(tokenizer);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Text i has 1 + i % 4 rows of 3 tokens, the last of which has 1 + i % 3; its label is i. */
static void
fill(struct token_store *store, size_t texts)
{
    uint32_t ids[12];
    const uint8_t types[12] = {0};
    struct err err;
    for (uint32_t i = 0; i < texts; i++) {
        const struct text_tokens text = {ids, types, i % 4 * 3 + 1 + i % 3, 3};
        for (size_t t = 0; t < 12; t++)
            ids[t] = 100 * i + (uint32_t)t;
        assert_int_equal(token_store_add_text(store, &text, &(struct target){.label = i}, &err), 0);
    }
}

static void
windows_are_rows_of_their_text(void **state)
{
    (void)state;
    enum { TEXTS = 2500 }; /* beyond what is reserved at first */
    struct token_store store = {0};
    size_t row = 0;
    fill(&store, TEXTS);
    assert_int_equal(token_store_texts(&store), TEXTS);
    assert_int_equal(store.longest, 3);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_int_equal(token_store_first_row(&store, i), row);
        for (size_t k = 0; k <= i % 4; k++, row++) {
            size_t length = store.offsets[row + 1] - store.offsets[row];
            assert_int_equal(length, k < i % 4 ? 3 : 1 + i % 3);
            assert_int_equal(token_store_text_of(&store, row), i);
        }
    }
    assert_int_equal(row, store.rows);
    assert_int_equal(token_store_first_row(&store, TEXTS), row);
    token_store_fini(&store);
}

static void
a_batch_has_the_targets_of_its_rows_texts(void **state)
{
    (void)state;
    struct token_store store = {0};
    struct batch batch;
    struct err err;
    uint32_t picked[20], ids[3];
    uint8_t types[3];
    fill(&store, 12);
    assert_int_equal(batch_init(&batch, 20, 60, &err), 0);
    for (uint32_t i = 0; i < 20; i++)
        picked[i] = 19 - i;
    batch_fill(&batch, &store, picked, 20);
    assert_int_equal(batch.rows, 20);
    for (size_t row = 0; row < 20; row++) {
        uint32_t text = batch.sources[row];
        assert_int_equal(batch.targets->classes[text], text);
        token_store_copy(&store, store.offsets[token_store_first_row(&store, text)], 1, ids, types);
        assert_int_equal(batch.ids[batch.offsets[row]] / 100, ids[0] / 100);
    }
    batch_fini(&batch);
    token_store_fini(&store);
}

/* ---- means ----------------------------------------------------------------------------------- */

static void
means_come_when_the_last_window_has_come(void **state)
{
    (void)state;
    struct token_store store = {0};
    struct text_means means;
    struct err err;
    const float x[] = {1, 10}, y[] = {2, 20}, z[] = {6, 60};
    fill(&store, 4); /* of 1, 2, 3 and 4 rows */
    assert_int_equal(text_means_init(&means, 2, 3, &err), 0);
    for (int round = 0; round < 2; round++) {
        assert_ptr_equal(text_means_add(&means, &store, 0, x, 2), x);
        assert_null(text_means_add(&means, &store, 2, x, 2));
        assert_null(text_means_add(&means, &store, 1, x, 2));
        assert_null(text_means_add(&means, &store, 3, x, 2)); /* never answered */
        assert_null(text_means_add(&means, &store, 2, y, 2));
        const float *mean = text_means_add(&means, &store, 1, z, 2);
        assert_true(mean != NULL && mean[0] > 3.49f && mean[0] < 3.51f);
        mean = text_means_add(&means, &store, 2, z, 2);
        assert_true(mean != NULL && mean[0] > 2.99f && mean[0] < 3.01f && mean[1] > 29.9f &&
                    mean[1] < 30.1f);
        text_means_restart(&means);
    }
    text_means_fini(&means);
    token_store_fini(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece_windows_equal_the_reference),
        cmocka_unit_test(byte_level_windows_equal_the_reference),
        cmocka_unit_test(a_text_that_fits_is_one_row),
        cmocka_unit_test(what_cannot_be_divided_is_refused_and_leaves_the_list),
        cmocka_unit_test(windows_are_rows_of_their_text),
        cmocka_unit_test(a_batch_has_the_targets_of_its_rows_texts),
        cmocka_unit_test(means_come_when_the_last_window_has_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
