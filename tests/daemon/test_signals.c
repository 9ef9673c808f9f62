/* The first signal asks politely, the second one ends the process. Each test uses child processes.
 */
#include "daemon/signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* How a child that runs this ends. */
static int
status_of(void (*child)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        child();
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
wait_for_one(void)
{
    signals_block();
    kill(getpid(), SIGTERM); /* pending until it is waited for */
    _exit(signals_wait() == SIGTERM ? 7 : 8);
}

static void
wait_then_get_another(void)
{
    signals_block();
    kill(getpid(), SIGINT);
    if (signals_wait() == SIGINT)
        kill(getpid(), SIGTERM);
}

/* A reload may be asked for again and again, and when the end has come. */
static void
ask_for_reloads(void)
{
    signals_block();
    for (int i = 0; i < 3; i++) {
        kill(getpid(), SIGHUP);
        if (signals_wait() != SIGHUP)
            _exit(8);
    }
    kill(getpid(), SIGTERM);
    int last = signals_wait();
    kill(getpid(), SIGHUP);
    _exit(last == SIGTERM ? 7 : 9);
}

static void
write_to_nobody(void)
{
    int ends[2];
    signals_block();
    if (pipe(ends) == 0 && close(ends[0]) == 0 && write(ends[1], "x", 1) < 0)
        _exit(7);
}

static void
catch_one(void)
{
    signals_catch();
    if (signals_caught() != 0)
        _exit(8);
    raise(SIGINT);
    _exit(signals_caught() == SIGINT ? 7 : 9);
}

static void
catch_then_get_another(void)
{
    signals_catch();
    raise(SIGTERM);
    if (signals_caught() == SIGTERM)
        raise(SIGTERM);
}

static void
sighup_neither_ends_nor_is_lost(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(ask_for_reloads)), 7);
}

static void
a_blocked_signal_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(wait_for_one)), 7);
}

static void
the_second_signal_kills_a_waiter(void **state)
{
    (void)state;
    int status = status_of(wait_then_get_another);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void
a_closed_connection_does_not_kill(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(write_to_nobody)), 7);
}

static void
a_caught_signal_is_a_flag(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of(catch_one)), 7);
}

static void
the_second_signal_kills_a_catcher(void **state)
{
    (void)state;
    int status = status_of(catch_then_get_another);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocked_signal_is_waited_for),
        cmocka_unit_test(sighup_neither_ends_nor_is_lost),
        cmocka_unit_test(the_second_signal_kills_a_waiter),
        cmocka_unit_test(a_closed_connection_does_not_kill),
        cmocka_unit_test(a_caught_signal_is_a_flag),
        cmocka_unit_test(the_second_signal_kills_a_catcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
