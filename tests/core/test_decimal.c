/* Decimal text is read to the bit as strtod reads it, which is its slow twin. */
#include "core/base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_read_as_strtod(const char *text)
{
    const char *end = NULL;
    char *expected_end = NULL;
    double expected = strtod(text, &expected_end);
    double value = decimal_read(text, &end);
    if (memcmp(&value, &expected, sizeof value) != 0 || end != expected_end)
        fail_msg("'%s' was read as %.17g up to '%s', strtod says %.17g", text, value, end,
                 expected);
}

static uint64_t
next(uint64_t *bits)
{
    *bits ^= *bits << 13;
    *bits ^= *bits >> 7;
    *bits ^= *bits << 17;
    return *bits;
}

static void
numbers_of_every_shape_are_read_as_strtod_reads_them(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.000",
        "007.5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "1e-",
        "1e-x",
        "1.5E3",
        "1.25e+2",
        "3e-0005",
        "1e27",
        "1e-27",
        "1e-28",
        "1e400",
        "1e-400",
        "1e99999999999999999999",
        "4.9406564584124654e-324",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000000000001",
        "9999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999",
        "0.00000000000000000000000000000000000001",
        "0.1000000000000000055511151231257827",
        "5.0000000000000002e-05",
        "1,2",
        "12}",
        "1.2.3",
        "1-2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_read_as_strtod(texts[i]);
}

/* Shortest and longest texts of random doubles, and random digits with the point anywhere. */
static void
random_numbers_are_read_to_the_bit(void **state)
{
    uint64_t bits = 88172645463325252u;
    char text[64];
    (void)state;
    for (size_t i = 0; i < 300000; i++) {
        double value = (double)(next(&bits) >> 11) / (double)(UINT64_C(1) << bits % 63);
        uint64_t digits = next(&bits) >> bits % 60;
        if (i % 3 == 0)
            snprintf(text, sizeof text, "%llue-%zu", (unsigned long long)digits, i % 29);
        else if (i % 3 == 1)
            snprintf(text, sizeof text, "%.17g", value);
        else
            snprintf(text, sizeof text, "%.*f", (int)(i % 20), value);
        assert_read_as_strtod(text);
    }
}

/* Halfway between two doubles, and a hair beside it: where a rounding error would show. */
static void
ties_are_rounded_to_even(void **state)
{
    uint64_t bits = 123456789u;
    char text[64];
    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        uint64_t middle = (next(&bits) >> 10 | UINT64_C(1) << 53) / 2 * 2 + 1; /* of 54 bits */
        for (uint64_t number = middle - 1; number <= middle + 1; number++) {
            snprintf(text, sizeof text, "%llu", (unsigned long long)number);
            assert_read_as_strtod(text);
            snprintf(text, sizeof text, "%llu.5", (unsigned long long)number / 2);
            assert_read_as_strtod(text);
            snprintf(text, sizeof text, "%llu.25", (unsigned long long)number / 4);
            assert_read_as_strtod(text);
        }
    }
}

static void
what_is_no_number_is_not_read(void **state)
{
    static const char *const texts[] = {"",     "-",   ".5",  "-.5", "+1", " 1",  "inf",
                                        "-nan", "abc", "-x1", "e5",  "\"", "--1", "0x10"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *end = NULL;
        assert_true(decimal_read(texts[i], &end) == 0);
        assert_ptr_equal(end, texts[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_every_shape_are_read_as_strtod_reads_them),
        cmocka_unit_test(random_numbers_are_read_to_the_bit),
        cmocka_unit_test(ties_are_rounded_to_even),
        cmocka_unit_test(what_is_no_number_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
