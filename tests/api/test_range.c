/* Partial and conditional answers. */
#include "api/range.h"

#include <fcntl.h>
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

struct range_example {
    const char *range, *if_range, *if_none_match;
    unsigned status;
    int64_t offset, length;
};

static void
ranges_follow_the_rfc(void **state)
{
    static const struct range_example examples[] = {
        {NULL, NULL, NULL, 200, 0, 10},
        {"bytes=0-3", NULL, NULL, 206, 0, 4},
        {"bytes=4-", NULL, NULL, 206, 4, 6},
        {"bytes=8-99", NULL, NULL, 206, 8, 2},
        {"bytes=-3", NULL, NULL, 206, 7, 3},
        {"bytes=-99", NULL, NULL, 206, 0, 10},
        {"bytes=10-", NULL, NULL, 416, 0, 0},
        {"bytes=-0", NULL, NULL, 416, 0, 0},
        {"bytes=3-1", NULL, NULL, 200, 0, 10},
        {"bytes=0-1,3-4", NULL, NULL, 200, 0, 10},
        {"bytes=", NULL, NULL, 200, 0, 10},
        {"bytes=-", NULL, NULL, 200, 0, 10},
        {"lines=0-1", NULL, NULL, 200, 0, 10},
        {"bytes=99999999999999999999-", NULL, NULL, 200, 0, 10},
        {"bytes=0-3", "\"h\"", NULL, 206, 0, 4},
        {"bytes=0-3", "\"other\"", NULL, 200, 0, 10},
        {NULL, NULL, "\"h\"", 304, 0, 0},
        {NULL, NULL, "\"x\", W/\"h\"", 304, 0, 0},
        {NULL, NULL, "*", 304, 0, 0},
        {NULL, NULL, "\"hh\", h", 200, 0, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct range_example *e = &examples[i];
        struct reply_file file = {
            .fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .bytes = 10, .name = "n", .sha256 = "h"};
        struct headers headers = {
            .range = e->range, .if_range = e->if_range, .if_none_match = e->if_none_match};
        struct reply reply = reply_file_take(&file, arena);
        range_apply(&reply, &headers, arena);
        if (reply.status != e->status || reply.offset != e->offset || reply.length != e->length)
            fail_msg("example %zu: %u, %ld bytes from %ld", i, reply.status, (long)reply.length,
                     (long)reply.offset);
        reply_fini(&reply);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_follow_the_rfc),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
