/* Cleaning, ideographs, accents and case, alone and together; and words. */
#include "core/text/normalizer.h"

#include "core/text/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct normalizer uncased = {
    .clean_text = true, .handle_chinese_chars = true, .strip_accents = true, .lowercase = true};
static const struct normalizer cased = {.clean_text = true, .handle_chinese_chars = true};

/* With origins the text is the same, and origins are starts of characters that never descend. */
static void
check_traced(const struct normalizer *normalizer, const char *bytes, size_t length,
             const char *expected)
{
    char *out = malloc(length * NORMALIZER_GROWTH + 1);
    size_t *origins = malloc((length * NORMALIZER_GROWTH + 1) * sizeof *origins);
    size_t written = normalizer_run_traced(normalizer, bytes, length, out, origins);
    out[written] = '\0';
    assert_string_equal(out, expected);
    for (size_t i = 0; i < written; i++) {
        assert_true(origins[i] < length && ((unsigned char)bytes[origins[i]] & 0xc0) != 0x80);
        assert_true(i == 0 || origins[i - 1] <= origins[i]);
    }
    free(out);
    free(origins);
}

static void
check_bytes(const struct normalizer *switches, const char *bytes, size_t length,
            const char *expected)
{
    struct normalizer normalizer = *switches;
    normalizer_init(&normalizer);
    char *out = malloc(length * NORMALIZER_GROWTH + 1); /* exact, so that asan sees one too many */
    size_t written = normalizer_run(&normalizer, bytes, length, out);
    out[written] = '\0';
    assert_string_equal(out, expected);
    check_traced(&normalizer, bytes, length, expected);
    free(out);
}

static void
check(const struct normalizer *switches, const char *text, const char *expected)
{
    check_bytes(switches, text, strlen(text), expected);
}

static void
uncased_text_loses_case_and_accents(void **state)
{
    (void)state;
    check(&uncased, "H\u00c9llo, \u0130\u015fte \u00c5ngstr\u00f6m", "hello, iste angstrom");
    check(&uncased, "e\u0301\u0327 \u1e9b\u0323", "e \u017f");
    check(&uncased, "", "");
}

static void
cased_text_keeps_both(void **state)
{
    (void)state;
    check(&cased, "H\u00c9llo e\u0301", "H\u00c9llo e\u0301");
}

static void
controls_vanish_and_every_space_is_a_blank(void **state)
{
    (void)state;
    check_bytes(&cased, "a\0b\x01\x0b\x0c\x7f", 7, "ab");
    check(&cased, "a\u00adb\u200bc\ufeffd\ufffde", "abcde");
    check(&cased, "a\tb\nc\rd\u3000e\u00a0f\u2028g\xc2\x85h", "a b c d e f gh");
    check(&cased, "\u0378\uffff", "\u0378\uffff");
}

static void
ideographs_stand_between_blanks(void **state)
{
    (void)state;
    check(&cased, "ab\u4e2d\u6587c", "ab \u4e2d  \u6587 c");
    check(&uncased, "\uf900", " \u8c48 ");
    check(&cased, "\U0002b820\U0002b920", "\U0002b820 \U0002b920 ");
}

static void
ideographs_stay_in_words_when_not_handled(void **state)
{
    (void)state;
    struct normalizer plain = {.clean_text = true, .strip_accents = true, .lowercase = true};
    check(&plain, "A\u4e2d\u6587\tb", "a\u4e2d\u6587 b");
}

static void
without_cleaning_controls_and_spaces_stay(void **state)
{
    (void)state;
    struct normalizer lower = {.lowercase = true};
    check(&lower, "A\tB\x01\u200b\u3000", "a\tb\x01\u200b\u3000");
}

static void
case_is_changed_without_context(void **state)
{
    (void)state;
    struct normalizer lower = {.lowercase = true};
    check(&lower, "\u03a3\u039f\u03a3", "\u03c3\u03bf\u03c3"); /* no final sigma */
    check(&lower, "\u0130\u1e9e\u01c5", "i\u0307\u00df\u01c6");
}

static void
hangul_is_decomposed(void **state)
{
    (void)state;
    check(&uncased, "\uac00\uac01\ud7a3", "\u1100\u1161\u1100\u1161\u11a8\u1112\u1175\u11c2");
}

/* Marks that are not nonspacing stay, and decomposition sorts them by class. */
static void
marks_that_stay_are_put_into_order(void **state)
{
    (void)state;
    check(&uncased, "a\U0001d16d\U0001d165b", "a\U0001d165\U0001d16db");
    check(&uncased, "a\U0001d16d\u0301\x01\U0001d165", "a\U0001d165\U0001d16d");
    check(&uncased, "\U0001d16d \U0001d165", "\U0001d16d \U0001d165");
}

static void
a_long_run_of_marks_takes_linear_time(void **state)
{
    (void)state;
    enum { PAIRS = 50000, BYTES = 8 };
    char *text = malloc(PAIRS * BYTES);
    char *expected = malloc(PAIRS * BYTES + 1);
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(text + i * BYTES, "\U0001d16d\U0001d165", BYTES);
        memcpy(expected + i * BYTES / 2, "\U0001d165", BYTES / 2);
        memcpy(expected + (PAIRS + i) * BYTES / 2, "\U0001d16d", BYTES / 2);
    }
    expected[PAIRS * BYTES] = '\0';
    check_bytes(&uncased, text, PAIRS * BYTES, expected);
    free(text);
    free(expected);
}

static void
check_words(const char *text, size_t count, const char *const *expected)
{
    struct word_cursor cursor = {.at = text, .end = text + strlen(text)};
    struct word word;
    for (size_t i = 0; i < count; i++) {
        assert_true(words_next(&cursor, &word));
        assert_int_equal(word.length, strlen(expected[i]));
        assert_memory_equal(word.bytes, expected[i], word.length);
    }
    assert_false(words_next(&cursor, &word));
    assert_false(words_next(&cursor, &word));
}

static void
words_end_at_blanks_and_punctuation(void **state)
{
    (void)state;
    const char *const words[] = {"don", "'", "t", "-", "-", "stop", "\u3002", "ok"};
    check_words("  don't--stop\u3002\u2003ok ", 8, words);
    check_words(" \t\u3000", 0, NULL);
    check_words("", 0, NULL);
}

static void
a_word_counts_characters(void **state)
{
    (void)state;
    const char *text = "\u00e9\u4e2d\U0001f600x";
    struct word_cursor cursor = {.at = text, .end = text + strlen(text)};
    struct word word;
    assert_true(words_next(&cursor, &word));
    assert_int_equal(word.characters, 4);
    assert_int_equal(word.length, 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uncased_text_loses_case_and_accents),
        cmocka_unit_test(cased_text_keeps_both),
        cmocka_unit_test(controls_vanish_and_every_space_is_a_blank),
        cmocka_unit_test(ideographs_stand_between_blanks),
        cmocka_unit_test(ideographs_stay_in_words_when_not_handled),
        cmocka_unit_test(without_cleaning_controls_and_spaces_stay),
        cmocka_unit_test(case_is_changed_without_context),
        cmocka_unit_test(hangul_is_decomposed),
        cmocka_unit_test(marks_that_stay_are_put_into_order),
        cmocka_unit_test(a_long_run_of_marks_takes_linear_time),
        cmocka_unit_test(words_end_at_blanks_and_punctuation),
        cmocka_unit_test(a_word_counts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
