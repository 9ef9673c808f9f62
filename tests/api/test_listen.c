/* Addresses: loopback only, and UNIX sockets that outlived their server. */
#include "api/listen.h"

#include "tests/support/scratch.h"

#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
only_loopback_and_unix_sockets_are_listened_on(void **state)
{
    static const char *const bad[] = {
        "0.0.0.0:0",   "[::]:0",       "192.0.2.1:80",  "example.com:80",  "127.0.0.1",
        "127.0.0.1:x", "127.0.0.1:-1", "::1:80",        "127.0.0.1:70000", "",
        "[::1]",       "unix:",        "unix:relative", "[127.0.0.1:0",    ":8765",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct listen_socket socket;
        struct err err;
        if (listen_open(bad[i], &socket, &err) != ERR_INVALID)
            fail_msg("not refused: %s", bad[i]);
        assert_non_null(strstr(err.message, bad[i]));
    }
    struct listen_socket socket;
    struct err err;
    assert_int_equal(listen_open("0.0.0.0:0", &socket, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "keys do not exist yet"));
    assert_int_equal(listen_open("localhost:0", &socket, &err), 0);
    assert_true(socket.port > 0);
    struct listen_socket second;
    assert_int_equal(listen_open(socket.address, &second, &err), ERR_CONFLICT);
    listen_close(&socket);
}

static void
stale_unix_sockets_are_replaced_and_others_left_alone(void **state)
{
    (void)state;
    struct scratch scratch;
    struct listen_socket first;
    struct listen_socket second;
    struct err err;
    scratch_open(&scratch);
    const char *path = scratch_path(&scratch, "s");
    const char *address = arena_printf(scratch.arena, "unix:%s", path);
    assert_int_equal(listen_open(address, &first, &err), 0);
    assert_int_equal(listen_open(address, &second, &err), ERR_CONFLICT);
    close(first.fd); /* as if its process had died: the file stays */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(listen_open(address, &second, &err), 0);
    listen_close(&second);
    assert_int_not_equal(access(path, F_OK), 0);
    scratch_write_text(&scratch, "s", "a file of somebody");
    assert_int_equal(listen_open(address, &second, &err), ERR_CONFLICT);
    assert_int_equal(access(path, F_OK), 0);
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_loopback_and_unix_sockets_are_listened_on),
        cmocka_unit_test(stale_unix_sockets_are_replaced_and_others_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
