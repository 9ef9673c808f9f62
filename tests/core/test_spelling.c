/* Labels that are numbers, by their spelling alone. */
#include "core/data/spelling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
numbers_are_told_from_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum spelling spelling;
    } cases[] = {
        {"0", SPELLING_INTEGER},
        {"-1", SPELLING_INTEGER},
        {"+7", SPELLING_INTEGER},
        {"007", SPELLING_INTEGER},
        {"5.0", SPELLING_FRACTION},
        {".5", SPELLING_FRACTION},
        {"5.", SPELLING_FRACTION},
        {"1e3", SPELLING_FRACTION},
        {"-1.5E-3", SPELLING_FRACTION},
        {"", SPELLING_TEXT},
        {"-", SPELLING_TEXT},
        {".", SPELLING_TEXT},
        {"1e", SPELLING_TEXT},
        {"e5", SPELLING_TEXT},
        {"1 ", SPELLING_TEXT},
        {" 1", SPELLING_TEXT},
        {"1,5", SPELLING_TEXT},
        {"0x10", SPELLING_TEXT},
        {"nan", SPELLING_TEXT},
        {"inf", SPELLING_TEXT},
        {"1.2.3", SPELLING_TEXT},
        {"--1", SPELLING_TEXT},
        {"1e+", SPELLING_TEXT},
        {"true", SPELLING_TEXT},
        {"123456789012345678901234567890", SPELLING_INTEGER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (spelling_of(cases[i].text, strlen(cases[i].text)) != cases[i].spelling)
            fail_msg("'%s'", cases[i].text);
}

static void
integers_are_ordered_by_value_whatever_their_length(void **state)
{
    (void)state;
    static const char *const ascending[] = {
        "-123456789012345678901234567890",
        "-20",
        "-3",
        "-0",
        "0",
        "00",
        "01",
        "1",
        "2",
        "10",
        "+11",
        "123456789012345678901234567890",
    };
    size_t count = sizeof ascending / sizeof ascending[0];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            int order = spelling_compare_integers(ascending[i], ascending[k]);
            if ((order < 0) != (i < k) || (order > 0) != (i > k))
                fail_msg("%s against %s", ascending[i], ascending[k]);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_told_from_texts),
        cmocka_unit_test(integers_are_ordered_by_value_whatever_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
