/* Headers: ambiguous framing, foreign hosts, foreign origins and proxies are refused. */
#include "api/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_LINES = 6, ACCEPTED = -1 };

struct example {
    const char *lines[MAX_LINES][2];
    int code; /* of the fault, or ACCEPTED */
};

static const struct example examples[] = {
    {{{"Host", "127.0.0.1:8765"}}, ACCEPTED},
    {{{"host", "LOCALHOST"}, {"Content-Length", "0"}}, ACCEPTED},
    {{{"Host", "[::1]:80"}, {"Authorization", "Bearer x"}}, ACCEPTED},
    {{{"Host", "a.localhost."}, {"Transfer-Encoding", "Chunked"}}, ACCEPTED},
    {{{"Host", "127.1.2.3"}, {"Origin", "http://localhost:3000"}}, ACCEPTED},
    {{{"Host", "localhost"}, {"Content-Length", "5"}, {"Content-Length", "5"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Length", "5"}, {"content-length", "6"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
     FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Transfer-Encoding", "gzip, chunked"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
     FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Length", "+5"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Length", ""}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Length", "9999999999999999999"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Length ", "5"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"", "5"}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Content-Type", "a/b"}, {"Content-Type", "c/d"}}, FAULT_BAD_REQUEST},
    {{{"Accept", "*/*"}}, FAULT_BAD_REQUEST},
    {{{"Host", ""}}, FAULT_BAD_REQUEST},
    {{{"Host", "localhost"}, {"Host", "localhost"}}, FAULT_BAD_REQUEST},
    {{{"Host", "evil.example"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "localhost.evil.example"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "notlocalhost"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "127.0.0.1.evil.example"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "localhost:80@evil.example"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "192.168.1.5"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "0.0.0.0"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "[::2]"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "[::1"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "[localhost]"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "localhost"}, {"Origin", "https://evil.example"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "localhost"}, {"Origin", "null"}}, FAULT_HOST_NOT_ALLOWED},
    {{{"Host", "localhost"}, {"Forwarded", "for=1.2.3.4"}}, FAULT_PROXY_WITHOUT_KEY},
    {{{"Host", "localhost"}, {"x-forwarded-for", "1.2.3.4"}}, FAULT_PROXY_WITHOUT_KEY},
    {{{"Host", "localhost"}, {"X-Forwarded-Proto", "https"}}, FAULT_PROXY_WITHOUT_KEY},
};

static void
read_lines(const struct example *example, struct headers *out)
{
    *out = (struct headers){0};
    for (size_t i = 0; i < MAX_LINES && example->lines[i][0] != NULL; i++)
        headers_add(out, example->lines[i][0], example->lines[i][1]);
}

static void
each_request_is_judged_by_its_headers(void **state)
{
    (void)state;
    const struct headers_policy policy = {0};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct headers headers;
        struct fault_list faults = {.arena = arena_new()};
        read_lines(&examples[i], &headers);
        int result = headers_check(&headers, &policy, &faults);
        int code = result == 0 ? ACCEPTED : (int)faults.items[0].code;
        if (code != examples[i].code)
            fail_msg("example %zu: %d instead of %d", i, code, examples[i].code);
        arena_free(faults.arena);
    }
}

static void
any_host_will_do_on_a_local_socket_but_no_proxy(void **state)
{
    (void)state;
    const struct headers_policy policy = {.local_socket = true};
    struct headers headers = {0};
    struct fault_list faults = {.arena = arena_new()};
    headers_add(&headers, "Host", "docker");
    assert_int_equal(headers_check(&headers, &policy, &faults), 0);
    headers_add(&headers, "X-Forwarded-For", "1.2.3.4");
    assert_int_equal(headers_check(&headers, &policy, &faults), -1);
    arena_free(faults.arena);
}

static void
authority_of_the_target_is_judged_too(void **state)
{
    (void)state;
    const struct headers_policy policy = {.authority = "evil.example"};
    struct headers headers = {0};
    struct fault_list faults = {.arena = arena_new()};
    headers_add(&headers, "Host", "localhost");
    assert_int_equal(headers_check(&headers, &policy, &faults), -1);
    assert_int_equal(faults.items[0].code, FAULT_HOST_NOT_ALLOWED);
    arena_free(faults.arena);
}

static void
bodies_are_announced_by_length_or_chunks(void **state)
{
    (void)state;
    struct headers none = {0};
    struct headers zero = {0};
    struct headers five = {0};
    struct headers chunks = {0};
    headers_add(&zero, "Content-Length", "0");
    headers_add(&five, "Content-Length", "5");
    headers_add(&chunks, "Transfer-Encoding", "chunked");
    assert_false(headers_announce_body(&none));
    assert_false(headers_announce_body(&zero));
    assert_true(headers_announce_body(&five));
    assert_true(headers_announce_body(&chunks));
    assert_int_equal(headers_body_length(&five), 5);
    assert_int_equal(headers_body_length(&chunks), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_judged_by_its_headers),
        cmocka_unit_test(any_host_will_do_on_a_local_socket_but_no_proxy),
        cmocka_unit_test(authority_of_the_target_is_judged_too),
        cmocka_unit_test(bodies_are_announced_by_length_or_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
