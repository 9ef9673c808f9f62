/* Writing JSON: always valid, numbers exact. */
#include "api/json_out.h"

#include "core/base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
values_stand_in_the_order_of_the_calls(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    json_out_object(&out, NULL);
    json_out_array(&out, "a");
    json_out_integer(&out, NULL, INT64_MIN);
    json_out_bool(&out, NULL, true);
    json_out_object(&out, NULL);
    json_out_end_object(&out);
    json_out_end_array(&out);
    json_out_null(&out, "b");
    json_out_string(&out, "c", NULL);
    json_out_raw(&out, "d", "{\"x\":[1]}");
    json_out_raw(&out, "e", NULL);
    json_out_end_object(&out);
    assert_string_equal(buf_string(&buf), "{\"a\":[-9223372036854775808,true,{}],\"b\":null,"
                                          "\"c\":null,\"d\":{\"x\":[1]},\"e\":null}");
    buf_fini(&buf);
}

static void
reals_read_back_to_the_same_bits_and_stay_short(void **state)
{
    static const double values[] = {0,
                                    0.1,
                                    0.85,
                                    1.0 / 3,
                                    1e-300,
                                    5e-324,
                                    1e22,
                                    -2.5,
                                    123456,
                                    0.30000000000000004,
                                    1.7976931348623157e308};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf buf = {0};
        struct err err;
        struct json_out out = {.buf = &buf};
        json_out_real(&out, NULL, values[i]);
        json_t *back = json_parse(buf.data, buf.length, false, &err);
        assert_non_null(back);
        double value = json_number_value(back);
        assert_memory_equal(&value, &values[i], sizeof value);
        json_decref(back);
        buf_fini(&buf);
    }
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    json_out_real(&out, NULL, 0.85);
    json_out_float(&out, NULL, 0.1f);
    assert_string_equal(buf_string(&buf), "0.85,0.1");
    buf_fini(&buf);
}

/* Of every size; readers may round to float at once, or to double first. */
static void
floats_read_back_to_the_same_bits(void **state)
{
    uint64_t bits = 88172645463325252u;
    struct buf buf = {0};
    (void)state;
    for (size_t i = 0; i < 300000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        uint32_t low = (uint32_t)bits;
        float value = expf(-(float)(low % 40000) / 1000.0f);
        if (i % 2 == 0)
            memcpy(&value, &low, sizeof value);
        if (!isfinite(value))
            continue;
        struct json_out out = {.buf = &buf};
        buf_clear(&buf);
        json_out_float(&out, NULL, value);
        float once = strtof(buf_string(&buf), NULL);
        float twice = (float)strtod(buf_string(&buf), NULL);
        assert_memory_equal(&once, &value, sizeof value);
        assert_memory_equal(&twice, &value, sizeof value);
    }
    buf_fini(&buf);
}

static void
floats_are_short(void **state)
{
    static const float values[] = {0.0f, -0.0f, 1.0f, 0.65f, -12.25f, 99999.0f, 0.001f, 2.5e-9f};
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        json_out_float(&out, NULL, values[i]);
    assert_string_equal(buf_string(&buf), "0,-0,1,0.65,-12.25,99999,0.001,0.0000000025");
    buf_fini(&buf);
}

static void
what_json_cannot_say_is_null(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    json_out_array(&out, NULL);
    json_out_real(&out, NULL, (double)NAN);
    json_out_real(&out, NULL, (double)INFINITY);
    json_out_float(&out, NULL, -INFINITY);
    json_out_end_array(&out);
    assert_string_equal(buf_string(&buf), "[null,null,null]");
    buf_fini(&buf);
}

static void
strings_are_escaped_and_repaired(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    json_out_string(&out, NULL, "a\"b\\c\n\t\r\x01\x7f/\xc3\xa4\xf0\x9f\x98\x80");
    assert_string_equal(buf_string(&buf), "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u007f/"
                                          "\xc3\xa4\xf0\x9f\x98\x80\"");
    buf_clear(&buf);
    out.needs_comma = false;
    json_out_string(&out, NULL, "x\xff\xc3y\xed\xa0\x80\xe2\x82");
    struct err err;
    json_t *back = json_parse(buf.data, buf.length, false, &err);
    assert_non_null(back);
    assert_int_equal(strncmp(json_string_value(back), "x\xef\xbf\xbd\xef\xbf\xbdy", 8), 0);
    json_decref(back);
    buf_fini(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_in_the_order_of_the_calls),
        cmocka_unit_test(reals_read_back_to_the_same_bits_and_stay_short),
        cmocka_unit_test(floats_read_back_to_the_same_bits),
        cmocka_unit_test(floats_are_short),
        cmocka_unit_test(what_json_cannot_say_is_null),
        cmocka_unit_test(strings_are_escaped_and_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
