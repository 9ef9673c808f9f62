/* The growing byte buffer. */
#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
an_empty_buffer_is_an_empty_string(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_string_equal(buf_string(&buf), "");
    buf_clear(&buf);
    buf_append(&buf, "", 0);
    assert_string_equal(buf_string(&buf), "");
    assert_int_equal(buf.length, 0);
    buf_fini(&buf);
    buf_fini(&buf);
}

static void
appended_bytes_follow_each_other_and_a_nul_follows_them(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append_string(&buf, "one ");
    buf_append(&buf, "t\0o", 3);
    buf_printf(&buf, " %d %s", 3, "four");
    assert_int_equal(buf.length, 14);
    assert_memory_equal(buf.data, "one t\0o 3 four", 15);
    buf_clear(&buf);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf_string(&buf), "");
    buf_append_string(&buf, "again");
    assert_string_equal(buf_string(&buf), "again");
    buf_fini(&buf);
    assert_null(buf.data);
}

static void
growth_keeps_everything(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (int i = 0; i < 20000; i++)
        buf_printf(&buf, "%05d", i);
    assert_int_equal(buf.length, 100000);
    for (int i = 0; i < 20000; i++) {
        char digits[6] = {0};
        memcpy(digits, buf.data + 5 * i, 5);
        assert_int_equal(atoi(digits), i);
    }
    buf_fini(&buf);
}

static void
one_append_larger_than_twice_the_capacity_fits(void **state)
{
    (void)state;
    static char large[5000];
    struct buf buf = {0};
    memset(large, 'x', sizeof large);
    buf_append(&buf, large, sizeof large);
    buf_printf(&buf, "%.*s", (int)sizeof large, large);
    assert_int_equal(buf.length, 10000);
    assert_true(strspn(buf_string(&buf), "x") == 10000);
    buf_fini(&buf);
}

static void
an_extended_buffer_keeps_what_it_had(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_extend(&buf, 0);
    assert_string_equal(buf_string(&buf), "");
    for (size_t i = 1; i <= 600; i++) {
        char *place = buf_extend(&buf, i);
        memset(place, 'a' + (int)(i % 26), i);
        assert_int_equal(buf.data[buf.length], '\0');
    }
    size_t at = 0;
    for (size_t i = 1; i <= 600; i++)
        for (size_t j = 0; j < i; j++, at++)
            assert_int_equal(buf.data[at], 'a' + (int)(i % 26));
    assert_int_equal(buf.length, at);
    buf_fini(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(appended_bytes_follow_each_other_and_a_nul_follows_them),
        cmocka_unit_test(growth_keeps_everything),
        cmocka_unit_test(an_extended_buffer_keeps_what_it_had),
        cmocka_unit_test(one_append_larger_than_twice_the_capacity_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
