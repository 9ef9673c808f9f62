/* The request target: split first, decoded then, and what is refused. */
#include "api/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena *arena;
    struct target target;
    struct fault_list faults;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    f = (struct fixture){.arena = arena_new()};
    f.faults.arena = f.arena;
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    return 0;
}

static int
parse(struct fixture *f, const char *raw)
{
    f->faults.count = 0;
    return target_parse(raw, f->arena, &f->target, &f->faults);
}

static void
segments_are_split_before_they_are_decoded(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "/v1/models/ft%3Atiny:local::ab%25/files"), 0);
    assert_int_equal(f->target.segment_count, 4);
    assert_string_equal(f->target.segments[2], "ft:tiny:local::ab%");
    assert_string_equal(f->target.segments[3], "files");
}

static void
one_slash_at_the_end_is_ignored(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "/v1/files/"), 0);
    assert_int_equal(f->target.segment_count, 2);
    assert_int_equal(parse(f, "/v1/files//"), 0);
    assert_int_equal(f->target.segment_count, 3);
    assert_string_equal(f->target.segments[2], "");
    assert_int_equal(parse(f, "/"), 0);
    assert_int_equal(f->target.segment_count, 0);
}

static void
hostile_targets_are_bad_requests(void **state)
{
    static const char *const raw[] = {
        "",      "v1/files", "/a%00b",  "/..%2f..%2fetc", "/a%2Fb",   "/a%5",      "/a%",
        "/a%zz", "/a%0ab",   "/a%7f",   "/a%ff",          "/a%c0%af", "/a b",      "/a\tb",
        "/a#b",  "/a?x=%00", "/a?x=%f", "/a?%ff=1",       "/a?x=%c3", "ftp://h/a", "/\xff",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++) {
        if (parse(f, raw[i]) == 0)
            fail_msg("accepted: %s", raw[i]);
        assert_int_equal(f->faults.count, 1);
        assert_int_equal(f->faults.items[0].code, FAULT_BAD_REQUEST);
    }
}

static void
dots_are_names_like_any_other(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "/v1/files/../models"), 0);
    assert_int_equal(f->target.segment_count, 4);
    assert_string_equal(f->target.segments[2], "..");
}

static void
queries_are_decoded_with_plus_and_percent(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "/a?metadata%5Bk%5D=a+b%20c%2B&limit=3&limit=4&x&=&&y="), 0);
    assert_string_equal(target_query(&f->target, "metadata[k]"), "a b c+");
    assert_string_equal(target_query(&f->target, "limit"), "4");
    assert_string_equal(target_query(&f->target, "x"), "");
    assert_string_equal(target_query(&f->target, "y"), "");
    assert_null(target_query(&f->target, "z"));
}

static void
plus_in_a_path_is_a_plus(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "/a+b?q=a=b"), 0);
    assert_string_equal(f->target.segments[0], "a+b");
    assert_string_equal(target_query(&f->target, "q"), "a=b");
}

static void
absolute_targets_keep_their_authority(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "http://evil.example:80/v1/files?limit=1"), 0);
    assert_string_equal(f->target.authority, "evil.example:80");
    assert_int_equal(f->target.segment_count, 2);
    assert_string_equal(target_query(&f->target, "limit"), "1");
    assert_int_equal(parse(f, "HTTP://localhost"), 0);
    assert_int_equal(f->target.segment_count, 0);
    assert_int_equal(parse(f, "/a"), 0);
    assert_null(f->target.authority);
}

static void
asterisk_names_the_server(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "*"), 0);
    assert_true(f->target.asterisk);
    assert_int_equal(parse(f, "/a"), 0);
    assert_false(f->target.asterisk);
}

static void
depth_and_count_have_limits(void **state)
{
    struct fixture *f = *state;
    char raw[4096] = "";
    for (size_t i = 0; i <= TARGET_MAX_SEGMENTS; i++)
        strcat(raw, "/a");
    assert_int_equal(parse(f, raw), 0);
    assert_true(f->target.too_deep);
    strcpy(raw, "/a?");
    for (size_t i = 0; i < TARGET_MAX_QUERY; i++)
        strcat(raw, "b&");
    assert_int_equal(parse(f, raw), 0);
    assert_int_equal(f->target.query_count, TARGET_MAX_QUERY);
    strcat(raw, "b");
    assert_int_equal(parse(f, raw), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_split_before_they_are_decoded),
        cmocka_unit_test(one_slash_at_the_end_is_ignored),
        cmocka_unit_test(hostile_targets_are_bad_requests),
        cmocka_unit_test(dots_are_names_like_any_other),
        cmocka_unit_test(queries_are_decoded_with_plus_and_percent),
        cmocka_unit_test(plus_in_a_path_is_a_plus),
        cmocka_unit_test(absolute_targets_keep_their_authority),
        cmocka_unit_test(asterisk_names_the_server),
        cmocka_unit_test(depth_and_count_have_limits),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
