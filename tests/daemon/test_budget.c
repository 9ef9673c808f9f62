/* Shares of threads; which job fits, which waits, which can never run. */
#include "daemon/work/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MB = 1000000 };

static const struct budget budget = {
    .folder = "/tmp", .min_free_bytes = 10 * MB, .process_bytes = 50 * MB};

/* A machine of 1000 MB of memory and disk, all of them free. */
static struct budget_look
idle_machine(void)
{
    return (struct budget_look){&budget,
                                {.memory_total = 1000 * MB,
                                 .memory_free = 1000 * MB,
                                 .disk_total = 1000 * MB,
                                 .disk_free = 1000 * MB}};
}

/* The verdict, and the reason's word in *reason ("" when it is taken). */
static enum claim_verdict
ask(struct budget_look *look, struct claim_load load, struct claim_candidate candidate,
    const char **reason)
{
    struct claim_wait wait = {0};
    struct arena *arena = arena_new();
    enum claim_verdict verdict = budget_judge(look, &load, &candidate, arena, &wait);
    *reason = wait.reason != NULL ? wait.reason : "";
    assert_int_equal(verdict == CLAIM_TAKE, wait.reason == NULL);
    assert_true(wait.reason == NULL || strlen(wait.message) > 0);
    arena_free(arena);
    return verdict;
}

static void
workers_share_the_threads(void **state)
{
    (void)state;
    assert_int_equal(budget_threads(8, 1), 8);
    assert_int_equal(budget_threads(8, 3), 2);
    assert_int_equal(budget_threads(2, 4), 1);
    assert_int_equal(budget_threads(8, 0), 8);
    assert_true(budget_threads(0, 1) >= 1);
}

/* The process itself is in every estimate, but there only once. */
static void
process_is_counted_once(void **state)
{
    struct budget_look look = idle_machine();
    const char *reason;
    (void)state;
    const struct claim_load one = {1, 500 * MB, 0};
    assert_int_equal(ask(&look, one, (struct claim_candidate){"", 550 * MB, 0, 0}, &reason),
                     CLAIM_TAKE);
    assert_int_equal(ask(&look, one, (struct claim_candidate){"", 551 * MB, 0, 0}, &reason),
                     CLAIM_PASS);
    assert_string_equal(reason, "memory");
}

static void
what_is_not_known_fits(void **state)
{
    struct budget_look look = idle_machine();
    const char *reason;
    (void)state;
    assert_int_equal(
        ask(&look, (struct claim_load){0}, (struct claim_candidate){"", -1, -1, 0}, &reason),
        CLAIM_TAKE);
}

static void
patience_ends_only_where_holding_back_helps(void **state)
{
    struct budget_look look = idle_machine();
    const char *reason;
    (void)state;
    const struct claim_load one = {1, 500 * MB, 0};
    const struct claim_candidate tired = {"", 900 * MB, 0, BUDGET_OVERTAKEN_MAX};
    assert_int_equal(ask(&look, one, tired, &reason), CLAIM_HOLD);
    look.room.memory_free = 800 * MB; /* others have the rest: not even alone */
    assert_int_equal(ask(&look, one, tired, &reason), CLAIM_PASS);
    assert_int_equal(ask(&look, (struct claim_load){0}, tired, &reason), CLAIM_PASS);
}

static void
room_on_the_disk_is_kept(void **state)
{
    struct budget_look look = idle_machine();
    const char *reason;
    (void)state;
    const struct claim_load one = {1, 0, 500 * MB};
    assert_int_equal(ask(&look, one, (struct claim_candidate){"", 0, 490 * MB, 0}, &reason),
                     CLAIM_TAKE);
    assert_int_equal(ask(&look, one, (struct claim_candidate){"", 0, 491 * MB, 0}, &reason),
                     CLAIM_PASS);
    assert_string_equal(reason, "disk");
    look.room.disk_free = 10 * MB - 1;
    assert_int_equal(ask(&look, one, (struct claim_candidate){"", 0, 0, 0}, &reason), CLAIM_HOLD);
    assert_string_equal(reason, "free_disk");
}

static void
what_can_never_run_is_refused_with_the_figures(void **state)
{
    struct arena *arena = arena_new();
    struct budget_room room = idle_machine().room;
    (void)state;
    room.memory_free = room.disk_free = 0; /* what is free now does not matter */
    const struct claim_candidate good = {"", 1000 * MB, 990 * MB, 0};
    const struct claim_candidate large = {"", 1001 * MB, 0, 0};
    const struct claim_candidate wide = {"", 0, 991 * MB, 0};
    assert_null(budget_refusal(&budget, &room, &good, arena));
    const char *refusal = budget_refusal(&budget, &room, &large, arena);
    assert_non_null(strstr(refusal, "1.0 GB of memory"));
    assert_non_null(strstr(refusal, "batch_size"));
    assert_non_null(strstr(budget_refusal(&budget, &room, &wide, arena), "991 MB"));
    arena_free(arena);
}

static void
sizes_are_for_people(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(budget_size(0, arena), "0.0 kB");
    assert_string_equal(budget_size(1500, arena), "1.5 kB");
    assert_string_equal(budget_size(256 * 1048576LL, arena), "268 MB");
    assert_string_equal(budget_size(1999999999999LL, arena), "2.0 TB");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_share_the_threads),
        cmocka_unit_test(process_is_counted_once),
        cmocka_unit_test(what_is_not_known_fits),
        cmocka_unit_test(patience_ends_only_where_holding_back_helps),
        cmocka_unit_test(room_on_the_disk_is_kept),
        cmocka_unit_test(what_can_never_run_is_refused_with_the_figures),
        cmocka_unit_test(sizes_are_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
