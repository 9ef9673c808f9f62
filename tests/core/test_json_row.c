/* Rows of JSON that are no plain text and label: chat, prompts, targets; and rows in arrays. */
#include "core/base/buf.h"
#include "core/data/dataset.h"
#include "tests/support/data_file.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
open_scratch(void **state)
{
    static struct scratch scratch;
    scratch_open(&scratch);
    *state = &scratch;
    return 0;
}

static int
close_scratch(void **state)
{
    scratch_close(*state);
    return 0;
}

#define CHAT(user, answer)                                                                         \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"" user "\"},"                                 \
    "{\"role\":\"assistant\",\"content\":\"" answer "\"}]}\n"

static void
chat_rows_are_read_like_texts_with_labels(void **state)
{
    struct dataset *d =
        data_file_read_text(*state, "a.jsonl",
                            "{\"messages\":[{\"role\":\"system\",\"content\":\"Classify.\"},"
                            "{\"role\":\"user\",\"content\":\"one\"},"
                            "{\"role\":\"assistant\",\"content\":\"x\"}]}\n" CHAT("two", "3"));
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->form, ROWS_CHAT);
    assert_int_equal(d->count, 2);
    data_file_expect_row(d, 0, 1, "one", NULL, "x");
    data_file_expect_row(d, 1, 2, "two", NULL, "3");
    assert_int_equal(d->label_form, LABELS_TEXT);
    assert_string_equal(d->found.text, "messages");
    assert_string_equal(d->found.label, "messages");
    assert_int_equal(d->left_out.instructions, 1);
    dataset_free(d);
}

static void
a_label_beside_messages_wins_over_the_answer(void **state)
{
    struct dataset *d = data_file_read_text(
        *state, "a.jsonl",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"assistant\","
        "\"content\":\"Hello!\"}],\"labels\":{\"intent\":\"x\"}}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"two\"}],\"label\":\"y\"}\n");
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 1, "one", NULL, "x");
    data_file_expect_row(d, 1, 2, "two", NULL, "y");
    assert_string_equal(d->target, "intent");
    assert_int_equal(d->answers, 0);
    dataset_free(d);
}

static void
columns_may_name_the_messages_and_the_label(void **state)
{
    const struct data_columns columns = {.text = "talk", .label = "class"};
    static const char text[] = "{\"talk\":[{\"role\":\"user\",\"content\":\"one\"}],"
                               "\"class\":\"x\",\"text\":\"no\"}\n";
    struct dataset *d = data_file_read(*state, "a.jsonl", text, strlen(text), &columns);
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 1, "one", NULL, "x");
    dataset_free(d);
}

static void
a_text_beside_messages_is_the_text(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.jsonl",
                                            "{\"text\":\"one\",\"label\":\"x\",\"messages\":[]}");
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 1, "one", NULL, "x");
    assert_int_equal(d->form, ROWS_PLAIN);
    dataset_free(d);
}

static void
rows_whose_answer_weighs_nothing_are_left_out(void **state)
{
#define WEIGHTLESS                                                                                 \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"two\"},"                                      \
    "{\"role\":\"assistant\",\"content\":\"y\",\"weight\":0}]}\n"
    struct dataset *d = data_file_read_text(*state, "a.jsonl", CHAT("one", "x") WEIGHTLESS);
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->count, 1);
    assert_int_equal(d->left_out.weightless, 1);
    dataset_free(d);
    d = data_file_read_text(*state, "a.jsonl", WEIGHTLESS);
    const struct fault_case expected = {"weightless", "no_rows", 0, "\"weight\": 0"};
    data_file_expect_fault(d, &expected);
    dataset_free(d);
}

static void
every_fault_of_a_chat_row_has_its_line(void **state)
{
#define GOOD CHAT("a", "x")
    static const struct fault_case cases[] = {
        {GOOD "{\"messages\":[]}", "invalid_messages", 2, "at least one"},
        {GOOD "{\"messages\":{}}", "invalid_messages", 2, "at least one"},
        {GOOD "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
         "invalid_messages", 2, "messages[0].content[0]"},
        {GOOD "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]}", "missing_text", 2,
         "\"user\""},
        {GOOD "{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}", "missing_label", 2,
         "\"assistant\""},
        {GOOD CHAT("b", ""), "missing_label", 2, "not empty"},
        {GOOD CHAT("b", "x\\u0000"), "invalid_label", 2, "U+0000"},
    };
    data_file_expect_faults(*state, "a.jsonl", cases, sizeof cases / sizeof cases[0]);
}

