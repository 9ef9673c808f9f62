/* Log lines: whole, one a call, never forged by what they quote, filtered by level. */
#include "daemon/log.h"

#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Standard error goes into a file while a test logs. */
struct capture {
    FILE *file;
    int saved;
    char text[65536];
};

static void
capture_begin(struct capture *capture)
{
    capture->file = tmpfile();
    assert_non_null(capture->file);
    capture->saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(capture->file), STDERR_FILENO), STDERR_FILENO);
}

static const char *
capture_end(struct capture *capture)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    rewind(capture->file);
    size_t length = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[length] = '\0';
    fclose(capture->file);
    return capture->text;
}

static int
log_is_as_before(void **state)
{
    (void)state;
    log_set_level(LOG_INFO);
    log_set_format(LOG_TEXT);
    return 0;
}

static void
a_line_is_level_and_message(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_info("ready address=%s", "127.0.0.1:1");
    log_warn("skip model=%d", 3);
    log_error("fail job=x");
    log_access("get path=/");
    assert_string_equal(capture_end(&capture), "info ready address=127.0.0.1:1\nwarn skip model=3\n"
                                               "error fail job=x\ninfo get path=/\n");
}

static void
the_level_decides_what_is_written(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_debug("one");
    log_set_level(LOG_DEBUG);
    log_debug("two");
    log_set_level(LOG_ERROR);
    log_warn("three");
    log_access("four");
    log_error("five");
    assert_string_equal(capture_end(&capture), "debug two\nerror five\n");
}

static void
text_of_a_user_cannot_forge_a_line(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_info("get path=%s", "a\nerror forged\r\x1b[31m\x7f\xc2\x9b");
    assert_string_equal(capture_end(&capture),
                        "info get path=\"a\\nerror forged\\x0d\\x1b[31m\\x7f\\xc2\\x9b\"\n");
}

static void
text_of_a_user_cannot_forge_a_pair(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_warn("skip folder=%s reason=\"%s\" n=%d", "x level=error", "it says \"no\" \\ n=7", 3);
    assert_string_equal(capture_end(&capture), "warn skip folder=\"x level=error\" "
                                               "reason=\"it says \\\"no\\\" \\\\ n=7\" n=3\n");
}

static void
every_conversion_that_is_used_is_understood(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_info("go a=%zu b=%lld c=%" PRId64 " d=%.2f e=%u f=%c g=%ld h=%jd i=%%%d/%s end=%x",
             (size_t)1, 2LL, (int64_t)-3, 4.125, 5u, 'c', 7L, (intmax_t)8, 9, "nine", 255u);
    assert_string_equal(capture_end(&capture),
                        "info go a=1 b=2 c=-3 d=4.12 e=5 f=c g=7 h=8 i=%9/nine end=ff\n");
}

/* The pairs of one captured line; time is checked for its form and left out. */
static json_t *
read_json_line(const char *text)
{
    json_error_t error;
    size_t length = strlen(text);
    assert_int_equal(text[length - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + length - 1);
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(line);
    const char *time = json_string_value(json_object_get(line, "time"));
    assert_int_equal(strlen(time), strlen("2026-11-29T10:00:00.000Z"));
    assert_int_equal(time[strlen(time) - 1], 'Z');
    json_object_del(line, "time");
    return line;
}

static void
a_line_can_be_json(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_set_format(LOG_JSON);
    log_warn("skip model folder=%s reason=\"%s\" count=%zu ratio=%.1f version=1.%d", "a \"b\"",
             "line\none \xff", (size_t)7, 0.5, 2);
    json_t *line = read_json_line(capture_end(&capture));
    json_t *wanted = json_pack("{s:s,s:s,s:s,s:s,s:i,s:f,s:s}", "level", "warn", "message",
                               "skip model", "folder", "a \"b\"", "reason", "line\\none \\xff",
                               "count", 7, "ratio", 0.5, "version", "1.2");
    assert_true(json_equal(line, wanted));
    json_decref(line);
    json_decref(wanted);
}

static void
a_long_json_line_stays_whole(void **state)
{
    (void)state;
    static char longer[20000];
    struct capture capture;
    log_set_format(LOG_JSON);
    for (size_t start = 0; start < 4; start++) {
        memset(longer, start % 2 == 0 ? '"' : '\x01', sizeof longer - 1);
        capture_begin(&capture);
        log_info("get path=%s other=%s n=%d", longer + start, "x", 1);
        json_decref(read_json_line(capture_end(&capture)));
    }
}

/* Wherever the line is full: within a member, or between two of its marks. */
static void
a_json_line_is_cut_to_whole_members(void **state)
{
    (void)state;
    enum { LONGEST = 2040 };
    static char quotes[LONGEST + 1];
    struct capture capture;
    memset(quotes, '"', LONGEST);
    log_set_format(LOG_JSON);
    for (size_t start = 0; start < 2 * 100; start++) {
        capture_begin(&capture);
        log_info(start % 2 == 0 ? "get path=%s other=%s n=%d" : "gets path=%s other=%s n=%d",
                 quotes + start / 2, "x", 1);
        json_decref(read_json_line(capture_end(&capture)));
    }
}

static void
utf8_is_kept_and_what_is_not_is_escaped(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    log_info("%s", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xff\xc3 \xed\xa0\x80 \xc3");
    assert_string_equal(
        capture_end(&capture),
        "info \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \\xff\\xc3 \\xed\\xa0\\x80 \\xc3\n");
}

static void
a_long_message_is_cut_to_one_line(void **state)
{
    (void)state;
    static char longer[20000];
    struct capture capture;
    for (int round = 0; round < 2; round++) {
        memset(longer, round == 0 ? 'x' : '\n', sizeof longer - 1);
        capture_begin(&capture);
        log_info("%s", longer);
        const char *text = capture_end(&capture);
        assert_in_range(strlen(text), 2000, 4096);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
}

static void
levels_have_names(void **state)
{
    (void)state;
    enum log_level level = LOG_WARN;
    assert_false(log_level_from_name("verbose", &level));
    assert_false(log_level_from_name("", &level));
    assert_int_equal(level, LOG_WARN);
    assert_true(log_level_from_name("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_level_from_name("error", &level));
    assert_int_equal(level, LOG_ERROR);
}

static void
fatal_says_why_and_exits_with_one(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    pid_t child = fork();
    if (child == 0) {
        log_set_level(LOG_ERROR);
        log_fatal("start error=%s", "nothing works");
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    const char *text = capture_end(&capture);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(text, "fatal start error=\"nothing works\"\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_line_is_level_and_message, log_is_as_before),
        cmocka_unit_test_teardown(the_level_decides_what_is_written, log_is_as_before),
        cmocka_unit_test_teardown(text_of_a_user_cannot_forge_a_line, log_is_as_before),
        cmocka_unit_test_teardown(text_of_a_user_cannot_forge_a_pair, log_is_as_before),
        cmocka_unit_test_teardown(every_conversion_that_is_used_is_understood, log_is_as_before),
        cmocka_unit_test_teardown(a_line_can_be_json, log_is_as_before),
        cmocka_unit_test_teardown(a_long_json_line_stays_whole, log_is_as_before),
        cmocka_unit_test_teardown(a_json_line_is_cut_to_whole_members, log_is_as_before),
        cmocka_unit_test_teardown(utf8_is_kept_and_what_is_not_is_escaped, log_is_as_before),
        cmocka_unit_test_teardown(a_long_message_is_cut_to_one_line, log_is_as_before),
        cmocka_unit_test_teardown(levels_have_names, log_is_as_before),
        cmocka_unit_test_teardown(fatal_says_why_and_exits_with_one, log_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
