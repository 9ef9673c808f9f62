/* Byte pair encoding against a naive twin that looks at every pair for every join. */
#include "core/text/bpe.h"

#include "core/text/token_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LETTERS = 4, MERGES = 60, MOST_LETTERS = 400, ROUNDS = 100, WORDS = 20 };

static uint64_t random_state = 7;

static size_t
random_below(size_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(random_state >> 33) % bound;
}

/* A vocabulary of some letters and random joins of what is in it, and the joins as merges. */
struct model {
    struct vocab *vocab;
    struct bpe *bpe;
};

static struct model
make_model(void)
{
    struct model model = {.vocab = vocab_new(), .bpe = bpe_new()};
    struct bpe_unknown unknown = {.token = NULL};
    struct err err;
    for (size_t i = 0; i < LETTERS; i++)
        assert_int_equal(vocab_add(model.vocab, &"abcd"[i], 1, (uint32_t)i, &err), 0);
    for (size_t i = 0; i < MERGES; i++) {
        struct vocab_entry left = vocab_entry(model.vocab, random_below(vocab_count(model.vocab)));
        struct vocab_entry right = vocab_entry(model.vocab, random_below(vocab_count(model.vocab)));
        char parts[2][VOCAB_MAX_TOKEN_BYTES + 1];
        char joined[64];
        if (left.length + right.length > 12)
            continue;
        snprintf(parts[0], sizeof parts[0], "%s", left.bytes);
        snprintf(parts[1], sizeof parts[1], "%s", right.bytes);
        snprintf(joined, sizeof joined, "%s%s", left.bytes, right.bytes);
        uint32_t known;
        if (!vocab_find(model.vocab, joined, strlen(joined), &known))
            assert_int_equal(vocab_add(model.vocab, joined, strlen(joined),
                                       (uint32_t)vocab_count(model.vocab), &err),
                             0);
        assert_int_equal(bpe_add_merge(model.bpe, model.vocab, parts[0], parts[1], &err), 0);
    }
    assert_int_equal(bpe_prepare(model.bpe, model.vocab, &unknown, &err), 0);
    return model;
}

/* The rank of a pair: its last merge's; the number of merges for none. */
static size_t
rank_of(const struct bpe *bpe, uint32_t left, uint32_t right, uint32_t *joined)
{
    size_t found = bpe_merge_count(bpe);
    for (size_t rank = 0; rank < bpe_merge_count(bpe); rank++) {
        struct bpe_merge merge = bpe_merge_at(bpe, rank);
        if (merge.left != left || merge.right != right)
            continue;
        found = rank;
        *joined = merge.joined;
    }
    return found;
}

static size_t
naive_encode(const struct bpe *bpe, const char *word, size_t length, uint32_t *ids)
{
    size_t count = length;
    for (size_t i = 0; i < length; i++)
        ids[i] = (uint32_t)(word[i] - 'a');
    while (count > 1) {
        size_t best = bpe_merge_count(bpe);
        size_t at = 0;
        uint32_t becomes = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            uint32_t joined = 0;
            size_t rank = rank_of(bpe, ids[i], ids[i + 1], &joined);
            if (rank >= best)
                continue;
            best = rank;
            at = i;
            becomes = joined;
        }
        if (best == bpe_merge_count(bpe))
            break;
        ids[at] = becomes;
        memmove(ids + at + 1, ids + at + 2, (count - at - 2) * sizeof *ids);
        count--;
    }
    return count;
}

static void
check_word(const struct model *model, size_t length)
{
    char word[MOST_LETTERS];
    uint32_t expected[MOST_LETTERS];
    struct token_list list = {.with_places = true};
    struct err err;
    for (size_t i = 0; i < length; i++)
        word[i] = "abcd"[random_below(LETTERS)];
    struct byte_word input = {.bytes = word, .length = length};
    assert_int_equal(bpe_encode(model->bpe, &input, &list, &err), 0);
    size_t count = naive_encode(model->bpe, word, length, expected);
    assert_int_equal(list.count, count);
    assert_memory_equal(list.ids, expected, count * sizeof *expected);
    assert_int_equal(list.ends[count - 1], length);
    token_list_fini(&list);
}

static void
random_words_equal_the_naive_twin(void **state)
{
    (void)state;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct model model = make_model();
        for (size_t i = 0; i < WORDS; i++)
            check_word(&model, 1 + random_below(i % 10 == 9 ? MOST_LETTERS : 24));
        bpe_free(model.bpe);
        vocab_free(model.vocab);
    }
}

static void
a_token_that_the_vocabulary_lacks_is_named(void **state)
{
    (void)state;
    struct vocab *vocab = vocab_new();
    struct bpe *bpe = bpe_new();
    struct bpe_unknown unknown = {.token = "<unk>"};
    struct err err;
    assert_int_equal(vocab_add(vocab, "a", 1, 0, &err), 0);
    assert_int_equal(bpe_add_merge(bpe, vocab, "a", "b", &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "merge 1: the vocabulary lacks 'b'"));
    assert_int_equal(bpe_add_merge(bpe, vocab, "a", "a", &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "lacks 'aa'"));
    assert_int_equal(bpe_prepare(bpe, vocab, &unknown, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "'<unk>'"));
    bpe_free(bpe);
    vocab_free(vocab);
}

static void
blanks_of_tokens_are_counted(void **state)
{
    (void)state;
    struct vocab *vocab = vocab_new();
    struct bpe *bpe = bpe_new();
    struct bpe_unknown unknown = {.token = NULL};
    struct err err;
    const char *tokens[] = {"a", "\u0120a", "\u0120\u0120", "\u0120a\u0120b\u0120"};
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(vocab_add(vocab, tokens[i], strlen(tokens[i]), i, &err), 0);
    assert_int_equal(bpe_prepare(bpe, vocab, &unknown, &err), 0);
    const size_t leading[] = {0, 1, 2, 1, 0};
    const size_t trailing[] = {0, 0, 2, 1, 0};
    for (uint32_t id = 0; id < 5; id++) { /* the last one is nobody's */
        assert_int_equal(bpe_leading_blanks(bpe, id), leading[id]);
        assert_int_equal(bpe_trailing_blanks(bpe, id), trailing[id]);
    }
    bpe_free(bpe);
    vocab_free(vocab);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_words_equal_the_naive_twin),
        cmocka_unit_test(a_token_that_the_vocabulary_lacks_is_named),
        cmocka_unit_test(blanks_of_tokens_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
