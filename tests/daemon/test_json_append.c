/* Appended JSON is read back by the parser as the same values. */
#include "daemon/json_append.h"

#include "core/base/json.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
assert_text(double value, const char *want)
{
    struct buf out = {0};
    json_append_real(&out, value);
    assert_string_equal(buf_string(&out), want);
    buf_fini(&out);
}

static void
reals_take_the_fewest_digits(void **state)
{
    (void)state;
    assert_text(0, "0");
    assert_text(1, "1");
    assert_text(0.1, "0.1");
    assert_text(5e-5, "5e-05");
    assert_text(0.1 + 0.2, "0.30000000000000004");
    assert_text(-123456.75, "-123456.75");
}

static void
reals_come_back_bit_for_bit(void **state)
{
    (void)state;
    static const double values[] = {1.0 / 3, DBL_MAX, DBL_MIN, 5e-324, -0.0, 1e23, 2.5e-8, M_PI};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf out = {0};
        struct err err;
        json_append_real(&out, values[i]);
        json_t *json = json_parse(out.data, out.length, false, &err);
        double back = json_number_value(json);
        assert_true(back <= values[i] && back >= values[i]);
        json_decref(json);
        buf_fini(&out);
    }
}

static void
what_json_cannot_say_is_null(void **state)
{
    (void)state;
    assert_text(NAN, "null");
    assert_text(INFINITY, "null");
    assert_text(-INFINITY, "null");
}

static void
strings_come_back_byte_for_byte(void **state)
{
    (void)state;
    char all[128];
    for (int i = 1; i < 128; i++)
        all[i - 1] = (char)i;
    all[127] = '\0';
    const char *const texts[] = {"", "plain", all, "\xc3\xa9\xf0\x9f\x98\x80", "a\"b\\c\nd"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out = {0};
        struct err err;
        json_append_string(&out, texts[i]);
        json_t *json = json_parse(out.data, out.length, false, &err);
        assert_string_equal(json_string_value(json), texts[i]);
        assert_null(strchr(out.data, '\n'));
        json_decref(json);
        buf_fini(&out);
    }
}

static void
no_string_is_null(void **state)
{
    (void)state;
    struct buf out = {0};
    json_append_string(&out, NULL);
    assert_string_equal(buf_string(&out), "null");
    buf_fini(&out);
}

static void
values_are_written_with_the_fewest_digits(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[0.1,2,true,null,{}],\"b\":{\"c\":0.66666666666666663,\"d\":"
                               "[]},\"e\":\"\\u0000x\"}";
    struct err err;
    struct buf out = {0};
    json_t *value = json_parse(text, strlen(text), true, &err);
    json_append_value(&out, value);
    assert_string_equal(buf_string(&out), "{\"a\":[0.1,2,true,null,{}],\"b\":{\"c\":"
                                          "0.6666666666666666,\"d\":[]},\"e\":\"\\u0000x\"}");
    json_decref(value);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_take_the_fewest_digits),
        cmocka_unit_test(reals_come_back_bit_for_bit),
        cmocka_unit_test(what_json_cannot_say_is_null),
        cmocka_unit_test(strings_come_back_byte_for_byte),
        cmocka_unit_test(no_string_is_null),
        cmocka_unit_test(values_are_written_with_the_fewest_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
