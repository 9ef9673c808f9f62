/* What a stream says, and when it says nothing, without a server. */
#include "api/stream.h"
#include "tests/support/fake_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct service *service;
    struct arena *arena;
    struct fault_list faults;
    struct streams streams;
    struct stream *stream;
    struct buf text;
};

static int
open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->service = fake_service_new();
    f->arena = arena_new();
    f->faults.arena = f->arena;
    f->streams.max = 1;
    f->stream = stream_open(&f->streams, f->service, "ftjob-running", &STREAM_START, &f->faults);
    *state = f;
    return f->stream == NULL ? -1 : 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    stream_free(f->stream);
    fake_service_free(f->service);
    arena_free(f->arena);
    buf_fini(&f->text);
    free(f);
    return 0;
}

/* What comes at a time; the step must be this one. */
static const char *
next(struct fixture *f, int64_t now_ms, bool stopping, enum stream_step wanted)
{
    buf_clear(&f->text);
    assert_int_equal(stream_next(f->stream, now_ms, stopping, &f->text), wanted);
    return buf_string(&f->text);
}

static void
silence_is_broken_by_a_comment_only_when_it_is_due(void **state)
{
    struct fixture *f = *state;
    const char *text = next(f, 0, false, STREAM_BYTES);
    static const char start[] = "retry: 3000\n\nevent: state\nid: 0.-.-\ndata: {";
    assert_int_equal(strncmp(text, start, sizeof start - 1), 0);
    assert_string_equal(text + strlen(text) - 3, "}\n\n");
    assert_int_equal(stream_due_ms(f->stream), STREAM_BEAT_MS);
    assert_string_equal(next(f, STREAM_BEAT_MS - 1, false, STREAM_NOTHING), "");
    assert_string_equal(next(f, STREAM_BEAT_MS, false, STREAM_BYTES), ": nothing new\n\n");
    assert_int_equal(stream_due_ms(f->stream), 2 * STREAM_BEAT_MS);
}

static void
batches_are_bounded(void **state)
{
    struct fixture *f = *state;
    size_t points = 0;
    fake_service_add_progress(f->service, 0, 3 * STREAM_BATCH + 1);
    fake_service_end_job(f->service);
    for (int i = 0; i < 4; i++) {
        const char *at = next(f, 0, false, STREAM_BYTES);
        size_t found = 0;
        while ((at = strstr(at, "event: metrics")) != NULL) {
            at++;
            found++;
        }
        assert_in_range(found, 1, STREAM_BATCH);
        assert_int_equal(strstr(buf_string(&f->text), "event: end") != NULL, i == 3);
        points += found;
    }
    assert_int_equal(points, 3 * STREAM_BATCH + 1);
    next(f, 0, false, STREAM_END);
}

static void
stop_is_the_last_word_behind_the_news(void **state)
{
    static const char last[] = "\n\n: the daemon stops; come back with the last id\n\n";
    struct fixture *f = *state;
    next(f, 0, false, STREAM_BYTES);
    fake_service_add_progress(f->service, 1, 0);
    const char *text = next(f, 0, true, STREAM_BYTES);
    assert_int_equal(strncmp(text, "event: event", strlen("event: event")), 0);
    assert_string_equal(text + strlen(text) - strlen(last), last);
    next(f, 0, true, STREAM_END);
}

static void
failure_sends_the_client_away(void **state)
{
    struct fixture *f = *state;
    fake_service_fail_next(f->service, FAULT_INTERNAL, NULL, 0);
    assert_int_equal(next(f, 0, false, STREAM_BYTES)[0], ':');
    next(f, 0, false, STREAM_END);
}

static void
places_are_counted(void **state)
{
    struct fixture *f = *state;
    assert_null(stream_open(&f->streams, f->service, "ftjob-running", &STREAM_START, &f->faults));
    assert_int_equal(f->faults.items[0].code, FAULT_TOO_MANY_STREAMS);
    stream_free(f->stream);
    f->stream = stream_open(&f->streams, f->service, "ftjob-running", &STREAM_START, &f->faults);
    assert_non_null(f->stream);
}

#define STREAM_TEST(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(silence_is_broken_by_a_comment_only_when_it_is_due),
        STREAM_TEST(batches_are_bounded),
        STREAM_TEST(stop_is_the_last_word_behind_the_news),
        STREAM_TEST(failure_sends_the_client_away),
        STREAM_TEST(places_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
