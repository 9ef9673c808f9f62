/* Log lines: whole, one a call, never forged by what they quote, filtered by level. */
#include "daemon/log.h"

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
level_is_info_again(void **state)
{
    (void)state;
    log_set_level(LOG_INFO);
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
                        "info get path=a\\nerror forged\\x0d\\x1b[31m\\x7f\\xc2\\x9b\n");
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
    assert_non_null(strstr(text, "fatal start error=nothing works\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_line_is_level_and_message, level_is_info_again),
        cmocka_unit_test_teardown(the_level_decides_what_is_written, level_is_info_again),
        cmocka_unit_test_teardown(text_of_a_user_cannot_forge_a_line, level_is_info_again),
        cmocka_unit_test_teardown(utf8_is_kept_and_what_is_not_is_escaped, level_is_info_again),
        cmocka_unit_test_teardown(a_long_message_is_cut_to_one_line, level_is_info_again),
        cmocka_unit_test_teardown(levels_have_names, level_is_info_again),
        cmocka_unit_test_teardown(fatal_says_why_and_exits_with_one, level_is_info_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
