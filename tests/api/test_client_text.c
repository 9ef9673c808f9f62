/*
 * What finetunectl shows people: text made harmless, cut to a width, and the progress line.
 *
 * The client is a program, not a library, so its sources are part of this one.
 */
#include "api/client/bar.c"
#include "api/client/fields.c"
#include "api/client/text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
expect_safe(const char *text, const char *wanted)
{
    struct buf out = {0};
    text_append_safe(&out, text);
    assert_string_equal(buf_string(&out), wanted);
    buf_fini(&out);
}

static void
control_characters_become_question_marks(void **state)
{
    (void)state;
    expect_safe("plain, \xc3\xa9, \xe6\x97\xa5, \xf0\x9f\x99\x82", "plain, \xc3\xa9, \xe6\x97\xa5, "
                                                                   "\xf0\x9f\x99\x82");
    expect_safe("a\x1b[31mb\tc\nd\x7f", "a?[31mb?c?d?");
    expect_safe("c1: \xc2\x9b"
                "31m",
                "c1: ?31m");
    expect_safe("turn \xe2\x80\xae round", "turn ? round");
    expect_safe("line \xe2\x80\xa8 end", "line ? end");
    expect_safe("\xff\xc3(\xed\xa0\x80", "?"
                                         "?(?"
                                         "?"
                                         "?");
    expect_safe("\xe2\x82", "??");
}

static void
lines_are_kept_and_indented_where_asked(void **state)
{
    (void)state;
    struct buf out = {0};
    text_append_safe_lines(&out, "one\ntwo\x1b\n", 2);
    assert_string_equal(buf_string(&out), "one\n  two?\n  ");
    buf_fini(&out);
}

static void
expect_cell(const char *text, size_t width, bool right, const char *wanted)
{
    struct buf out = {0};
    text_append_cell(&out, text, width, right);
    assert_string_equal(buf_string(&out), wanted);
    buf_fini(&out);
}

static void
cells_have_exactly_their_width(void **state)
{
    (void)state;
    expect_cell("ab", 4, false, "ab  ");
    expect_cell("ab", 4, true, "  ab");
    expect_cell("abcd", 4, false, "abcd");
    expect_cell("abcdefgh", 6, false, "abc...");
    expect_cell("abc", 2, false, "ab");
    expect_cell("", 2, false, "  ");
    /* Wide characters take two columns and are never halved. */
    expect_cell("\xe6\x97\xa5\xe6\x9c\xac", 6, false, "\xe6\x97\xa5\xe6\x9c\xac  ");
    expect_cell("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae", 6, false, "\xe6\x97\xa5... ");
    /* A combining accent takes none. */
    expect_cell("e\xcc\x81", 2, false, "e\xcc\x81 ");
    expect_cell("a\nb", 4, false, "a?b ");
}

static void
words_are_wrapped_at_the_screens_end(void **state)
{
    (void)state;
    struct buf out = {0};
    text_append_wrapped(&out, "one two  three incomprehensibilities x", 2, 12);
    assert_string_equal(buf_string(&out), "one two\n  three\n  incomprehensibilities\n  x");
    buf_fini(&out);
}

static void
durations_and_sizes_read_as_people_say_them(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *wanted;
    } durations[] = {{0, "0 s"},
                     {59.4, "59 s"},
                     {59.6, "1 min 0 s"},
                     {3599, "59 min 59 s"},
                     {7260, "2 h 1 min"},
                     {90000, "1 d 1 h"},
                     {-1, "?"},
                     {(double)NAN, "?"},
                     {(double)INFINITY, "?"}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        buf_clear(&out);
        text_append_duration(&out, durations[i].seconds);
        assert_string_equal(buf_string(&out), durations[i].wanted);
    }
    buf_clear(&out);
    text_append_bytes(&out, 999);
    text_append_bytes(&out, 22892);
    text_append_bytes(&out, 90868376);
    assert_string_equal(buf_string(&out), "999 B22.9 kB90.9 MB");
    buf_fini(&out);
}

