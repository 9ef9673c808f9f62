/* Texts as JSON lines: batches as they come, every bad line named, nothing lost at the seams. */
#include "daemon/text_lines.h"

#include "core/data/dataset.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct source {
    struct scratch scratch;
    struct text_lines lines;
    int fd;
};

static struct source *
open_bytes(const void *bytes, size_t length)
{
    struct source *source = mem_small(sizeof *source);
    scratch_open(&source->scratch);
    source->fd = open(scratch_write(&source->scratch, "input", bytes, length), O_RDONLY);
    assert_true(source->fd >= 0);
    text_lines_init(&source->lines, source->fd);
    return source;
}

static struct source *
open_text(const char *text)
{
    return open_bytes(text, strlen(text));
}

static void
close_source(struct source *source)
{
    text_lines_fini(&source->lines);
    close(source->fd);
    scratch_close(&source->scratch);
    free(source);
}

static void
assert_text(const struct text *text, const char *first, const char *second)
{
    assert_int_equal(text->first_length, strlen(first));
    assert_memory_equal(text->first, first, text->first_length);
    assert_int_equal(text->second != NULL, second != NULL);
    if (second != NULL) {
        assert_int_equal(text->second_length, strlen(second));
        assert_memory_equal(text->second, second, text->second_length);
    }
}

static void
every_shape_of_line_is_read(void **state)
{
    (void)state;
    struct source *source = open_text("\"one\"\n[\"two\",\"too\"]\n{\"text\":\"three\"}\r\n"
                                      "{\"text\":\"four\",\"text_pair\":\"for\",\"label\":3}\n"
                                      "{\"text\":\"\",\"text_pair\":null}\n"
                                      "{\"prompt\":\"six\",\"completion\":\"x\"}\n"
                                      "{\"messages\":[{\"role\":\"system\",\"content\":\"x\"},"
                                      "{\"role\":\"user\",\"content\":\"a\\u0000b\"},"
                                      "{\"role\":\"assistant\",\"content\":\"y\"}]}\n");
    struct err err;
    assert_int_equal(text_lines_next(&source->lines, 100, &err), 0);
    assert_int_equal(source->lines.count, 7);
    assert_text(&source->lines.texts[0], "one", NULL);
    assert_text(&source->lines.texts[1], "two", "too");
    assert_text(&source->lines.texts[2], "three", NULL);
    assert_text(&source->lines.texts[3], "four", "for");
    assert_text(&source->lines.texts[4], "", NULL);
    assert_text(&source->lines.texts[5], "six", NULL);
    assert_int_equal(source->lines.texts[6].first_length, 3);
    assert_memory_equal(source->lines.texts[6].first, "a\0b", 3);
    assert_int_equal(text_lines_next(&source->lines, 100, &err), 0);
    assert_int_equal(source->lines.count, 0);
    close_source(source);
}

static void
a_last_line_needs_no_newline(void **state)
{
    (void)state;
    struct source *source = open_text("\"one\"\n\"two\"");
    struct err err;
    assert_int_equal(text_lines_next(&source->lines, 1, &err), 0);
    assert_int_equal(text_lines_next(&source->lines, 1, &err), 0);
    assert_int_equal(source->lines.count, 1);
    assert_text(&source->lines.texts[0], "two", NULL);
    assert_int_equal(text_lines_next(&source->lines, 1, &err), 0);
    assert_int_equal(source->lines.count, 0);
    close_source(source);
}

static void
a_text_may_hold_u0000(void **state)
{
    (void)state;
    struct source *source = open_text("\"a\\u0000b\"\n");
    struct err err;
    assert_int_equal(text_lines_next(&source->lines, 1, &err), 0);
    assert_int_equal(source->lines.texts[0].first_length, 3);
    assert_memory_equal(source->lines.texts[0].first, "a\0b", 3);
    close_source(source);
}

