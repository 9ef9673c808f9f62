/* JSON from people we do not trust: depth, duplicate keys, NUL, UTF-8, places of faults. */
#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *
parse(const char *text, struct err *err)
{
    return json_parse(text, strlen(text), false, err);
}

static void
assert_refused(const char *text, const char *needle)
{
    struct err err;
    assert_null(parse(text, &err));
    assert_int_equal(err.code, ERR_INVALID);
    if (strstr(err.message, needle) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, needle);
}

static void
any_value_is_legal_at_the_top(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "[]", "1", "-2.5e3", "\"x\"", "true", "null", " {} "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err err;
        json_t *value = parse(texts[i], &err);
        assert_non_null(value);
        json_decref(value);
    }
}

static void
faults_are_refused_with_line_and_column(void **state)
{
    (void)state;
    assert_refused("{\"a\": 1,\n \"b\": }", "line 2");
    assert_refused("", "line 1");
    assert_refused("{} {}", "line 1");
    assert_refused("{'a': 1}", "column");
    assert_refused("[1, 2", "line 1");
    assert_refused("\"\xff\"", "line 1");
    assert_refused("\"\xed\xa0\x80\"", "line 1"); /* a lone surrogate */
    assert_refused("\"\\ud800\"", "line 1");
    assert_refused("nul", "line 1");
}

static void
duplicate_keys_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"a\": 1, \"a\": 1}", "duplicate");
    assert_refused("{\"x\": {\"a\": 1, \"\\u0061\": 2}}", "duplicate");
}

/* depth brackets around nothing. */
static char *
nested(size_t depth, const char *open, const char *close, size_t *length)
{
    size_t unit = strlen(open);
    char *text = mem_small(depth * (unit + 1) + 1);
    for (size_t i = 0; i < depth; i++)
        memcpy(text + i * unit, open, unit);
    memset(text + depth * unit, close[0], depth);
    *length = depth * (unit + 1);
    return text;
}

static void
nesting_is_limited_before_it_is_parsed(void **state)
{
    (void)state;
    struct err err;
    size_t length = 0;
    char *text = nested(JSON_MAX_DEPTH, "[", "]", &length);
    json_t *value = json_parse(text, length, false, &err);
    assert_non_null(value);
    json_decref(value);
    free(text);
    static const size_t depths[] = {JSON_MAX_DEPTH + 1, 1000000};
    for (size_t i = 0; i < 2; i++) {
        text = nested(depths[i], "[", "]", &length);
        assert_null(json_parse(text, length, false, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "64"));
        free(text);
    }
    text = nested(1000, "{\"a\":", "}", &length);
    assert_null(json_parse(text, length, false, &err));
    free(text);
}

static void
brackets_inside_strings_are_no_nesting(void **state)
{
    (void)state;
    struct err err;
    struct buf text = {0};
    buf_append_string(&text, "[\"\\\"");
    for (int i = 0; i < 1000; i++)
        buf_append_string(&text, "[{");
    buf_append_string(&text, "\\\\\"]");
    json_t *value = json_parse(text.data, text.length, false, &err);
    assert_non_null(value);
    assert_int_equal(json_string_length(json_array_get(value, 0)), 2002);
    json_decref(value);
    buf_fini(&text);
}

static void
nul_in_a_string_is_legal_only_where_allowed(void **state)
{
    (void)state;
    static const char text[] = "{\"t\": \"a\\u0000b\"}";
    struct err err;
    json_t *value = json_parse(text, strlen(text), true, &err);
    assert_non_null(value);
    const json_t *string = json_object_get(value, "t");
    assert_int_equal(json_string_length(string), 3);
    assert_memory_equal(json_string_value(string), "a\0b", 4);
    json_decref(value);
    assert_refused(text, "line 1");
    assert_null(json_parse("{}\0", 3, true, &err)); /* a raw NUL is never JSON */
}

static void
text_is_compact_and_keeps_the_order_of_keys(void **state)
{
    (void)state;
    struct err err;
    json_t *value = parse("{ \"z\" : [1, 2.5, null], \"a\": \"\\u00e9\\n\" }", &err);
    char *text = json_text(value);
    assert_string_equal(text, "{\"z\":[1,2.5,null],\"a\":\"\xc3\xa9\\n\"}");
    free(text);
    json_decref(value);
    value = json_string("alone");
    text = json_text(value);
    assert_string_equal(text, "\"alone\"");
    free(text);
    json_decref(value);
}

static void
a_files_faults_begin_with_its_name(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    scratch_open(&scratch);
    const char *path = scratch_write_text(&scratch, "config.json", "{\"a\":\n}");
    assert_null(json_parse_file(path, 1000, &err));
    assert_ptr_equal(strstr(err.message, path), err.message);
    assert_non_null(strstr(err.message, "line 2"));
    assert_null(json_parse_file(path, 3, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(json_parse_file(scratch_path(&scratch, "absent.json"), 1000, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    path = scratch_write_text(&scratch, "good.json", "{\"a\": 1}");
    json_t *value = json_parse_file(path, 1000, &err);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
    scratch_close(&scratch);
}

static void
integers_beyond_64_bits_are_legal_where_a_file_may_hold_them(void **state)
{
    (void)state;
    static const char huge[] = "{\"most\": 1000000000000000019884624838656, \"a\": 2}";
    struct scratch scratch;
    struct err err;
    scratch_open(&scratch);
    const char *path = scratch_write_text(&scratch, "huge.json", huge);
    assert_null(json_parse(huge, sizeof huge - 1, false, &err));
    assert_null(json_parse_file(path, 1000, &err));
    json_t *value = json_parse_file_huge(path, 1000, &err);
    assert_true(json_real_value(json_object_get(value, "most")) == 1e30);
    assert_true(json_number_value(json_object_get(value, "a")) == 2);
    json_decref(value);
    path = scratch_write_text(&scratch, "usual.json", "{\"a\": 2}");
    value = json_parse_file_huge(path, 1000, &err);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 2);
    json_decref(value);
    path = scratch_write_text(&scratch, "broken.json", "{\"a\":");
    assert_null(json_parse_file_huge(path, 1000, &err));
    assert_non_null(strstr(err.message, "line 1"));
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_value_is_legal_at_the_top),
        cmocka_unit_test(faults_are_refused_with_line_and_column),
        cmocka_unit_test(duplicate_keys_are_refused),
        cmocka_unit_test(nesting_is_limited_before_it_is_parsed),
        cmocka_unit_test(brackets_inside_strings_are_no_nesting),
        cmocka_unit_test(nul_in_a_string_is_legal_only_where_allowed),
        cmocka_unit_test(text_is_compact_and_keeps_the_order_of_keys),
        cmocka_unit_test(a_files_faults_begin_with_its_name),
        cmocka_unit_test(integers_beyond_64_bits_are_legal_where_a_file_may_hold_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
