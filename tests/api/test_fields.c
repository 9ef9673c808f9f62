/* JSON objects as tables: what a row writes, and the schema it becomes. */
#include "api/fields.h"

#include "api/encode.h"
#include "core/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct part {
    const char *id;
};

struct thing {
    const char *name, *note, *raw;
    int64_t size, when, unknown;
    size_t count;
    double share, later;
    bool good;
    unsigned choice;
    const char *const *words;
    size_t word_count;
    const struct named_value *numbers;
    size_t number_count;
    struct part inner;
    struct part *items;
    size_t item_count;
};

static const char *const choices[] = {"first", "second", NULL};
static const struct field_row part_rows[] = {
    {"id", FIELD_STRING(struct part, id), .doc = "Its id."},
};
static const struct field_object part_fields =
    FIELD_OBJECT("Part", struct part, part_rows, "A part.");

static void
write_length(struct json_out *out, const char *key, const void *item)
{
    const struct thing *thing = item;
    json_out_integer(out, key, (int64_t)strlen(thing->name));
}

static const struct field_row thing_rows[] = {
    {"object", FIELD_WORD("thing"), .doc = "Kind."},
    {"name", FIELD_STRING(struct thing, name), .doc = "Name."},
    {"note", FIELD_STRING(struct thing, note), .unset = FIELD_NULL_POINTER, .doc = "Note."},
    {"secret", FIELD_STRING(struct thing, note), .unset = FIELD_NULL_POINTER, .omitted = true,
     .doc = "Left out."},
    {"raw", FIELD_RAW(struct thing, raw), .doc = "Raw."},
    {"size", FIELD_INTEGER(struct thing, size), .doc = "Size."},
    {"when", FIELD_TIME(struct thing, when), .unset = FIELD_NULL_BELOW_ONE, .doc = "When."},
    {"unknown", FIELD_INTEGER(struct thing, unknown), .unset = FIELD_NULL_BELOW_ZERO,
     .doc = "Unknown."},
    {"count", FIELD_COUNT(struct thing, count), .doc = "Count."},
    {"share", FIELD_REAL(struct thing, share), .doc = "Share."},
    {"later", FIELD_REAL(struct thing, later), .unset = FIELD_NULL_BELOW_ZERO, .doc = "Later."},
    {"good", FIELD_BOOLEAN(struct thing, good), .doc = "Good."},
    {"choice", FIELD_CHOICE(struct thing, choice, choices), .doc = "Choice."},
    {"words", FIELD_STRINGS(struct thing, words, word_count), .doc = "Words."},
    {"numbers", FIELD_NUMBERS(struct thing, numbers, number_count), .doc = "Numbers."},
    {"inner", FIELD_WITHIN(struct thing, inner, &part_fields), .doc = "Inner."},
    {"data", FIELD_LIST(struct thing, items, item_count, &part_fields), .doc = "Items."},
    {"length", FIELD_WRITTEN(write_length, "{\"type\":\"integer\",\"minimum\":0}"),
     .doc = "Length."},
};
static const struct field_object thing_fields =
    FIELD_OBJECT("Thing", struct thing, thing_rows, "A thing.");

static void
rows_are_written_in_their_order(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "b"};
    static const struct named_value numbers[] = {{"x", 0.5}};
    struct part parts[] = {{"p1"}, {"p2"}};
    struct thing thing = {.name = "n",
                          .raw = "{\"k\":1}",
                          .size = 3,
                          .unknown = -1,
                          .count = 4,
                          .share = 0.25,
                          .later = -1,
                          .good = true,
                          .choice = 1,
                          .words = words,
                          .word_count = 2,
                          .numbers = numbers,
                          .number_count = 1,
                          .inner = {"p0"},
                          .items = parts,
                          .item_count = 2};
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    fields_encode(&out, NULL, &thing_fields, &thing);
    assert_string_equal(
        buf_string(&buf),
        "{\"object\":\"thing\",\"name\":\"n\",\"note\":null,\"raw\":{\"k\":1},"
        "\"size\":3,\"when\":null,\"unknown\":null,\"count\":4,\"share\":0.25,"
        "\"later\":null,\"good\":true,\"choice\":\"second\",\"words\":[\"a\",\"b\"],"
        "\"numbers\":{\"x\":0.5},\"inner\":{\"id\":\"p0\"},\"data\":[{\"id\":"
        "\"p1\"},{\"id\":\"p2\"}],\"length\":1}");
    buf_fini(&buf);
}

static json_t *
schema_of(const struct field_object *object)
{
    struct err err;
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    fields_object_schema(&out, NULL, object);
    json_t *root = json_parse(buf.data, buf.length, false, &err);
    assert_non_null(root);
    buf_fini(&buf);
    return root;
}

/* The schema of a member, as text. */
static void
assert_schema(const json_t *schema, const char *member, const char *expected)
{
    char *text = json_text(json_object_get(json_object_get(schema, "properties"), member));
    assert_string_equal(text, expected);
    free(text);
}

static void
rows_become_a_schema(void **state)
{
    (void)state;
    json_t *schema = schema_of(&thing_fields);
    assert_schema(schema, "object", "{\"const\":\"thing\",\"description\":\"Kind.\"}");
    assert_schema(schema, "note", "{\"type\":[\"string\",\"null\"],\"description\":\"Note.\"}");
    assert_schema(schema, "secret", "{\"type\":\"string\",\"description\":\"Left out.\"}");
    assert_schema(schema, "choice",
                  "{\"type\":\"string\",\"enum\":[\"first\",\"second\"],"
                  "\"description\":\"Choice.\"}");
    assert_schema(schema, "inner",
                  "{\"$ref\":\"#/components/schemas/Part\",\"description\":\"Inner.\"}");
    assert_schema(schema, "data",
                  "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Part\"},"
                  "\"description\":\"Items.\"}");
    assert_schema(schema, "length",
                  "{\"type\":\"integer\",\"minimum\":0,\"description\":\"Length.\"}");
    assert_int_equal(json_array_size(json_object_get(schema, "required")),
                     sizeof thing_rows / sizeof thing_rows[0] - 1);
    json_decref(schema);
}

/* The words of the schema are those that the state table prints. */
static void
every_state_of_a_job_is_in_its_schema(void **state)
{
    (void)state;
    json_t *schema = schema_of(&job_fields);
    const json_t *words =
        json_object_get(json_object_get(json_object_get(schema, "properties"), "status"), "enum");
    assert_int_equal(json_array_size(words), JOB_CANCELLED + 1);
    for (int status = 0; status <= JOB_CANCELLED; status++)
        assert_string_equal(json_string_value(json_array_get(words, (size_t)status)),
                            job_status_name((enum job_status)status));
    json_decref(schema);
}

static void
ids_of_an_empty_list_are_null(void **state)
{
    (void)state;
    struct file_list list = {.total = 0};
    struct buf buf = {0};
    struct json_out out = {.buf = &buf};
    encode_file_list(&out, &list);
    assert_string_equal(buf_string(&buf), "{\"object\":\"list\",\"data\":[],\"first_id\":null,"
                                          "\"last_id\":null,\"has_more\":false,\"total\":0}");
    buf_fini(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_written_in_their_order),
        cmocka_unit_test(rows_become_a_schema),
        cmocka_unit_test(every_state_of_a_job_is_in_its_schema),
        cmocka_unit_test(ids_of_an_empty_list_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
