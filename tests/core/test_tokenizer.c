/* Encoding: special tokens, truncation, limits, chunks, threads. Ids of real models are elsewhere.
 */
#include "core/text/tokenizer.h"

#include "core/base/buf.h"
#include "core/base/pool.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAD, UNK, CLS, SEP, MASK, A, B, C, SUB_A, SUB_B, DOT, ACUTE, VOCAB_SIZE };

static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n.\n\u00e9\n";

static struct tokenizer *tokenizer;

static int
open_small(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    scratch_open(&scratch);
    scratch_write_text(&scratch, "vocab.txt", vocabulary);
    int status = tokenizer_open(scratch.folder, VOCAB_SIZE, &tokenizer, &err);
    scratch_close(&scratch);
    return status;
}

static int
close_small(void **state)
{
    (void)state;
    tokenizer_free(tokenizer);
    return 0;
}

static struct text
text_of(const char *first, const char *second)
{
    return (struct text){.first = first,
                         .first_length = strlen(first),
                         .second = second,
                         .second_length = second == NULL ? 0 : strlen(second)};
}

static void
check(const char *first, const char *second, size_t max_length, size_t count, const uint32_t *ids)
{
    struct token_list list = {0};
    struct text text = text_of(first, second);
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, &text, max_length, &list, &err), 0);
    assert_int_equal(list.count, count);
    assert_memory_equal(list.ids, ids, count * sizeof *ids);
    token_list_fini(&list);
}

#define IDS(...)                                                                                   \
    sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[])                             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void
a_text_stands_between_cls_and_sep(void **state)
{
    (void)state;
    check("A abab. x", NULL, 0, IDS(CLS, A, A, SUB_B, SUB_A, SUB_B, DOT, UNK, SEP));
    check("", NULL, 0, IDS(CLS, SEP));
    check(" \t\u3000", NULL, 0, IDS(CLS, SEP));
    check("\u00c9", NULL, 0, IDS(CLS, UNK, SEP)); /* stripped to e, which is unknown */
}

static void
a_pair_has_two_types(void **state)
{
    (void)state;
    struct token_list list = {0};
    struct text text = text_of("ab", "c.");
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &list, &err), 0);
    const uint32_t ids[] = {CLS, A, SUB_B, SEP, C, DOT, SEP};
    const uint8_t types[] = {0, 0, 0, 0, 1, 1, 1};
    assert_int_equal(list.count, 7);
    assert_memory_equal(list.ids, ids, sizeof ids);
    assert_memory_equal(list.types, types, sizeof types);
    token_list_fini(&list);
}

static void
a_pair_may_have_empty_sides(void **state)
{
    (void)state;
    check("", "", 0, IDS(CLS, SEP, SEP));
    check("a", "", 0, IDS(CLS, A, SEP, SEP));
    check("", "b", 0, IDS(CLS, SEP, B, SEP));
    check("", "b b b", 5, IDS(CLS, SEP, B, B, SEP));
}

static void
literal_special_tokens_become_themselves(void **state)
{
    (void)state;
    check("a[SEP]b [MASK] [mask]", NULL, 0, IDS(CLS, A, SEP, B, MASK, UNK, UNK, UNK, SEP));
    check("[PAD][UNK][CLS]", NULL, 4, IDS(CLS, PAD, UNK, SEP));
}

static void
a_text_is_cut_at_its_end(void **state)
{
    (void)state;
    check("a b c", NULL, 5, IDS(CLS, A, B, C, SEP));
    check("a b c", NULL, 4, IDS(CLS, A, B, SEP));
    check("a b c", NULL, 3, IDS(CLS, A, SEP));
    check("abab", NULL, 4, IDS(CLS, A, SUB_B, SEP)); /* within a word */
}

static void
a_text_may_be_cut_at_its_start_or_in_its_middle(void **state)
{
    (void)state;
    tokenizer_set_truncation(tokenizer, TRUNCATION_TAIL);
    check("a b c . a", NULL, 5, IDS(CLS, C, DOT, A, SEP));
    check("a b c", "a . b", 7, IDS(CLS, B, C, SEP, DOT, B, SEP));
    check("a b c", "c a . b", 9, IDS(CLS, A, B, C, SEP, A, DOT, B, SEP));
    tokenizer_set_truncation(tokenizer, TRUNCATION_HEAD_TAIL);
    check("a b c . a", NULL, 7, IDS(CLS, A, B, C, DOT, A, SEP));
    check("a b c . a", NULL, 6, IDS(CLS, A, B, DOT, A, SEP));
    check("a b c . a", NULL, 5, IDS(CLS, A, B, A, SEP)); /* the odd one is of the head */
    check("a b c . a", NULL, 3, IDS(CLS, A, SEP));
    check("a b c", "a . b", 7, IDS(CLS, A, C, SEP, A, B, SEP));
    check("a b", "c c a . b", 8, IDS(CLS, A, B, SEP, C, C, B, SEP));
    tokenizer_set_truncation(tokenizer, TRUNCATION_AUTO); /* changes nothing */
    assert_int_equal(tokenizer_truncation(tokenizer), TRUNCATION_HEAD_TAIL);
    tokenizer_set_truncation(tokenizer, TRUNCATION_HEAD);
}

