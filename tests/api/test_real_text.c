/* The shortest text of a double: what printing says, which is its slow twin. */
#include "api/real_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The shortest of 15, 16 or 17 digits, printed. */
static void
print_real(char *text, size_t size, double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof back) == 0)
            return;
    }
}

/* Compares the written text with the printed one. */
static void
assert_real_is_written_as_printed(double value)
{
    char text[40];
    char written[REAL_TEXT_BYTES];
    print_real(text, sizeof text, value);
    size_t length = real_text(value, written);
    assert_string_equal(written, text);
    assert_int_equal(length, strlen(text));
}

/* Decimals of up to 17 digits with the point anywhere, powers of ten and of two, random bits. */
static void
reals_are_written_as_they_would_be_printed(void **state)
{
    uint64_t bits = 88172645463325252u;
    (void)state;
    assert_real_is_written_as_printed(-0.0);
    for (int exponent = -30; exponent <= 30; exponent++) {
        assert_real_is_written_as_printed(pow(10, exponent));
        assert_real_is_written_as_printed(nextafter(pow(10, exponent), 0));
        assert_real_is_written_as_printed(-nextafter(pow(10, exponent), 1e300));
        assert_real_is_written_as_printed(ldexp(1, 2 * exponent));
    }
    for (size_t i = 0; i < 200000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value = (double)(bits >> 11) / pow(2, (double)(bits % 64));
        if (i % 4 == 0)
            value = (double)(int64_t)(bits % 1000000000000000u) / pow(10, (double)(i % 21));
        if (i % 4 == 1)
            value = -(double)(int64_t)(bits % 100000u) / pow(10, (double)(i % 7));
        if (i % 4 == 2)
            memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_real_is_written_as_printed(value);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_are_written_as_they_would_be_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
