/* THE route table: well formed, and matched by segments. */
#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
routes_are_well_formed_and_unique(void **state)
{
    (void)state;
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct route *row = routes_row(i);
        assert_int_equal(row->path[0], '/');
        assert_non_null(row->handle);
        assert_true(row->body == BODY_NONE || row->slow);
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(row->path, routes_row(j)->path) == 0 &&
                         strcmp(row->method, routes_row(j)->method) == 0);
    }
}

static struct route_match
match(const char *method, const char *raw)
{
    struct target target;
    struct route_match out;
    struct fault_list faults = {.arena = arena};
    assert_int_equal(target_parse(raw, arena, &target, &faults), 0);
    routes_match(method, &target, arena, &out);
    return out;
}

static void
routes_capture_segments_and_know_their_methods(void **state)
{
    (void)state;
    struct route_match out = match("GET", "/v1/models/ft:a:b/files/x.json");
    assert_non_null(out.route);
    assert_string_equal(out.captures[0], "ft:a:b");
    assert_string_equal(out.captures[1], "x.json");
    out = match("HEAD", "/v1/files");
    assert_string_equal(out.route->method, "GET");
    out = match("PATCH", "/v1/files");
    assert_null(out.route);
    assert_string_equal(out.allow, "POST, GET, HEAD, OPTIONS");
    assert_false(match("GET", "/").path_exists);
    assert_false(match("GET", "/v1").path_exists);
    assert_false(match("GET", "/v1/files//content").path_exists);
    assert_false(match("GET", "/v1/filesx").path_exists);
    assert_false(match("GET", "/v1/fine_tuning/jobs/x/shelve").path_exists);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_well_formed_and_unique),
        cmocka_unit_test(routes_capture_segments_and_know_their_methods),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
