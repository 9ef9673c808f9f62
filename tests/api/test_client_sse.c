/* Server-sent events from bytes, however they are cut. */
#include "api/client/sse.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
note(void *context, const char *name, const char *data, const char *id)
{
    buf_printf(context, "%s|%s|%s;", name, data, id);
}

/* What comes of a stream that arrives in pieces of so many bytes. */
static void
expect(const char *stream, size_t piece, const char *wanted)
{
    struct buf seen = {0};
    struct sse sse = {.handler = note, .context = &seen};
    size_t length = strlen(stream);
    for (size_t at = 0; at < length; at += piece)
        assert_true(sse_feed(&sse, stream + at, piece < length - at ? piece : length - at));
    assert_string_equal(buf_string(&seen), wanted);
    buf_fini(&seen);
    sse_fini(&sse);
}

static void
events_are_the_same_however_the_bytes_are_cut(void **state)
{
    (void)state;
    static const char stream[] = "retry: 3000\n\nevent: state\nid: 1.-.-\ndata: {\"a\": 1}\n\n"
                                 ": a comment\n\nevent: metrics\r\nid: 1.7.-\r\ndata:one\r\n"
                                 "data: two\r\n\r\ndata: three\r\r";
    static const char wanted[] = "state|{\"a\": 1}|1.-.-;metrics|one\ntwo|1.7.-;"
                                 "message|three|1.7.-;";
    for (size_t piece = 1; piece < sizeof stream; piece++)
        expect(stream, piece, wanted);
}

static void
an_event_that_breaks_off_is_not_told(void **state)
{
    (void)state;
    struct buf seen = {0};
    struct sse sse = {.handler = note, .context = &seen};
    static const char first[] = "id: 5\ndata: whole\n\nevent: end\ndata: bro";
    static const char second[] = "data: next\n\n";
    assert_true(sse_feed(&sse, first, sizeof first - 1));
    sse_restart(&sse);
    assert_string_equal(buf_string(&sse.id), "5");
    assert_true(sse_feed(&sse, second, sizeof second - 1));
    assert_string_equal(buf_string(&seen), "message|whole|5;message|next|5;");
    buf_fini(&seen);
    sse_fini(&sse);
}

static void
events_without_data_and_unknown_fields_are_nothing(void **state)
{
    (void)state;
    expect("event: state\n\nfoo: bar\nnonsense\n\n\n\n", 3, "");
    expect("data\n\n", 2, "message||;");
}

static void
an_endless_event_is_refused(void **state)
{
    (void)state;
    struct buf seen = {0};
    struct sse sse = {.handler = note, .context = &seen};
    char *piece = calloc(1, 1024 * 1024);
    memset(piece, 'x', 1024 * 1024);
    bool good = true;
    size_t pieces = 0;
    while (good && pieces < 1000) {
        good = sse_feed(&sse, piece, 1024 * 1024);
        pieces++;
    }
    assert_false(good);
    assert_int_equal(pieces, SSE_MAX_BYTES / (1024 * 1024) + 1);
    free(piece);
    buf_fini(&seen);
    sse_fini(&sse);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_the_bytes_are_cut),
        cmocka_unit_test(an_event_that_breaks_off_is_not_told),
        cmocka_unit_test(events_without_data_and_unknown_fields_are_nothing),
        cmocka_unit_test(an_endless_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