static void
expect_bar(const char *job_text, size_t columns, const char *wanted)
{
    struct buf out = {0};
    json_t *job = json_loads(job_text, 0, NULL);
    assert_non_null(job);
    bar_append(&out, job, columns);
    assert_string_equal(buf_string(&out), wanted);
    json_decref(job);
    buf_fini(&out);
}

static void
bar_shows_what_the_job_says(void **state)
{
    (void)state;
    expect_bar("{\"status\": \"queued\", \"queue_position\": 3}", 79, "queued, number 3");
    expect_bar("{\"status\": \"running\", \"progress\": {\"step\": 90, \"total_steps\": 300, "
               "\"percent\": 30, \"seconds_left\": 65}, \"metrics\": {\"train_loss\": 0.4712, "
               "\"train_accuracy\": 0.5, \"valid_accuracy\": 0.6667}}",
               79,
               "[###.........]  30%  step 90/300  loss 0.471  acc 0.667  "
               "1 min 5 s left");
    expect_bar("{\"status\": \"running\", \"progress\": {\"step\": 90, \"total_steps\": 300, "
               "\"percent\": 30}}",
               20, "[###.........]  3...");
    expect_bar("{\"status\": \"paused\", \"progress\": {\"step\": 90, \"total_steps\": 300, "
               "\"percent\": 30}}",
               79, "paused  [###.........]  30%  step 90/300");
    /* The longest line that a long job has still fits 80 columns, the time left included. */
    expect_bar("{\"status\": \"running\", \"progress\": {\"step\": 12345, \"total_steps\": 54321, "
               "\"percent\": 22.7, \"seconds_left\": 3599}, \"metrics\": {\"train_loss\": 10.5, "
               "\"train_accuracy\": 0.5}}",
               79,
               "[##..........]  23%  step 12345/54321  loss 10.500  acc 0.500  "
               "59 min 59 s left");
}

/* A server may be newer, broken, or something else: absent and odd values cost a place, no more. */
static void
bar_bears_any_json(void **state)
{
    (void)state;
    const char *empty = "[............]   0%  step 0/0";
    expect_bar("{}", 79, empty);
    expect_bar("[]", 79, empty);
    expect_bar("{\"status\": 7, \"progress\": [], \"metrics\": null}", 79, empty);
    expect_bar("{\"progress\": {\"percent\": -5, \"step\": 1e300, \"total_steps\": \"x\"}}", 79,
               empty);
    expect_bar("{\"progress\": {\"percent\": 1e9}}", 79, "[############] 100%  step 0/0");
}

static void
fields_are_found_by_path(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:{s:i, s:s, s:n}, s:f}", "a", "b", 7, "c", "text", "d", "e", 0.5);
    assert_int_equal(field_integer(object, "a.b", -1), 7);
    assert_int_equal(field_integer(object, "a.b.c", -1), -1);
    assert_int_equal(field_integer(object, "e", -1), 0);
    assert_string_equal(field_text(object, "a.c", "?"), "text");
    assert_string_equal(field_text(object, "a.b", "?"), "?");
    assert_string_equal(field_text(object, "a.d", "?"), "?");
    assert_true(isnan(field_number(object, "a.c")));
    assert_null(field(object, "a.d"));
    assert_null(field(NULL, "a"));
    json_decref(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_become_question_marks),
        cmocka_unit_test(lines_are_kept_and_indented_where_asked),
        cmocka_unit_test(cells_have_exactly_their_width),
        cmocka_unit_test(words_are_wrapped_at_the_screens_end),
        cmocka_unit_test(durations_and_sizes_read_as_people_say_them),
        cmocka_unit_test(bar_shows_what_the_job_says),
        cmocka_unit_test(bar_bears_any_json),
        cmocka_unit_test(fields_are_found_by_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
