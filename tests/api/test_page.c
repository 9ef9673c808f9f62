/* Paging parameters: defaults, limits, and every fault at once. */
#include "api/page.h"

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

static int
page_of(const char *raw, struct page *page, struct fault_list *faults)
{
    static const struct page_limits limits = {.standard = 20, .maximum = 100};
    struct target target;
    *faults = (struct fault_list){.arena = arena};
    assert_int_equal(target_parse(raw, arena, &target, faults), 0);
    return page_parse(&target, &limits, page, faults);
}

static void
pages_have_defaults_and_limits(void **state)
{
    static const char *const bad[] = {
        "/?limit=0",    "/?limit=101", "/?limit=-1", "/?limit=x",
        "/?limit=1x",   "/?limit=",    "/?limit=+1", "/?limit=1e2",
        "/?limit=%201", "/?order=up",  "/?order=",   "/?limit=99999999999999999999"};
    (void)state;
    struct page page;
    struct fault_list faults;
    assert_int_equal(page_of("/", &page, &faults), 0);
    assert_int_equal(page.limit, 20);
    assert_null(page.after);
    assert_false(page.ascending);
    assert_int_equal(page_of("/?limit=100&after=x&order=asc&unknown=1", &page, &faults), 0);
    assert_int_equal(page.limit, 100);
    assert_string_equal(page.after, "x");
    assert_true(page.ascending);
    assert_int_equal(page_of("/?after=&order=desc", &page, &faults), 0);
    assert_null(page.after);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(page_of(bad[i], &page, &faults), -1);
        assert_int_equal(faults.items[0].code, FAULT_INVALID_PARAMETER);
    }
    assert_int_equal(page_of("/?limit=0&order=x", &page, &faults), -1);
    assert_int_equal(faults.count, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_have_defaults_and_limits),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
