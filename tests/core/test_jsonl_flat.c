/* The reader of usual lines: what it takes is what the parser would take, and it takes no more. */
#include "core/data/jsonl_flat.h"

#include "core/base/json.h"
#include "core/base/rng.h"
#include "core/data/dataset.h"
#include "tests/support/data_file.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a flat object holds must be what jansson finds in the same bytes. */
static void
assert_agrees_with_the_parser(const char *line, size_t length, const struct flat_object *flat)
{
    struct err err;
    json_t *object = json_parse(line, length, true, &err);
    if (object == NULL)
        fail_msg("taken, but no JSON: %.*s (%s)", (int)length, line, err.message);
    assert_true(json_is_object(object));
    assert_int_equal(json_object_size(object), flat->count);
    for (size_t i = 0; i < flat->count; i++) {
        const struct flat_member *member = &flat->members[i];
        char key[256];
        assert_true(member->key_length < sizeof key);
        memcpy(key, member->key, member->key_length);
        key[member->key_length] = '\0';
        const json_t *value = json_object_get(object, key);
        assert_true(json_is_string(value));
        assert_int_equal(json_string_length(value), member->value_length);
        assert_memory_equal(json_string_value(value), member->value, member->value_length);
        assert_ptr_equal(jsonl_flat_find(flat, key), member);
    }
    assert_null(jsonl_flat_find(flat, "no such key"));
    json_decref(object);
}

static void
usual_lines_are_taken(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"text\":\"a\",\"label\":\"b\"}",
        " \t{ \"text\" : \"caf\xc3\xa9 {[,:\" , \"label\"\t:\"\" } \r",
        "{\"\":\"\"}",
        "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\",\"f\":\"6\",\"g\":\"7\","
        "\"h\":\"\x7f\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct flat_object flat;
        assert_true(jsonl_flat_read(lines[i], strlen(lines[i]), &flat));
        assert_agrees_with_the_parser(lines[i], strlen(lines[i]), &flat);
    }
}

static void
every_other_line_is_left_to_the_parser(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{",
        "{}",
        "[]",
        "\"a\"",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":\"b\"",
        "{\"a\":\"b}",
        "{\"a\":\"b\",}",
        "{\"a\":\"b\"}}",
        "{\"a\":\"b\"} x",
        "{,\"a\":\"b\"}",
        "{a:\"b\"}",
        "{\"a\" \"b\"}",
        "{\"a\":\"b\" \"c\":\"d\"}",
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":true}",
        "{\"a\":[\"b\"]}",
        "{\"a\":{\"b\":\"c\"}}",
        "{\"a\":\"\\n\"}",
        "{\"\\u0061\":\"b\"}",
        "{\"a\":\"\\\"\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"b\",\"a\":\"c\"}",
        "{\"a\":\"b\"}\f",
        "\xef\xbb\xbf{\"a\":\"b\"}",
        "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\",\"f\":\"6\",\"g\":\"7\","
        "\"h\":\"8\",\"i\":\"9\"}",
    };
    struct flat_object flat;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (jsonl_flat_read(lines[i], strlen(lines[i]), &flat))
            fail_msg("taken: %s", lines[i]);
    assert_false(jsonl_flat_read("{\"a\":\"\0\"}", 9, &flat));
    assert_false(jsonl_flat_read("{\"a\":\"b\"}\0", 10, &flat));
}

/* Random lines of the characters that matter: whatever is taken, the parser must read the same. */
static void
nothing_is_taken_that_the_parser_reads_otherwise(void **state)
{
    (void)state;
    static const char alphabet[] = "{}\"\"\"\"::,, \tab\\[]1n";
    static const char *const frames[] = {"%s", "{\"a\":\"%s\"}", "{\"a\":\"b\"%s}", "{%s:\"b\"}"};
    struct rng_stream stream = rng_stream(11, RNG_SPLIT, 0, 0);
    size_t taken = 0;
    for (size_t round = 0; round < 100000; round++) {
        char noise[16] = "", line[64];
        uint32_t block[4];
        rng_block(&stream, round, block);
        for (size_t i = 0; i < block[0] % 12; i++) {
            uint32_t letter[4];
            rng_block(&stream, 1000000 + round * 12 + i, letter);
            noise[i] = alphabet[letter[0] % (sizeof alphabet - 1)];
        }
        const char *frame = frames[block[1] % 4];
        const char *hole = strstr(frame, "%s");
        snprintf(line, sizeof line, "%.*s%s%s", (int)(hole - frame), frame, noise, hole + 2);
        struct flat_object flat;
        if (!jsonl_flat_read(line, strlen(line), &flat))
            continue;
        assert_agrees_with_the_parser(line, strlen(line), &flat);
        taken++;
    }
    assert_true(taken > 1000);
}