/* Tokens of known words, as "word:start-end" each. */
static void
check_words(const char *text, const struct data_word *words, size_t count, size_t max_length,
            const char *expected)
{
    struct token_list list = {.with_places = true};
    struct text_words input = {.bytes = text, .words = words, .count = count};
    struct buf shown = {0};
    struct err err;
    assert_int_equal(tokenizer_encode_words(tokenizer, &input, max_length, &list, &err), 0);
    for (size_t i = 1; i + 1 < list.count; i++)
        buf_printf(&shown, "%s%u:%zu-%zu", i > 1 ? " " : "", list.words[i], list.starts[i],
                   list.ends[i]);
    assert_string_equal(buf_string(&shown), expected);
    assert_true(list.words[0] == TOKEN_NO_WORD && list.words[list.count - 1] == TOKEN_NO_WORD);
    assert_int_equal(list.ends[0] + list.ends[list.count - 1], 0);
    buf_fini(&shown);
    token_list_fini(&list);
}

static void
known_words_are_tokenized_each_by_itself(void **state)
{
    (void)state;
    const char *text = "ab . [SEP]a  b";
    const struct data_word words[] = {{0, 2}, {3, 1}, {5, 6}, {12, 0}, {13, 1}};
    check_words(text, words, 5, 0, "0:0-1 0:1-2 1:3-4 2:5-10 2:10-11 4:13-14");
    check_words(text, words, 5, 3, "0:0-1"); /* cut within a word */
    check_words(text, words, 0, 3, "");
    tokenizer_set_truncation(tokenizer, TRUNCATION_TAIL);
    check_words(text, words, 5, 5, "2:5-10 2:10-11 4:13-14");
    tokenizer_set_truncation(tokenizer, TRUNCATION_HEAD);
    const struct data_word inner[] = {{0, 4}, {4, 1}}; /* words need no blank between them */
    check_words("abcdb", inner, 2, 0, "0:0-4 1:4-5");
}

static void
a_word_that_cuts_a_character_is_named(void **state)
{
    (void)state;
    struct token_list list = {.with_places = true};
    const struct data_word words[] = {{0, 1}, {2, 1}};
    struct text_words input = {.bytes = "a \u00e9", .words = words, .count = 2};
    struct err err;
    assert_int_equal(tokenizer_encode_words(tokenizer, &input, 0, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "word 2"));
    assert_int_equal(list.count, 0);
    token_list_fini(&list);
}

static void
the_longer_side_is_cut_first(void **state)
{
    (void)state;
    check("a a", "b b b b", 7, IDS(CLS, A, A, SEP, B, B, SEP));
    check("a a a a", "b", 6, IDS(CLS, A, A, SEP, B, SEP));
    check("a a a a", "b b", 7, IDS(CLS, A, A, SEP, B, B, SEP));
}

static void
of_equal_sides_the_second_has_the_odd_token(void **state)
{
    (void)state;
    check("a a a", "b b b", 8, IDS(CLS, A, A, SEP, B, B, B, SEP));
    check("a a a a", "b b b", 8, IDS(CLS, A, A, A, SEP, B, B, SEP));
    check("a a a", "b b b b", 8, IDS(CLS, A, A, SEP, B, B, B, SEP));
    check("a a", "b b", 4, IDS(CLS, SEP, B, SEP));
}

static void
a_length_without_room_is_refused(void **state)
{
    (void)state;
    struct token_list list = {0};
    struct text text = text_of("a", NULL);
    struct text pair = text_of("a", "b");
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, &text, 2, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "at least 3"));
    assert_int_equal(tokenizer_encode(tokenizer, &pair, 3, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "at least 4"));
    assert_int_equal(list.count, 0);
}

