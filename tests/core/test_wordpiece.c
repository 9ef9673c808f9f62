/* The vocabulary's table and the longest match over it, against a naive twin. */
#include "core/text/wordpiece.h"

#include "core/base/rng.h"
#include "core/text/tokenizer.h"
#include "core/text/vocab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
add(struct vocab *vocab, const char *token, uint32_t id)
{
    struct err err;
    assert_int_equal(vocab_add(vocab, token, strlen(token), id, &err), 0);
}

static struct vocab *
make_vocab(const char *const *tokens, size_t count)
{
    struct vocab *vocab = vocab_new();
    for (size_t i = 0; i < count; i++)
        add(vocab, tokens[i], (uint32_t)i);
    return vocab;
}

static void
tokens_are_found_after_growth(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct vocab *vocab = vocab_new();
    char token[32];
    uint32_t id;
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(token, sizeof token, "token%u", i);
        add(vocab, token, i * 3);
    }
    assert_int_equal(vocab_count(vocab), COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(token, sizeof token, "token%u", i);
        assert_true(vocab_find(vocab, token, strlen(token), &id));
        assert_int_equal(id, i * 3);
        assert_string_equal(vocab_entry(vocab, i).bytes, token);
    }
    assert_false(vocab_find(vocab, "token", 5, &id));
    assert_false(vocab_find(vocab, "", 0, &id));
    vocab_free(vocab);
}

static void
the_last_of_equal_tokens_wins(void **state)
{
    (void)state;
    struct vocab *vocab = vocab_new();
    uint32_t id = 0;
    add(vocab, "a", 1);
    add(vocab, "a", 7);
    assert_int_equal(vocab_count(vocab), 1);
    assert_true(vocab_find(vocab, "a", 1, &id));
    assert_int_equal(id, 7);
    vocab_free(vocab);
}

static void
a_token_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    static char token[VOCAB_MAX_TOKEN_BYTES + 1];
    struct vocab *vocab = vocab_new();
    struct err err;
    memset(token, 'q', sizeof token);
    assert_int_equal(vocab_add(vocab, token, VOCAB_MAX_TOKEN_BYTES, 0, &err), 0);
    assert_int_equal(vocab_add(vocab, token, sizeof token, 0, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "qqqq"));
    assert_non_null(strstr(err.message, "512"));
    vocab_free(vocab);
}

/* Strings over two letters that land in one slot, made by trying. */
static void
made_up_collisions_are_refused(void **state)
{
    (void)state;
    struct vocab *vocab = vocab_new();
    struct err err;
    int status = 0;
    for (uint32_t i = 0; i < 100000000 && status == 0; i++) {
        char token[16];
        snprintf(token, sizeof token, "%u", i);
        uint32_t hash = vocab_hash(vocab_hash_start(), token, strlen(token));
        if (((hash ^ hash >> 15) & 0x3fff) == 0)
            status = vocab_add(vocab, token, strlen(token), i, &err);
    }
    assert_int_equal(status, ERR_INVALID);
    assert_non_null(strstr(err.message, "collides"));
    vocab_free(vocab);
}

static const char *const small[] = {"[UNK]", "un",  "##want", "##ed", "##e",      "##d",
                                    "want",  "u",   "##n",    "##w",  "##\u00e9", "caf",
                                    "##",    "##c", "##a",    "##ff", "nn"};

static struct wordpiece
make_wordpiece(struct vocab *vocab, const char *prefix, size_t max_characters)
{
    struct wordpiece wordpiece = {
        .vocab = vocab, .prefix = prefix, .unknown = "[UNK]", .max_characters = max_characters};
    struct err err;
    assert_int_equal(wordpiece_init(&wordpiece, &err), 0);
    return wordpiece;
}

static void
encode(const struct wordpiece *wordpiece, const char *text, struct token_list *list)
{
    struct word word = {.bytes = text, .length = strlen(text)};
    for (const char *at = text; *at != '\0'; at++)
        word.characters += ((unsigned char)*at & 0xc0) != 0x80;
    list->count = 0;
    wordpiece_encode(wordpiece, &word, 0, list);
}

static void
check(const struct wordpiece *wordpiece, const char *text, size_t count, const uint32_t *ids)
{
    struct token_list list = {0};
    encode(wordpiece, text, &list);
    assert_int_equal(list.count, count);
    assert_memory_equal(list.ids, ids, count * sizeof *ids);
    token_list_fini(&list);
}

