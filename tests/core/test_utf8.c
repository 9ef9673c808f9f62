/* Well-formed UTF-8 against a plain decoder over every short sequence. */
#include "core/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static size_t
encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[n] | c >> (6 * (n - 1)));
    for (size_t i = 1; i < n; i++)
        out[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    return n;
}

static void
every_code_point_is_valid_but_surrogates(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char bytes[4];
        size_t n = encode(c, bytes);
        bool legal = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        if (utf8_valid_length(bytes, n) != (legal ? n : 0))
            fail_msg("U+%04X", (unsigned)c);
        if (n > 1 && utf8_valid_length(bytes, n - 1) != 0)
            fail_msg("U+%04X cut short", (unsigned)c);
    }
}

static void
every_pair_and_triple_of_bytes_that_is_no_encoding_is_invalid(void **state)
{
    (void)state;
    static bool legal[1 << 24]; /* by the three bytes, of three-byte characters */
    char bytes[4];
    for (uint32_t c = 0x800; c < 0x10000; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        encode(c, bytes);
        legal[(uint32_t)(uint8_t)bytes[0] << 16 | (uint32_t)(uint8_t)bytes[1] << 8 |
              (uint8_t)bytes[2]] = true;
    }
    for (uint32_t i = 0xe00000; i < 0xf00000; i++) {
        const char triple[3] = {(char)(i >> 16), (char)(i >> 8 & 0xff), (char)(i & 0xff)};
        if ((utf8_valid_length(triple, 3) == 3) != legal[i])
            fail_msg("%06x", (unsigned)i);
    }
    for (uint32_t i = 0x8000; i < 0x10000; i++) {
        const char pair[2] = {(char)(i >> 8), (char)(i & 0xff)};
        bool two = i >> 8 >= 0xc2 && i >> 8 <= 0xdf && (i & 0xc0) == 0x80;
        if ((utf8_valid_length(pair, 2) == 2) != two)
            fail_msg("%04x", (unsigned)i);
    }
}

static void
first_bad_byte_is_found_at_every_offset(void **state)
{
    (void)state;
    char text[64];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        assert_int_equal(utf8_valid_length(text, sizeof text), sizeof text);
        text[at] = (char)0xff;
        assert_int_equal(utf8_valid_length(text, sizeof text), at);
    }
    assert_int_equal(utf8_valid_length("", 0), 0);
}

static void
clip_never_cuts_a_character(void **state)
{
    (void)state;
    const char *text = "aä€😀"; /* 1 + 2 + 3 + 4 bytes */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t most = 0; most < sizeof expected / sizeof expected[0]; most++)
        assert_int_equal(utf8_clip(text, strlen(text), most), expected[most]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid_but_surrogates),
        cmocka_unit_test(every_pair_and_triple_of_bytes_that_is_no_encoding_is_invalid),
        cmocka_unit_test(first_bad_byte_is_found_at_every_offset),
        cmocka_unit_test(clip_never_cuts_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
