/* Words of byte-level tokenizers: where they begin and end. The reference is asked in the golden
 * tests.
 */
#include "core/text/byte_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The words of a text with bars between; '^' is a blank that was put before a word. */
static void
check(const char *text, bool add_prefix_space, const char *expected)
{
    char shown[256] = "";
    struct byte_word_cursor cursor = byte_words_walk(text, strlen(text), add_prefix_space);
    struct byte_word word;
    while (byte_words_next(&cursor, &word)) {
        size_t used = strlen(shown);
        snprintf(shown + used, sizeof shown - used, "%s%s%.*s", used > 0 ? "|" : "",
                 word.prefixed ? "^" : "", (int)word.length, word.bytes);
    }
    assert_string_equal(shown, expected);
}

static void
a_run_takes_the_blank_before_it_along(void **state)
{
    (void)state;
    check("two words", false, "two| words");
    check("a1b2 3c", false, "a|1|b|2| 3|c");
    check("no, really?! yes", false, "no|,| really|?!| yes");
    check("\u00e9t\u00e9 \u4e2d\u6587 \u0663\u0664\u2167", false,
          "\u00e9t\u00e9| \u4e2d\u6587| \u0663\u0664\u2167");
    check("", false, "");
}

static void
blanks_leave_the_last_one_to_the_word(void **state)
{
    (void)state;
    check("a   b", false, "a|  | b");
    check("a\n\nb", false, "a|\n|\n|b");
    check("a\t b", false, "a|\t| b");
    check("a \tb", false, "a| |\t|b");
    check("a\u3000\u3000 b", false, "a|\u3000\u3000| b");
    check("a   ", false, "a|   ");
    check(" ", false, " ");
}

static void
contractions_are_words_unless_a_blank_is_before_them(void **state)
{
    (void)state;
    check("it's they'll we've I'm you're he'd can't", false,
          "it|'s| they|'ll| we|'ve| I|'m| you|'re| he|'d| can|'t");
    check("IT'S", false, "IT|'|S");
    check(" 's", false, " '|s");
    check("'sale", false, "'s|ale");
    check("''s", false, "''|s");
    check("'l", false, "'|l");
}

static void
a_blank_is_put_before_a_text_that_has_none(void **state)
{
    (void)state;
    check("two words", true, "^two| words");
    check(" two", true, " two");
    check("'s", true, "^'|s");
    check("\ta", true, "^|\t|a");
    check("\n\n", true, "^\n\n");
    check("\n\na", true, "^\n|\n|a");
    check("", true, "");
}

static void
letters_of_bytes_are_all_different(void **state)
{
    (void)state;
    bool seen[0x144] = {false};
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t letter = byte_letter((unsigned char)byte);
        assert_true(letter < 0x144 && letter > ' ' && !seen[letter]);
        seen[letter] = true;
        assert_int_equal(byte_letter_length((unsigned char)byte), letter < 0x80 ? 1 : 2);
    }
    assert_int_equal(byte_letter(' '), BYTE_LETTER_BLANK);
    assert_int_equal(byte_letter('a'), 'a');
    assert_int_equal(byte_letter('\n'), 0x10a);
    assert_int_equal(byte_letter(0xad), 0x143);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_takes_the_blank_before_it_along),
        cmocka_unit_test(blanks_leave_the_last_one_to_the_word),
        cmocka_unit_test(contractions_are_words_unless_a_blank_is_before_them),
        cmocka_unit_test(a_blank_is_put_before_a_text_that_has_none),
        cmocka_unit_test(letters_of_bytes_are_all_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
