/* Errors of the system: the reason stands in the message in words, and a full
 * disk is told apart. */
#include "core/base/err.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
message_ends_with_the_systems_reason(void **state)
{
    struct err err;
    (void)state;
    errno = ENOENT;
    assert_int_equal(err_set_errno(&err, "open %s", "x"), ERR_IO);
    assert_string_equal(err.message, "open x: No such file or directory");
}

static void
disks_that_take_nothing_more_are_full(void **state)
{
    static const int reasons[] = {ENOSPC, EDQUOT, EROFS};
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        errno = reasons[i];
        assert_int_equal(err_set_errno(&err, "write"), ERR_FULL);
        assert_int_equal(err.code, ERR_FULL);
    }
}

static void
message_too_long_is_cut(void **state)
{
    char name[2 * sizeof((struct err *)NULL)->message];
    struct err err;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    errno = ENOENT;
    err_set_errno(&err, "%s", name);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

/* A character of three bytes at each of three places. */
static void
what_is_cut_ends_with_a_whole_character(void **state)
{
    char name[2 * sizeof((struct err *)NULL)->message];
    struct err err;
    (void)state;
    for (size_t i = 0; i + 3 < sizeof name; i += 3)
        memcpy(name + i, "\xe2\x82\xac", 4);
    for (size_t shift = 0; shift < 3; shift++) {
        err_set(&err, ERR_INVALID, "%.*s%s", (int)shift, "ab", name);
        size_t length = strlen(err.message);
        assert_in_range(length, sizeof err.message - 3, sizeof err.message - 1);
        assert_int_equal(utf8_valid_length(err.message, length), length);
        err_prefix(&err, "%.*s", (int)shift, "cd");
        length = strlen(err.message);
        assert_int_equal(utf8_valid_length(err.message, length), length);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_ends_with_the_systems_reason),
        cmocka_unit_test(disks_that_take_nothing_more_are_full),
        cmocka_unit_test(message_too_long_is_cut),
        cmocka_unit_test(what_is_cut_ends_with_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