static void
completions_lose_their_leading_spaces(void **state)
{
    struct dataset *d =
        data_file_read_text(*state, "a.jsonl",
                            "{\"prompt\":\"one ->\",\"completion\":\" x\"}\n"
                            "{\"prompt\":\"two ->\",\"completion\":\"y z\\n\"}\n"
                            "{\"prompt\":\"\\u0033\",\"completion\":\" \\u0033\"}\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->form, ROWS_PROMPT);
    data_file_expect_row(d, 0, 1, "one ->", NULL, "x");
    data_file_expect_row(d, 1, 2, "two ->", NULL, "y z\n");
    data_file_expect_row(d, 2, 3, "3", NULL, "3");
    assert_string_equal(d->found.text, "prompt");
    assert_string_equal(d->found.label, "completion");
    dataset_free(d);
    d = data_file_read_text(*state, "a.csv", "prompt,completion\none, x\ntwo, 3\n");
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 2, "one", NULL, "x");
    data_file_expect_row(d, 1, 3, "two", NULL, "3");
    dataset_free(d);
}

static void
columns_may_name_prompt_or_completion(void **state)
{
    static const struct {
        struct data_columns columns;
        const char *text, *label;
    } cases[] = {
        {{.text = "prompt"}, "one", "x"},
        {{.label = "completion"}, "one", "x"},
        {{.text = "prompt", .label = "class"}, "one", "c"},
        {{.label = "class"}, "one", "c"},
        {{.text = "other", .label = "completion"}, "two", " x"}, /* no pair of that form */
    };
    static const char row[] = "{\"prompt\":\"one\",\"completion\":\" x\",\"class\":\"c\","
                              "\"other\":\"two\"}";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dataset *d = data_file_read(*state, "a.jsonl", row, strlen(row), &cases[i].columns);
        assert_int_equal(d->fault_count, 0);
        data_file_expect_row(d, 0, 1, cases[i].text, NULL, cases[i].label);
        dataset_free(d);
    }
}

static void
the_key_of_a_single_target_names_it(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.jsonl",
                                            "{\"text\":\"one\",\"labels\":{\"intent\":\"x\"}}\n"
                                            "{\"text\":\"two\",\"labels\":{\"intent\":\"y\"}}\n");
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 1, 2, "two", NULL, "y");
    assert_string_equal(d->target, "intent");
    assert_string_equal(d->found.label, "labels");
    dataset_free(d);
#define TARGET "{\"text\":\"one\",\"labels\":{\"intent\":\"x\"}}\n"
    static const struct fault_case cases[] = {
        {TARGET "{\"text\":\"b\",\"labels\":{\"intent\":\"x\",\"mood\":\"y\"}}",
         "not_supported_yet", 2, "2 targets"},
        {TARGET "{\"text\":\"b\",\"labels\":{\"mood\":\"y\"}}", "not_supported_yet", 2, "\"mood\""},
        {TARGET "{\"text\":\"b\",\"labels\":{\"\":\"y\"}}", "invalid_label", 2, "1 to 512"},
        {TARGET "{\"text\":\"b\",\"labels\":{\"intent\":[\"y\"]}}", "mixed_labels", 2,
         "list of labels"},
        {TARGET "{\"text\":\"b\",\"labels\":{\"intent\":{}}}", "invalid_label", 2, "an object"},
        {TARGET "{\"text\":\"b\",\"labels\":{\"intent\":null}}", "missing_label", 2, "label"},
        {TARGET "{\"text\":\"b\",\"labels\":{}}", "missing_label", 2, "label"},
    };
    data_file_expect_faults(*state, "a.jsonl", cases, sizeof cases / sizeof cases[0]);
}

/* `rows` chat rows with answers of which `distinct` are different, each `bytes` long. */
static struct dataset *
read_answers(struct scratch *scratch, size_t rows, size_t distinct, int bytes)
{
    struct buf text = {0};
    for (size_t i = 0; i < rows; i++)
        buf_printf(&text,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"u%zu\"},{\"role\":"
                   "\"assistant\",\"content\":\"%0*zu\"}]}\n",
                   i, bytes, i % distinct);
    struct dataset *d = data_file_read(scratch, "a.jsonl", text.data, text.length, NULL);
    buf_fini(&text);
    return d;
}

