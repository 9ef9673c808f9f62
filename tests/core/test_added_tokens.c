/* Added tokens: which of them match where, with every flag. */
#include "core/text/added_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A walk in one line: plain text as it is, tokens as <id>, pieces apart by '|'. */
static void
check(const struct added_tokens *tokens, bool normalized, const char *text, const char *expected)
{
    char shown[256] = "";
    struct added_cursor cursor = added_tokens_walk(tokens, normalized, text, strlen(text));
    struct added_piece piece;
    while (added_tokens_next(&cursor, &piece)) {
        size_t used = strlen(shown);
        const char *bar = used > 0 ? "|" : "";
        if (piece.token != NULL)
            snprintf(shown + used, sizeof shown - used, "%s<%u>", bar, piece.token->id);
        else
            snprintf(shown + used, sizeof shown - used, "%s%.*s", bar, (int)piece.length,
                     piece.bytes);
    }
    assert_string_equal(shown, expected);
}

static struct added_tokens *
make(const struct added_token *list, size_t count)
{
    struct added_tokens *tokens = added_tokens_new();
    struct normalizer normalizer = {.clean_text = true, .strip_accents = true, .lowercase = true};
    struct err err;
    normalizer_init(&normalizer);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(added_tokens_add(tokens, &list[i], &err), 0);
    assert_int_equal(added_tokens_prepare(tokens, &normalizer, &err), 0);
    return tokens;
}

static void
special_tokens_are_cut_out_of_raw_text(void **state)
{
    (void)state;
    const struct added_token list[] = {{.content = "[CLS]", .id = 1},
                                       {.content = "[SEP]", .id = 2}};
    struct added_tokens *tokens = make(list, 2);
    check(tokens, false, "a[SEP]b [CLS][SEP]", "a|<2>|b |<1>|<2>");
    check(tokens, false, "[sep] [SEP [ SEP]", "[sep] [SEP [ SEP]");
    check(tokens, false, "", "");
    check(tokens, false, "[", "[");
    check(tokens, true, "[SEP]", "[SEP]");
    assert_false(added_tokens_any_normalized(tokens));
    added_tokens_free(tokens);
}

static void
the_leftmost_then_the_longest_wins(void **state)
{
    (void)state;
    const struct added_token list[] = {{.content = "ab", .id = 1},
                                       {.content = "abcd", .id = 2},
                                       {.content = "bc", .id = 3},
                                       {.content = "\u00e9", .id = 4}};
    struct added_tokens *tokens = make(list, 4);
    check(tokens, false, "xabcx", "x|<1>|cx");
    check(tokens, false, "abcde", "<2>|e");
    check(tokens, false, "bcab\u00e9\u00e8", "<3>|<1>|<4>|\u00e8");
    added_tokens_free(tokens);
}

static void
a_single_word_touches_no_word(void **state)
{
    (void)state;
    const struct added_token list[] = {{.content = "<m>", .id = 1, .single_word = true}};
    struct added_tokens *tokens = make(list, 1);
    check(tokens, false, "<m>, <m>a a<m> <m>", "<1>|, <m>a a<m> |<1>");
    check(tokens, false, "\u00e9<m> \u0301<m> -<m>_", "\u00e9<m> \u0301<m> -<m>_");
    check(tokens, false, "-<m>-", "-|<1>|-");
    added_tokens_free(tokens);
}

static void
stripping_takes_white_space_along(void **state)
{
    (void)state;
    const struct added_token list[] = {{.content = "<l>", .id = 1, .lstrip = true},
                                       {.content = "<r>", .id = 2, .rstrip = true}};
    struct added_tokens *tokens = make(list, 2);
    check(tokens, false, "a \t<l> b", "a|<1>| b");
    check(tokens, false, "a <r>\u3000 b", "a |<2>|b");
    check(tokens, false, "<r>  <l>  <r> ", "<2>|<1>|  |<2>");
    added_tokens_free(tokens);
}

static void
normalized_tokens_match_in_their_normal_form(void **state)
{
    (void)state;
    const struct added_token list[] = {
        {.content = "Caf\u00e9", .id = 1, .normalized = true},
        {.content = "CAFE", .id = 2, .normalized = true},
        {.content = "<s>", .id = 3, .special = true, .normalized = true}};
    struct added_tokens *tokens = make(list, 3);
    assert_true(added_tokens_any_normalized(tokens));
    check(tokens, true, "a cafe<s>", "a |<1>|<3>"); /* of equal forms the first */
    check(tokens, false, "cafe", "cafe");
    added_tokens_free(tokens);
}

static void
a_token_that_normalizes_to_nothing_is_named(void **state)
{
    (void)state;
    struct added_tokens *tokens = added_tokens_new();
    struct normalizer normalizer = {.strip_accents = true};
    struct err err;
    normalizer_init(&normalizer);
    const struct added_token token = {.content = "\u0301", .normalized = true};
    assert_int_equal(added_tokens_add(tokens, &token, &err), 0);
    assert_int_equal(added_tokens_prepare(tokens, &normalizer, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "\u0301"));
    added_tokens_free(tokens);
}

static void
ids_come_from_the_vocabulary_or_follow_it(void **state)
{
    (void)state;
    struct added_tokens *tokens = added_tokens_new();
    struct vocab *vocab = vocab_new();
    struct err err;
    assert_int_equal(vocab_add(vocab, "a", 1, 0, &err), 0);
    assert_int_equal(vocab_add(vocab, "b", 1, 1, &err), 0);
    assert_int_equal(added_tokens_next_id(tokens, vocab, "b"), 1);
    assert_int_equal(added_tokens_next_id(tokens, vocab, "x"), 2);
    struct added_token token = {.content = "x", .id = 2};
    assert_int_equal(added_tokens_add(tokens, &token, &err), 0);
    assert_int_equal(added_tokens_next_id(tokens, vocab, "y"), 3);
    assert_int_equal(added_tokens_next_id(tokens, vocab, "x"), 2);
    token.lstrip = true; /* again: the flags change, the number does not */
    assert_int_equal(added_tokens_add(tokens, &token, &err), 0);
    assert_int_equal(added_tokens_count(tokens), 1);
    assert_true(added_tokens_find(tokens, "x")->lstrip);
    assert_null(added_tokens_find(tokens, "z"));
    added_tokens_free(tokens);
    vocab_free(vocab);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_tokens_are_cut_out_of_raw_text),
        cmocka_unit_test(the_leftmost_then_the_longest_wins),
        cmocka_unit_test(a_single_word_touches_no_word),
        cmocka_unit_test(stripping_takes_white_space_along),
        cmocka_unit_test(normalized_tokens_match_in_their_normal_form),
        cmocka_unit_test(a_token_that_normalizes_to_nothing_is_named),
        cmocka_unit_test(ids_come_from_the_vocabulary_or_follow_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