static void
text_that_is_not_utf8_names_the_byte_and_leaves_the_list(void **state)
{
    (void)state;
    struct token_list list = {0};
    struct text good = text_of("a", NULL);
    struct text bad = text_of("abc\xff", NULL);
    struct text second = text_of("abc", "a\xc3");
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, &good, 0, &list, &err), 0);
    assert_int_equal(tokenizer_encode(tokenizer, &bad, 0, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "byte 3"));
    assert_int_equal(tokenizer_encode(tokenizer, &second, 0, &list, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "second"));
    assert_non_null(strstr(err.message, "byte 1"));
    assert_int_equal(list.count, 3);
    token_list_fini(&list);
}

static void
nul_characters_are_legal_and_dropped(void **state)
{
    (void)state;
    struct token_list list = {0};
    struct text text = {.first = "a\0b", .first_length = 3};
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &list, &err), 0);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.ids[1], A);
    assert_int_equal(list.ids[2], SUB_B);
    token_list_fini(&list);
}

static void
ids_are_appended(void **state)
{
    (void)state;
    struct token_list list = {0};
    struct text text = text_of("b", NULL);
    struct err err;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(tokenizer_encode(tokenizer, &text, 3, &list, &err), 0);
    assert_int_equal(list.count, 300);
    assert_int_equal(list.ids[298], B);
    token_list_fini(&list);
}

/* Words across the places where a long text is cut into chunks, with few blanks and with many. */
static void
long_texts_are_not_cut_within_words(void **state)
{
    (void)state;
    for (size_t word = 1; word <= 4000; word += word < 8 ? 1 : 997) {
        struct buf text = {0};
        struct token_list list = {0};
        struct err err;
        size_t words = 20000 / word;
        for (size_t i = 0; i < words; i++) {
            for (size_t k = 0; k < word; k++)
                buf_append(&text, "a", 1);
            buf_append_string(&text, i % 2 == 0 ? " " : "\n");
        }
        struct text whole = {.first = text.data, .first_length = text.length};
        assert_int_equal(tokenizer_encode(tokenizer, &whole, 0, &list, &err), 0);
        assert_int_equal(list.count, 2 + (word > 100 ? words : words * word));
        token_list_fini(&list);
        buf_fini(&text);
    }
}

struct shared_run {
    struct token_list lists[64];
};

static void
encode_item(void *context, size_t item, size_t thread)
{
    struct shared_run *run = context;
    struct text text = text_of("abab [SEP] c. \u00c9a \u4e2d", item % 2 == 0 ? NULL : "b a");
    struct err err;
    (void)thread;
    for (size_t i = 0; i < 50; i++) {
        run->lists[item].count = 0;
        assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &run->lists[item], &err), 0);
    }
}

static void
threads_share_a_tokenizer(void **state)
{
    (void)state;
    struct err err;
    struct shared_run run = {0};
    struct pool *pool = pool_new(4, &err);
    assert_non_null(pool);
    pool_run(pool, encode_item, &run, 64);
    for (size_t i = 2; i < 64; i++) {
        assert_int_equal(run.lists[i].count, run.lists[i % 2].count);
        assert_memory_equal(run.lists[i].ids, run.lists[i % 2].ids,
                            run.lists[i].count * sizeof(uint32_t));
    }
    for (size_t i = 0; i < 64; i++)
        token_list_fini(&run.lists[i]);
    pool_free(pool);
}

static void
sizes_are_told(void **state)
{
    (void)state;
    assert_int_equal(tokenizer_vocab_size(tokenizer), VOCAB_SIZE);
    assert_int_equal(tokenizer_pad_id(tokenizer), PAD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_stands_between_cls_and_sep),
        cmocka_unit_test(a_pair_has_two_types),
        cmocka_unit_test(a_pair_may_have_empty_sides),
        cmocka_unit_test(literal_special_tokens_become_themselves),
        cmocka_unit_test(a_text_is_cut_at_its_end),
        cmocka_unit_test(a_text_may_be_cut_at_its_start_or_in_its_middle),
        cmocka_unit_test(known_words_are_tokenized_each_by_itself),
        cmocka_unit_test(a_word_that_cuts_a_character_is_named),
        cmocka_unit_test(the_longer_side_is_cut_first),
        cmocka_unit_test(of_equal_sides_the_second_has_the_odd_token),
        cmocka_unit_test(a_length_without_room_is_refused),
        cmocka_unit_test(text_that_is_not_utf8_names_the_byte_and_leaves_the_list),
        cmocka_unit_test(nul_characters_are_legal_and_dropped),
        cmocka_unit_test(ids_are_appended),
        cmocka_unit_test(long_texts_are_not_cut_within_words),
        cmocka_unit_test(threads_share_a_tokenizer),
        cmocka_unit_test(sizes_are_told),
    };
    return cmocka_run_group_tests(tests, open_small, close_small);
}