static void
answers_that_hardly_repeat_are_told_from_labels(void **state)
{
    static const struct {
        size_t rows, distinct;
        int bytes;
        bool is_generation;
        size_t faults;
    } cases[] = {
        {60, 31, 5, true, 0},     {60, 30, 5, false, 0},  {50, 50, 5, false, 0},
        {51, 26, 5, true, 0},     {60, 60, 600, true, 0}, {60, 2, 600, false, 60},
        {40, 40, 600, false, 40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dataset *d = read_answers(*state, cases[i].rows, cases[i].distinct, cases[i].bytes);
        if (d->is_generation != cases[i].is_generation || d->fault_count != cases[i].faults)
            fail_msg("case %zu: %d, %zu faults", i, (int)d->is_generation, d->fault_count);
        assert_int_equal(d->answers, cases[i].rows);
        assert_int_equal(d->distinct_answers, cases[i].distinct);
        if (cases[i].faults > 0)
            assert_string_equal(d->faults[0].code, "label_too_long");
        dataset_free(d);
    }
}

static void
many_labels_in_plain_rows_are_no_generated_text(void **state)
{
    struct buf text = {0};
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "{\"text\":\"a\",\"label\":\"%d\"}\n", i);
    struct dataset *d = data_file_read(*state, "a.jsonl", text.data, text.length, NULL);
    assert_false(d->is_generation);
    dataset_free(d);
    buf_fini(&text);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static void
an_array_is_read_like_its_lines(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.json",
                                            "\xef\xbb\xbf\n [\r\n"
                                            "  {\"text\": \"a ]},\\\" b\",\n   \"label\": \"x\"},\n"
                                            "{\"text\":\"b\",\"label\":\"y\"} ,\n\n"
                                            "{\"label\":\"x\",\n\"text\":\"c\\n\"}\n]\n\n");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->format, DATA_JSON);
    assert_int_equal(d->count, 3);
    data_file_expect_row(d, 0, 3, "a ]},\" b", NULL, "x");
    data_file_expect_row(d, 1, 5, "b", NULL, "y");
    data_file_expect_row(d, 2, 7, "c\n", NULL, "x");
    dataset_free(d);
    d = data_file_read_text(*state, "upload", "[" CHAT("one", "x") "]");
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 1, "one", NULL, "x");
    dataset_free(d);
}

static void
every_fault_of_an_array_has_its_line(void **state)
{
#define ROW "{\"text\":\"a\",\"label\":\"x\"}"
    static const struct fault_case cases[] = {
        {"[", "invalid_json", 1, "not closed"},
        {"[\n" ROW, "invalid_json", 2, "not closed"},
        {"[\n" ROW ",\n", "invalid_json", 3, "not closed"},
        {"[\n" ROW ",\n\n{\"text\":\"a", "invalid_json", 4, "begins here"},
        {"[\n" ROW ",\n{\"text\":[\n\n", "invalid_json", 3, "begins here"},
        {"[" ROW ",\n]", "invalid_json", 2, "comma too many"},
        {"[" ROW ",\n," ROW "]", "invalid_json", 2, "comma too many"},
        {"[" ROW "\n" ROW "]", "invalid_json", 2, "comma is missing"},
        {"[" ROW "]\n[" ROW "]", "invalid_json", 2, "follows the end"},
        {"[" ROW ",\n\n5," ROW "]", "not_an_object", 3, "a number"},
        {"[" ROW ",\n\"}\"," ROW "]", "not_an_object", 2, "a string"},
        {"[" ROW ",\nnul," ROW "]", "invalid_json", 2, "write one whole object an element"},
        {"[" ROW ",\n[]," ROW "]", "not_an_object", 2, "a list"},
        {"[" ROW ",{\"text\":\n\n5x}," ROW "]", "invalid_json", 3, "column"},
        {"[" ROW ",{\"text\":\"a\"]," ROW "]", "invalid_json", 1, "column"},
        {"[" ROW ",\n{\"text\":\"b\xff\",\"label\":\"x\"}]", "invalid_utf8", 2, "byte 11"},
        {"[\n]", "no_rows", 0, "no rows"},
    };
    data_file_expect_faults(*state, "a.json", cases, sizeof cases / sizeof cases[0]);
}

static void
an_array_may_nest_as_deep_as_it_likes(void **state)
{
    enum { DEPTH = 1000000 };
    struct scratch *scratch = *state;
    char *text = arena_alloc(scratch->arena, 2 * DEPTH + 16);
    memset(text, '[', DEPTH);
    struct dataset *d = data_file_read(scratch, "a.json", text, DEPTH, NULL);
    assert_string_equal(d->faults[0].code, "invalid_json");
    dataset_free(d);
    memset(text + DEPTH, ']', DEPTH);
    d = data_file_read(scratch, "a.json", text, 2 * DEPTH, NULL);
    const struct fault_case expected = {"deep", "invalid_json", 1, "deeper than 64"};
    data_file_expect_fault(d, &expected);
    dataset_free(d);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(chat_rows_are_read_like_texts_with_labels),
        CASE(a_label_beside_messages_wins_over_the_answer),
        CASE(columns_may_name_the_messages_and_the_label),
        CASE(a_text_beside_messages_is_the_text),
        CASE(rows_whose_answer_weighs_nothing_are_left_out),
        CASE(every_fault_of_a_chat_row_has_its_line),
        CASE(completions_lose_their_leading_spaces),
        CASE(columns_may_name_prompt_or_completion),
        CASE(the_key_of_a_single_target_names_it),
        CASE(answers_that_hardly_repeat_are_told_from_labels),
        CASE(many_labels_in_plain_rows_are_no_generated_text),
        CASE(an_array_is_read_like_its_lines),
        CASE(every_fault_of_an_array_has_its_line),
        CASE(an_array_may_nest_as_deep_as_it_likes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
