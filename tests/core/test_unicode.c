/*
 * The pinned character tables: the traps where they differ from today's Unicode, and utf8proc as an
 * independent opinion on decompositions, which Unicode promises never to change.
 */
#include "core/text/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

static bool
has(uint32_t point, enum unicode_flag flag)
{
    return (unicode_find(point)->flags & flag) != 0;
}

static void
every_decomposition_is_that_of_utf8proc(void **state)
{
    (void)state;
    size_t seen = 0;
    for (uint32_t point = 0; point < UNICODE_LIMIT; point++) {
        uint32_t parts[UNICODE_MAX_PARTS];
        utf8proc_int32_t expected[16];
        if (point >= 0xd800 && point < 0xe000)
            continue;
        size_t count = unicode_decompose(point, parts);
        if (count == 1 && parts[0] == point)
            continue;
        utf8proc_ssize_t length = utf8proc_decompose_char(
            (utf8proc_int32_t)point, expected, 16, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, NULL);
        assert_int_equal(length, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(expected[i], parts[i]);
        seen++;
    }
    assert_true(seen > 13000);
}

static void
combining_classes_are_in_utf8procs_order(void **state)
{
    (void)state;
    int value_of[UNICODE_CLASS_COUNT + 1] = {0};
    for (uint32_t point = 0; point < UNICODE_LIMIT; point++) {
        uint8_t rank = unicode_find(point)->combining_class;
        int value = utf8proc_get_property((utf8proc_int32_t)point)->combining_class;
        if (rank == 0)
            continue;
        assert_true(rank <= UNICODE_CLASS_COUNT && value > 0);
        assert_true(value_of[rank] == 0 || value_of[rank] == value);
        value_of[rank] = value;
    }
    for (size_t rank = 1; rank <= UNICODE_CLASS_COUNT; rank++)
        assert_true(value_of[rank] > value_of[rank - 1]);
}

static void
punctuation_is_that_of_an_older_unicode(void **state)
{
    (void)state;
    assert_true(has('!', UNICODE_PUNCTUATION) && has('$', UNICODE_PUNCTUATION));
    assert_true(has('^', UNICODE_PUNCTUATION) && has('~', UNICODE_PUNCTUATION));
    assert_true(has(0x3002, UNICODE_PUNCTUATION) && has(0x166d, UNICODE_PUNCTUATION));
    assert_false(has(0x2e43, UNICODE_PUNCTUATION)); /* a dash that came later */
    assert_false(has(0x20ac, UNICODE_PUNCTUATION)); /* signs are none, outside ASCII */
    assert_false(has('a', UNICODE_PUNCTUATION) || has(' ', UNICODE_PUNCTUATION));
}

static void
marks_are_those_of_an_older_unicode(void **state)
{
    (void)state;
    assert_true(has(0x0301, UNICODE_MARK) && has(0x05b0, UNICODE_MARK));
    assert_false(has(0x08d4, UNICODE_MARK)); /* came later */
    assert_false(has(0x0903, UNICODE_MARK)); /* spacing */
}

static void
one_block_of_ideographs_begins_late(void **state)
{
    (void)state;
    assert_true(has(0x4e00, UNICODE_CJK) && has(0x9fff, UNICODE_CJK) && has(0xf900, UNICODE_CJK));
    assert_true(has(0x2b81f, UNICODE_CJK));
    assert_false(has(0x2b820, UNICODE_CJK) || has(0x2b91f, UNICODE_CJK));
    assert_true(has(0x2b920, UNICODE_CJK));
    assert_false(has(0x3042, UNICODE_CJK) || has(0xac00, UNICODE_CJK));
}

static void
controls_are_dropped_and_unassigned_points_stay(void **state)
{
    (void)state;
    const uint32_t dropped[] = {0, 1, 0x0b, 0x7f, 0x85, 0xad, 0x200b, 0xfeff, 0xfffd, 0xe000};
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
        assert_true(has(dropped[i], UNICODE_DROPPED));
    assert_false(has('\t', UNICODE_DROPPED) || has('\n', UNICODE_DROPPED));
    assert_false(has(0x0378, UNICODE_DROPPED) || has(0x10ffff, UNICODE_DROPPED));
    assert_true(has(0x3000, UNICODE_SPACE) && has(0x85, UNICODE_SPACE) && has('\r', UNICODE_SPACE));
    assert_false(has(0x200b, UNICODE_SPACE));
}

static void
every_code_point_survives_encoding(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < UNICODE_LIMIT; point++) {
        char bytes[4];
        size_t length = 0;
        if (point >= 0xd800 && point < 0xe000)
            continue;
        size_t written = unicode_encode(point, bytes);
        assert_int_equal(unicode_decode(bytes, &length), point);
        assert_int_equal(length, written);
    }
}

static void
ascii_flags_are_those_of_the_records(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 128; point++)
        assert_int_equal(unicode_ascii_flags[point], unicode_find(point)->flags);
}

static void
flags_before_looks_at_a_whole_character(void **state)
{
    (void)state;
    const char text[] = "x\xe3\x80\x80y\xe2\x80\x94";
    assert_true(unicode_flags_before(text, text + 4) & UNICODE_SPACE);
    assert_true(unicode_flags_before(text, text + 5) & UNICODE_WORD);
    assert_true(unicode_flags_before(text, text + 8) & UNICODE_PUNCTUATION);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_decomposition_is_that_of_utf8proc),
        cmocka_unit_test(combining_classes_are_in_utf8procs_order),
        cmocka_unit_test(punctuation_is_that_of_an_older_unicode),
        cmocka_unit_test(marks_are_those_of_an_older_unicode),
        cmocka_unit_test(one_block_of_ideographs_begins_late),
        cmocka_unit_test(controls_are_dropped_and_unassigned_points_stay),
        cmocka_unit_test(every_code_point_survives_encoding),
        cmocka_unit_test(ascii_flags_are_those_of_the_records),
        cmocka_unit_test(flags_before_looks_at_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
