/* systemd's socket gets one datagram; nobody listening is no error. */
#include "daemon/notify.h"

#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int
forget_socket(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    return 0;
}

/* Bind a datagram socket to the length bytes of path. */
static int
listen_at(const char *path, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    memcpy(address.sun_path, path, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void
assert_received(int fd, const char *want)
{
    char bytes[64] = "";
    ssize_t length = recv(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);
    assert_int_equal(length, strlen(want));
    assert_string_equal(bytes, want);
}

static void
nobody_asked_is_fine(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(notify_send("READY=1", &err), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(notify_send("READY=1", &err), 0);
}

static void
a_socket_file_gets_the_state(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    scratch_open(&scratch);
    const char *path = scratch_path(&scratch, "notify");
    int fd = listen_at(path, strlen(path) + 1);
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(notify_send("READY=1", &err), 0);
    assert_received(fd, "READY=1");
    assert_int_equal(notify_send("STOPPING=1", &err), 0);
    assert_received(fd, "STOPPING=1");
    close(fd);
    scratch_close(&scratch);
}

static void
a_reload_tells_the_time(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    char bytes[64] = "";
    static const char start[] = "RELOADING=1\nMONOTONIC_USEC=";
    scratch_open(&scratch);
    const char *path = scratch_path(&scratch, "notify");
    int fd = listen_at(path, strlen(path) + 1);
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(notify_reloading(&err), 0);
    assert_true(recv(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT) > (ssize_t)sizeof start);
    assert_memory_equal(bytes, start, sizeof start - 1);
    assert_true(strtoll(bytes + sizeof start - 1, NULL, 10) > 0);
    close(fd);
    scratch_close(&scratch);
}

static void
an_abstract_socket_gets_the_state(void **state)
{
    (void)state;
    char name[64];
    struct err err;
    int length = snprintf(name, sizeof name, "@finetuned-test-%ld", (long)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    int fd = listen_at(name, (size_t)length);
    assert_int_equal(notify_send("READY=1", &err), 0);
    assert_received(fd, "READY=1");
    close(fd);
}

static void
a_socket_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct err err;
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(notify_send("READY=1", &err), ERR_INVALID);
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    assert_int_equal(notify_send("READY=1", &err), ERR_IO);
    char longer[200] = "/";
    memset(longer + 1, 'x', sizeof longer - 2);
    setenv("NOTIFY_SOCKET", longer, 1);
    assert_int_equal(notify_send("READY=1", &err), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget_socket, forget_socket)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_asked_is_fine),
        TEST(a_socket_file_gets_the_state),
        TEST(a_reload_tells_the_time),
        TEST(an_abstract_socket_gets_the_state),
        TEST(a_socket_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
