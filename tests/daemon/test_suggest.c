/* How far names are apart, and when one is near enough to be suggested. */
#include "daemon/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
distance_counts_single_changes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},       {"", "abc", 3},           {"abc", "abc", 0},  {"abc", "abd", 1},
                 {"abc", "ab", 1},  {"abc", "acb", 1},        {"abc", "cab", 2},  {"ABC", "abc", 0},
                 {"a-b", "a_b", 0}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(suggest_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(suggest_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void
the_nearest_name_is_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"threads", NULL, "listen", "listener"};
    assert_string_equal(suggest_nearest("tread", names, 4), "threads");
    assert_string_equal(suggest_nearest("listne", names, 4), "listen");
    assert_string_equal(suggest_nearest("listeners", names, 4), "listener");
    assert_null(suggest_nearest("port", names, 4));
    assert_null(suggest_nearest("", names, 4));
    assert_null(suggest_nearest("th", names, 4)); /* two letters prove nothing */
}

static void
a_word_longer_than_any_name_is_never_near(void **state)
{
    (void)state;
    char longer[SUGGEST_MAX_BYTES + 2] = "";
    memset(longer, 'a', SUGGEST_MAX_BYTES + 1);
    const char *const names[] = {longer, "a"};
    assert_null(suggest_nearest(longer, names, 2));
    assert_int_equal(suggest_distance(longer, "a"), SUGGEST_MAX_BYTES + 1);
    longer[SUGGEST_MAX_BYTES] = '\0';
    assert_ptr_equal(suggest_nearest(longer, names, 2), longer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_single_changes),
        cmocka_unit_test(the_nearest_name_is_suggested),
        cmocka_unit_test(a_word_longer_than_any_name_is_never_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
