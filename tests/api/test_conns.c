/* Open connections: each phase has its deadline, and whoever is late is shut down. */
#include "api/conns.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What is shut down for its lateness is so within this; on a loaded machine, too. */
enum { PATIENCE_MS = 60000, NEVER_MS = 3600 * 1000 };

struct pair {
    int ours, theirs; /* of the connection; the client's end */
    struct conn *conn;
};

static struct conns *
open_conns(struct conns_limits limits)
{
    struct err err;
    struct conns *conns = conns_new(&limits, &err);
    assert_non_null(conns);
    return conns;
}

static struct pair
connect_to(struct conns *conns)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct pair pair = {.ours = ends[0], .theirs = ends[1]};
    pair.conn = conns_add(conns, pair.ours);
    assert_int_equal(conns_socket(pair.conn), pair.ours);
    return pair;
}

static void
disconnect(struct conns *conns, struct pair *pair)
{
    conns_remove(conns, pair->conn);
    close(pair->ours);
    close(pair->theirs);
}

/* Does the client see the end of its connection within so many milliseconds? */
static bool
ends_within(const struct pair *pair, int milliseconds)
{
    char byte;
    struct pollfd poll_for = {.fd = pair->theirs, .events = POLLIN};
    return poll(&poll_for, 1, milliseconds) == 1 && read(pair->theirs, &byte, 1) == 0;
}

static void
client_that_sends_no_headers_is_shut_down(void **state)
{
    (void)state;
    struct conns *conns = open_conns((struct conns_limits){1, NEVER_MS, NEVER_MS, NULL, NULL});
    struct pair pair = connect_to(conns);
    assert_true(ends_within(&pair, PATIENCE_MS));
    disconnect(conns, &pair);
    conns_free(conns);
}

static void
client_that_sends_its_body_too_slowly_is_shut_down(void **state)
{
    (void)state;
    struct conns *conns = open_conns((struct conns_limits){NEVER_MS, NEVER_MS, 1, NULL, NULL});
    struct pair slow = connect_to(conns);
    struct pair quick = connect_to(conns);
    conns_enter(conns, slow.conn, CONN_BODY, 0);
    conns_enter(conns, quick.conn, CONN_BODY, 0);
    conns_received(conns, quick.conn, (int64_t)NEVER_MS * CONNS_MIN_BYTES_PER_SECOND);
    conns_received(conns, slow.conn, 1);
    assert_true(ends_within(&slow, PATIENCE_MS));
    assert_false(ends_within(&quick, 0));
    disconnect(conns, &slow);
    disconnect(conns, &quick);
    conns_free(conns);
}

/* The watcher has looked at least once more when a later one is gone. */
static void
connection_that_we_work_for_has_no_deadline(void **state)
{
    (void)state;
    struct conns *conns = open_conns((struct conns_limits){1, 1, 1, NULL, NULL});
    struct pair working = connect_to(conns);
    conns_enter(conns, working.conn, CONN_WORKING, 0);
    struct pair streaming = connect_to(conns);
    conns_enter(conns, streaming.conn, CONN_STREAMING, 0);
    struct pair replying = connect_to(conns);
    conns_enter(conns, replying.conn, CONN_REPLYING,
                (int64_t)NEVER_MS * CONNS_MIN_BYTES_PER_SECOND);
    struct pair late = connect_to(conns);
    assert_true(ends_within(&late, PATIENCE_MS));
    struct pair idle = connect_to(conns);
    conns_enter(conns, idle.conn, CONN_IDLE, 0);
    assert_true(ends_within(&idle, PATIENCE_MS));
    assert_false(ends_within(&working, 0));
    assert_false(ends_within(&streaming, 0));
    assert_false(ends_within(&replying, 0));
    disconnect(conns, &working);
    disconnect(conns, &streaming);
    disconnect(conns, &replying);
    disconnect(conns, &late);
    disconnect(conns, &idle);
    conns_free(conns);
}

static void
quiet_is_when_nothing_is_under_way(void **state)
{
    (void)state;
    struct conns *conns =
        open_conns((struct conns_limits){NEVER_MS, NEVER_MS, NEVER_MS, NULL, NULL});
    assert_true(conns_wait_quiet(conns, 0));
    struct pair first = connect_to(conns);
    struct pair second = connect_to(conns);
    assert_true(conns_wait_quiet(conns, 0));
    conns_enter(conns, first.conn, CONN_WORKING, 0);
    conns_enter(conns, second.conn, CONN_STREAMING, 0);
    assert_false(conns_wait_quiet(conns, 1));
    conns_enter(conns, first.conn, CONN_IDLE, 0);
    assert_false(conns_wait_quiet(conns, 1));
    disconnect(conns, &second);
    assert_true(conns_wait_quiet(conns, 0));
    disconnect(conns, &first);
    conns_free(conns);
}

static void
note_tick(void *context, int64_t now_ms)
{
    int *ends = context;
    if (now_ms > 0 && write(ends[1], "t", 1) != 1 && errno != EAGAIN)
        abort();
}

static void
tick_comes_while_there_are_connections(void **state)
{
    (void)state;
    int ends[2];
    char ticks[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    struct conns *conns =
        open_conns((struct conns_limits){NEVER_MS, NEVER_MS, NEVER_MS, note_tick, ends});
    struct pair pair = connect_to(conns);
    for (size_t i = 0; i < sizeof ticks; i++) {
        struct pollfd poll_for = {.fd = ends[0], .events = POLLIN};
        assert_int_equal(poll(&poll_for, 1, PATIENCE_MS), 1);
        assert_int_equal(read(ends[0], ticks + i, 1), 1);
    }
    disconnect(conns, &pair);
    conns_free(conns);
    close(ends[0]);
    close(ends[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_that_sends_no_headers_is_shut_down),
        cmocka_unit_test(client_that_sends_its_body_too_slowly_is_shut_down),
        cmocka_unit_test(connection_that_we_work_for_has_no_deadline),
        cmocka_unit_test(quiet_is_when_nothing_is_under_way),
        cmocka_unit_test(tick_comes_while_there_are_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