/* Members whose combinations decide which columns are picked, and what is wrong with a row. */
static const char *const members[] = {
    "\"text\":\"one\"",     "\"text_pair\":\"two\"", "\"label\":\"yes\"", "\"label\":\"\"",
    "\"sentence1\":\"s1\"", "\"sentence2\":\"s2\"",  "\"labels\":\"l\"",  "\"question\":\"q\"",
    "\"prompt\":\"p\"",     "\"mine\":\"own\"",      "\"label\":\"7\"",   "\"text_b\":\"b\"",
};

enum { MEMBERS = sizeof members / sizeof members[0] };

/* A line of the members whose bits are set; blank lets both readers see the same columns. */
static void
append_line(char *text, unsigned bits, const char *more)
{
    const char *comma = "";
    strcat(text, "{");
    for (size_t i = 0; i < MEMBERS; i++) {
        if ((bits >> i & 1) == 0)
            continue;
        strcat(strcat(text, comma), members[i]);
        comma = ",";
    }
    if (more[0] != '\0')
        strcat(strcat(text, comma), more);
    strcat(text, "}\n");
}

static void
assert_same_reading(const struct dataset *a, const struct dataset *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->fault_count, b->fault_count);
    assert_int_equal(a->label_form, b->label_form);
    assert_int_equal(a->has_pairs, b->has_pairs);
    for (size_t i = 0; i < a->count; i++)
        data_file_expect_row(b, i, a->rows[i].line, a->rows[i].text, a->rows[i].pair,
                             a->rows[i].label);
    for (size_t i = 0; i < a->fault_count && i < DATA_FAULTS_KEPT; i++) {
        assert_int_equal(a->faults[i].line, b->faults[i].line);
        assert_string_equal(a->faults[i].code, b->faults[i].code);
    }
}

/*
 * A null member changes nothing about a row but sends its line to the parser: a file of usual lines
 * and its twin with nulls must read the same, whatever columns there are and are asked for.
 */
static void
files_read_the_same_by_either_way(void **state)
{
    (void)state;
    static const struct data_columns asked[] = {
        {0},
        {.text = "mine"},
        {.label = "mine"},
        {.text_pair = "question"},
        {.text = "sentence1", .text_pair = "sentence2", .label = "text"},
    };
    struct scratch scratch;
    scratch_open(&scratch);
    for (size_t c = 0; c < sizeof asked / sizeof asked[0]; c++) {
        for (unsigned bits = 0; bits < 1u << MEMBERS; bits += 7) {
            bool twice = (bits >> 2 & 1) + (bits >> 3 & 1) + (bits >> 10 & 1) > 1; /* "label" */
            char usual[1024] = "", other[1024] = "";
            if (twice)
                continue;
            append_line(usual, bits, "");
            append_line(usual, bits ^ 2, "");
            append_line(other, bits, "\"zz\":null");
            append_line(other, bits ^ 2, "\"zz\":null");
            struct dataset *a =
                data_file_read(&scratch, "a.jsonl", usual, strlen(usual), &asked[c]);
            struct dataset *b =
                data_file_read(&scratch, "b.jsonl", other, strlen(other), &asked[c]);
            assert_same_reading(a, b);
            dataset_free(a);
            dataset_free(b);
        }
    }
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_lines_are_taken),
        cmocka_unit_test(every_other_line_is_left_to_the_parser),
        cmocka_unit_test(nothing_is_taken_that_the_parser_reads_otherwise),
        cmocka_unit_test(files_read_the_same_by_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