static void
a_bad_line_is_named_and_the_good_ones_before_it_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } bad[] = {{"{\"text\":3}", "neither a string"},
               {"[\"a\"]", "neither"},
               {"[\"a\",\"b\",\"c\"]", "neither"},
               {"[\"a\",null]", "neither"},
               {"{\"label\":\"x\"}", "neither"},
               {"{\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}", "user"},
               {"{\"messages\":7}", "messages"},
               {"{\"text\":\"a\",\"text_pair\":1}", "neither"},
               {"3", "neither"},
               {"\"open", "not valid JSON"},
               {"\"\xff\"", "not valid JSON"},
               {"", "empty"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        struct err err;
        snprintf(text, sizeof text, "\"one\"\n\"two\"\n%s\n\"four\"\n", bad[i].line);
        struct source *source = open_text(text);
        assert_int_equal(text_lines_next(&source->lines, 1, &err), 0);
        assert_int_equal(text_lines_next(&source->lines, 100, &err), ERR_INVALID);
        assert_int_equal(source->lines.count, 1);
        assert_text(&source->lines.texts[0], "two", NULL);
        if (strstr(err.message, "line 3: ") == NULL || strstr(err.message, bad[i].words) == NULL)
            fail_msg("%s: %s", bad[i].line, err.message);
        close_source(source);
    }
}

static void
lines_that_straddle_reads_are_whole(void **state)
{
    (void)state;
    enum { LINES = 3000 }; /* about 100 bytes each: several reads */
    struct buf text = {0};
    for (int i = 0; i < LINES; i++)
        buf_printf(&text, "\"%0*d\"\n", 60 + i % 67, i);
    struct source *source = open_bytes(text.data, text.length);
    struct err err;
    int seen = 0;
    do {
        assert_int_equal(text_lines_next(&source->lines, 64, &err), 0);
        assert_int_equal(source->lines.first_line, seen + 1);
        for (size_t i = 0; i < source->lines.count; i++, seen++) {
            assert_int_equal(source->lines.texts[i].first_length, 60 + seen % 67);
            assert_int_equal(strtol(source->lines.texts[i].first, NULL, 10), seen);
        }
    } while (source->lines.count > 0);
    assert_int_equal(seen, LINES);
    buf_fini(&text);
    close_source(source);
}

static void
whoever_sends_one_line_and_waits_gets_it(void **state)
{
    (void)state;
    int ends[2];
    struct err err;
    struct text_lines *lines = mem_small(sizeof *lines);
    assert_int_equal(pipe(ends), 0);
    text_lines_init(lines, ends[0]);
    assert_int_equal(write(ends[1], "\"one\"\n\"tw", 9), 9);
    assert_int_equal(text_lines_next(lines, 100, &err), 0);
    assert_int_equal(lines->count, 1);
    assert_int_equal(write(ends[1], "o\"\n", 3), 3);
    assert_int_equal(text_lines_next(lines, 100, &err), 0);
    assert_int_equal(lines->count, 1);
    assert_text(&lines->texts[0], "two", NULL);
    close(ends[1]);
    assert_int_equal(text_lines_next(lines, 100, &err), 0);
    assert_int_equal(lines->count, 0);
    text_lines_fini(lines);
    free(lines);
    close(ends[0]);
}

static void
a_line_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    size_t length = DATA_MAX_LINE_BYTES + 1;
    char *bytes = mem_small(length + 1);
    memset(bytes, 'x', length);
    bytes[0] = bytes[length - 1] = '"';
    bytes[length] = '\n';
    struct source *source = open_bytes(bytes, length + 1);
    struct err err;
    assert_int_equal(text_lines_next(&source->lines, 1, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "line 1: longer than"));
    close_source(source);
    bytes[length - 2] = '"'; /* one byte less is a legal line */
    bytes[length - 1] = '\n';
    source = open_bytes(bytes, length);
    assert_int_equal(text_lines_next(&source->lines, 1, &err), 0);
    assert_int_equal(source->lines.texts[0].first_length, DATA_MAX_LINE_BYTES - 2);
    close_source(source);
    free(bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_line_is_read),
        cmocka_unit_test(a_last_line_needs_no_newline),
        cmocka_unit_test(a_text_may_hold_u0000),
        cmocka_unit_test(a_bad_line_is_named_and_the_good_ones_before_it_are_kept),
        cmocka_unit_test(lines_that_straddle_reads_are_whole),
        cmocka_unit_test(whoever_sends_one_line_and_waits_gets_it),
        cmocka_unit_test(a_line_beyond_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
