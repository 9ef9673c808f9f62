/* Entity tags: of bytes, in lists, strong and weak. */
#include "api/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
tag_is_of_the_bytes(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    /* SHA-256 of "abc", its first half (FIPS 180-2) */
    assert_string_equal(etag_of("abc", 3, arena), "\"ba7816bf8f01cfea414140de5dae2223\"");
    assert_string_not_equal(etag_of("abd", 3, arena), etag_of("abc", 3, arena));
    assert_int_equal(strlen(etag_of("", 0, arena)), 34);
    arena_free(arena);
}

static void
lists_are_compared_as_the_rfc_says(void **state)
{
    static const struct {
        const char *list;
        bool weakly, strongly;
    } examples[] = {
        {"\"a\"", true, true},
        {"W/\"a\"", true, false},
        {"*", true, true},
        {"\"b\", \"a\"", true, true},
        {"\"b\",\t W/\"a\" ,\"c\"", true, false},
        {"\"ab\"", false, false},
        {"\"b\"", false, false},
        {"a", false, false},
        {"", false, false},
        {",,", false, false},
        {"W/", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        assert_int_equal(etag_is_listed(examples[i].list, "\"a\""), examples[i].weakly);
        assert_int_equal(etag_is_listed_strongly(examples[i].list, "\"a\""), examples[i].strongly);
    }
}

static void
only_good_answers_of_json_get_a_tag(void **state)
{
    struct arena *arena = arena_new();
    struct headers headers = {.if_none_match = "*"};
    struct buf body = {0};
    (void)state;
    buf_append_string(&body, "{}");
    struct reply reply = reply_json_take(200, &body);
    etag_apply(&reply, &(struct headers){0}, arena);
    assert_int_equal(reply.status, 200);
    assert_non_null(reply.etag);
    etag_apply(&reply, &headers, arena);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply_bytes(&reply), 0);
    reply_fini(&reply);
    buf_append_string(&body, "text");
    reply = reply_text_take(200, &body);
    etag_apply(&reply, &headers, arena);
    assert_int_equal(reply.status, 200);
    assert_null(reply.etag);
    reply_fini(&reply);
    reply = reply_empty(204);
    etag_apply(&reply, &headers, arena);
    assert_int_equal(reply.status, 204);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tag_is_of_the_bytes),
        cmocka_unit_test(lists_are_compared_as_the_rfc_says),
        cmocka_unit_test(only_good_answers_of_json_get_a_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