static void
the_longest_piece_is_taken_each_time(void **state)
{
    (void)state;
    struct vocab *vocab = make_vocab(small, sizeof small / sizeof small[0]);
    struct wordpiece wordpiece = make_wordpiece(vocab, "##", 100);
    check(&wordpiece, "unwanted", 3, (const uint32_t[]){1, 2, 3});
    check(&wordpiece, "want", 1, (const uint32_t[]){6});
    check(&wordpiece, "caf\u00e9", 2, (const uint32_t[]){11, 10});
    vocab_free(vocab);
}

static void
a_word_that_cannot_be_covered_is_one_unknown_token(void **state)
{
    (void)state;
    struct vocab *vocab = make_vocab(small, sizeof small / sizeof small[0]);
    struct wordpiece wordpiece = make_wordpiece(vocab, "##", 100);
    check(&wordpiece, "unwantedx", 1, (const uint32_t[]){0});
    check(&wordpiece, "xun", 1, (const uint32_t[]){0});
    check(&wordpiece, "caf\u00e8", 1, (const uint32_t[]){0});
    vocab_free(vocab);
}

static void
a_word_beyond_the_limit_is_unknown(void **state)
{
    (void)state;
    struct vocab *vocab = make_vocab(small, sizeof small / sizeof small[0]);
    struct wordpiece wordpiece = make_wordpiece(vocab, "##", 4);
    check(&wordpiece, "want", 1, (const uint32_t[]){6});
    check(&wordpiece, "caf\u00e9", 2, (const uint32_t[]){11, 10});
    check(&wordpiece, "wante", 1, (const uint32_t[]){0});
    vocab_free(vocab);
}

static void
an_empty_prefix_is_legal(void **state)
{
    (void)state;
    struct vocab *vocab = make_vocab(small, sizeof small / sizeof small[0]);
    struct wordpiece wordpiece = make_wordpiece(vocab, "", 100);
    check(&wordpiece, "unwantnnu", 4, (const uint32_t[]){1, 6, 16, 7});
    vocab_free(vocab);
}

static void
a_missing_unknown_token_is_named(void **state)
{
    (void)state;
    struct vocab *vocab = make_vocab(small + 1, 5);
    struct wordpiece wordpiece = {.vocab = vocab, .prefix = "##", .unknown = "[UNK]"};
    struct err err;
    assert_int_equal(wordpiece_init(&wordpiece, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "'[UNK]'"));
    vocab_free(vocab);
}

/* The rule as one would write it down, without hashes. */
static void
naive_encode(struct vocab *vocab, const char *text, struct token_list *list)
{
    size_t length = strlen(text);
    char piece[64];
    list->count = 0;
    for (size_t at = 0, end; at < length; at = end) {
        uint32_t id = 0;
        for (end = length; end > at; end--) {
            int written = snprintf(piece, sizeof piece, "%s%.*s", at > 0 ? "##" : "",
                                   (int)(end - at), text + at);
            if (vocab_find(vocab, piece, (size_t)written, &id))
                break;
        }
        if (end == at) {
            list->count = 0;
            token_list_push(list, 0, 0);
            return;
        }
        token_list_push(list, id, 0);
    }
}

static void
random_words_equal_the_naive_twin(void **state)
{
    (void)state;
    struct vocab *vocab = make_vocab(small, sizeof small / sizeof small[0]);
    struct wordpiece wordpiece = make_wordpiece(vocab, "##", 100);
    struct rng_stream stream = rng_stream(3, RNG_SHUFFLE, 0, 0);
    struct token_list list = {0};
    struct token_list naive = {0};
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t random[4];
        char word[16] = {0};
        rng_block(&stream, i, random);
        size_t length = 1 + random[0] % 12;
        for (size_t k = 0; k < length; k++)
            word[k] = "unwatedcf"[(random[1 + k / 5] >> k % 5 * 6) % 9];
        encode(&wordpiece, word, &list);
        naive_encode(vocab, word, &naive);
        assert_int_equal(list.count, naive.count);
        assert_memory_equal(list.ids, naive.ids, list.count * sizeof *list.ids);
    }
    token_list_fini(&list);
    token_list_fini(&naive);
    vocab_free(vocab);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_found_after_growth),
        cmocka_unit_test(the_last_of_equal_tokens_wins),
        cmocka_unit_test(a_token_beyond_the_limit_is_refused),
        cmocka_unit_test(made_up_collisions_are_refused),
        cmocka_unit_test(the_longest_piece_is_taken_each_time),
        cmocka_unit_test(a_word_that_cannot_be_covered_is_one_unknown_token),
        cmocka_unit_test(a_word_beyond_the_limit_is_unknown),
        cmocka_unit_test(an_empty_prefix_is_legal),
        cmocka_unit_test(a_missing_unknown_token_is_named),
        cmocka_unit_test(random_words_equal_the_naive_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
