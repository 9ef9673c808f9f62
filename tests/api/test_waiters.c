/* Those who wait are woken once a sleep, by what concerns them, and never too late. */
#include "api/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct sleeper {
    struct waiter waiter; /* first */
    int woken;
};

struct fixture {
    struct waiters *waiters;
    struct sleeper sleeper;
    int client;
};

static void
wake(struct waiter *waiter)
{
    ((struct sleeper *)waiter)->woken++;
}

static int
open_fixture(void **state)
{
    int ends[2];
    struct fixture *f = calloc(1, sizeof *f);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return -1;
    f->waiters = waiters_new();
    f->client = ends[0];
    f->sleeper.waiter = (struct waiter){.key = 7, .queue = true, .fd = ends[1], .wake = wake};
    waiters_add(f->waiters, &f->sleeper.waiter);
    *state = f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    waiters_remove(f->waiters, &f->sleeper.waiter);
    waiters_free(f->waiters);
    close(f->sleeper.waiter.fd);
    close(f->client);
    free(f);
    return 0;
}

static void
fall_asleep(struct fixture *f)
{
    f->sleeper.woken = 0;
    waiters_look(f->waiters, &f->sleeper.waiter);
    waiters_sleep(f->waiters, &f->sleeper.waiter, 1000);
    assert_int_equal(f->sleeper.woken, 0);
}

static void
expect_woken(struct fixture *f, int times)
{
    assert_int_equal(f->sleeper.woken, times);
}

static void
change_wakes_whom_it_concerns(void **state)
{
    struct fixture *f = *state;
    fall_asleep(f);
    waiters_tell(f->waiters, &(struct service_change){.key = 8});
    expect_woken(f, 0);
    waiters_tell(f->waiters, &(struct service_change){.key = 7});
    waiters_tell(f->waiters, &(struct service_change){.key = 7});
    expect_woken(f, 1); /* it sleeps no more */
    fall_asleep(f);
    waiters_tell(f->waiters, &(struct service_change){.key = 8, .queue = true});
    expect_woken(f, 1);
    fall_asleep(f);
    waiters_tell(f->waiters, &(struct service_change){.key = 0});
    expect_woken(f, 1);
}

static void
change_between_look_and_sleep_is_not_lost(void **state)
{
    struct fixture *f = *state;
    waiters_look(f->waiters, &f->sleeper.waiter);
    waiters_tell(f->waiters, &(struct service_change){.key = 7});
    expect_woken(f, 0); /* it is awake */
    waiters_sleep(f->waiters, &f->sleeper.waiter, 1000);
    expect_woken(f, 1);
    waiters_tell(f->waiters, &(struct service_change){.key = 7});
    fall_asleep(f); /* what was told before it looked is seen by looking */
}

static void
time_and_a_closed_connection_wake(void **state)
{
    struct fixture *f = *state;
    fall_asleep(f);
    waiters_tick(f->waiters, 999);
    expect_woken(f, 0);
    waiters_tick(f->waiters, 1000);
    expect_woken(f, 1);
    fall_asleep(f);
    f->sleeper.waiter.due_ms = 5000;
    assert_false(waiters_client_has_gone(&f->sleeper.waiter));
    assert_int_equal(send(f->client, "x", 1, 0), 1); /* a next request is no farewell */
    waiters_tick(f->waiters, 2000);
    expect_woken(f, 0);
    char byte;
    assert_int_equal(recv(f->sleeper.waiter.fd, &byte, 1, 0), 1);
    shutdown(f->client, SHUT_WR);
    assert_true(waiters_client_has_gone(&f->sleeper.waiter));
    waiters_tick(f->waiters, 3000);
    expect_woken(f, 1);
}

static void
nobody_sleeps_once_it_stops(void **state)
{
    struct fixture *f = *state;
    fall_asleep(f);
    assert_false(waiters_are_stopping(f->waiters));
    waiters_stop(f->waiters);
    expect_woken(f, 1);
    waiters_look(f->waiters, &f->sleeper.waiter);
    waiters_sleep(f->waiters, &f->sleeper.waiter, 1000);
    expect_woken(f, 2);
    assert_true(waiters_are_stopping(f->waiters));
}

#define WAITERS_TEST(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WAITERS_TEST(change_wakes_whom_it_concerns),
        WAITERS_TEST(change_between_look_and_sleep_is_not_lost),
        WAITERS_TEST(time_and_a_closed_connection_wake),
        WAITERS_TEST(nobody_sleeps_once_it_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
