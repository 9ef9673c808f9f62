/* Reports: every figure of a file, and every warning with its number. */
#include "core/data/report.h"

#include "core/base/buf.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static struct data_report
make(struct scratch *scratch, const char *name, const char *text)
{
    struct data_report report;
    struct err err;
    const struct report_request request = {
        .path = scratch_write_text(scratch, "data", text),
        .name = name,
    };
    if (data_report_make(&request, scratch->arena, &report, &err) != 0)
        fail_msg("%s", err.message);
    return report;
}

/* The message of a warning, or NULL. */
static const char *
warning(const struct data_report *report, const char *code)
{
    for (size_t i = 0; i < report->warning_count; i++)
        if (strcmp(report->warnings[i].code, code) == 0)
            return report->warnings[i].message;
    return NULL;
}

static void
expect_warning(struct scratch *scratch, const char *text, const char *code, const char *word)
{
    struct data_report report = make(scratch, "a.jsonl", text);
    const char *message = warning(&report, code);
    if (message == NULL || strstr(message, word) == NULL)
        fail_msg("%s: %s", code, message != NULL ? message : "no warning");
}

static void
rows_labels_and_lengths_are_counted(void **state)
{
    struct data_report r =
        make(*state, "a.csv", "label,text\nb,\"ä€😀\"\na,\nb,xx\nb,a\nb,  \na,xx\n\"unclosed");
    assert_int_equal(r.rows, 6);
    assert_int_equal(r.fault_count, 1);
    assert_string_equal(r.faults[0].code, "unterminated_quote");
    assert_int_equal(r.faults[0].line, 8);
    assert_int_equal(r.format, DATA_CSV);
    assert_false(r.compressed);
    assert_int_equal(r.form, ROWS_PLAIN);
    assert_string_equal(r.columns.text, "text");
    assert_null(r.columns.text_pair);
    assert_string_equal(r.columns.label, "label");
    assert_int_equal(r.task, TASK_CLASSIFICATION);
    assert_int_equal(r.label_count, 2);
    assert_string_equal(r.labels[0].name, "a");
    assert_int_equal(r.labels[0].count, 2);
    assert_string_equal(r.labels[1].name, "b");
    assert_int_equal(r.labels[1].count, 4);
    assert_int_equal(r.text_length.min, 0);
    assert_int_equal(r.text_length.median, 2);
    assert_int_equal(r.text_length.p95, 3);
    assert_int_equal(r.text_length.max, 3);
    assert_int_equal(r.duplicates, 1);
    assert_int_equal(r.conflicting_duplicates, 1);
    assert_int_equal(r.empty, 2);
    assert_false(r.has_tokens);
}

static void
percentiles_are_of_the_nearest_rank(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 1; i <= 100; i++)
        buf_printf(&text, "{\"text\":\"%0*d\",\"label\":\"x\"}\n", i, 0);
    struct data_report r = make(scratch, "a.jsonl", buf_string(&text));
    assert_int_equal(r.text_length.min, 1);
    assert_int_equal(r.text_length.median, 50);
    assert_int_equal(r.text_length.p95, 95);
    assert_int_equal(r.text_length.max, 100);
    buf_fini(&text);
}

static void
pairs_are_compared_and_measured_as_pairs(void **state)
{
    struct data_report r = make(*state, "a.jsonl",
                                "{\"premise\":\"ab\",\"hypothesis\":\"c\",\"label\":1}\n"
                                "{\"premise\":\"a\",\"hypothesis\":\"bc\",\"label\":10}\n"
                                "{\"premise\":\"ab\",\"hypothesis\":\"c\",\"label\":2}\n");
    assert_int_equal(r.duplicates, 1);
    assert_int_equal(r.conflicting_duplicates, 1);
    assert_int_equal(r.text_length.min, 3);
    assert_int_equal(r.text_length.max, 3);
    assert_string_equal(r.columns.text, "premise");
    assert_string_equal(r.columns.text_pair, "hypothesis");
    assert_string_equal(r.labels[1].name, "2"); /* by value */
    assert_string_equal(r.labels[2].name, "10");
}

static void
the_task_follows_from_the_labels(void **state)
{
    static const struct {
        const char *text;
        enum task task;
        size_t labels;
    } cases[] = {
        {"{\"text\":\"a\"}", TASK_AUTO, 0},
        {"{\"text\":\"a\",\"label\":3}", TASK_CLASSIFICATION, 1},
        {"{\"text\":\"a\",\"label\":3.5}", TASK_REGRESSION, 0},
        {"{\"text\":\"a\",\"labels\":[\"x\"]}", TASK_MULTI_LABEL, 1},
        {"{\"text\":\"a\",\"labels\":[0.5,1]}", TASK_REGRESSION, 0},
        {"{\"tokens\":[\"a\"],\"labels\":[\"O\"]}", TASK_TOKEN_CLASSIFICATION, 1},
        {"EU B-ORG\n", TASK_TOKEN_CLASSIFICATION, 1},
        {"{\"text\":\"a\",\"labels\":{\"intent\":\"x\"}}", TASK_CLASSIFICATION, 1},
        {"", TASK_AUTO, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct data_report r = make(*state, "a.jsonl", cases[i].text);
        if (r.task != cases[i].task || r.label_count != cases[i].labels)
            fail_msg("%s: %s, %zu labels", cases[i].text, task_name(r.task), r.label_count);
    }
}

#define ROW(text, label) "{\"text\":\"" text "\",\"label\":\"" label "\"}\n"
#define TALK(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"

static void
every_warning_has_its_number(void **state)
{
    struct scratch *scratch = *state;
    expect_warning(scratch, "{\"text\":\"a\",\"n\":1}\n{\"text\":\"b\"}\n", "no_labels",
                   "None of the 2 rows has a label among \"text\", \"n\", so");
    expect_warning(scratch, ROW("a", "x") ROW("b", "x"), "one_label", "All 2 rows");
    expect_warning(scratch, ROW("a", "x") ROW("b", "y"), "few_rows", "2 rows for 2 labels");
    expect_warning(scratch, ROW("a", "x") ROW("b", "y"), "rare_labels",
                   "2 labels have one row only (\"x\", \"y\")");
    expect_warning(scratch, ROW("a", "x") ROW("a", "x"), "duplicates", "1 rows (50.0 %)");
    expect_warning(scratch, ROW("a", "x") ROW("a", "y"), "conflicting_duplicates", "another label");
    struct data_report conflicting = make(scratch, "a.jsonl", ROW("a", "x") ROW("a", "y"));
    assert_null(warning(&conflicting, "duplicates")); /* dedupe would leave none of them out */
    expect_warning(scratch, ROW("", "x") ROW(" \\n", "y"), "empty_texts", "2 rows (100.0 %)");
    expect_warning(scratch, ROW("a", "x") ROW("b", "x "), "label_blanks", "\"x \"");
    expect_warning(scratch, ROW("a", "x") ROW("b", "x\\n"), "label_blanks", "\"x\\n\"");
    expect_warning(
        scratch,
        "{\"messages\":[" TALK("system", "s") "," TALK("user", "a") "," TALK("assistant", "x") "]}",
        "instructions_left_out", "1 rows have a system");
    expect_warning(
        scratch,
        "{\"messages\":[" TALK("tool", "s") "," TALK("user", "a") "," TALK("assistant", "x") "]}",
        "tool_messages_left_out", "1 rows");
    expect_warning(
        scratch,
        "{\"messages\":[" TALK("user", "s") "," TALK("user", "a") "," TALK("assistant", "x") "]}",
        "earlier_turns_left_out", "1 rows");
    expect_warning(scratch,
                   "{\"messages\":[" TALK("user", "a") ",{\"role\":\"assistant\",\"content\":"
                                                       "\"x\",\"weight\":0}]}",
                   "weightless_rows", "1 rows");
}

static void
imbalance_and_many_labels_are_told(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "{\"text\":\"%d\",\"label\":\"%s\"}\n", i, i < 10 ? "rare" : "often");
    struct data_report r = make(scratch, "a.jsonl", buf_string(&text));
    assert_int_equal(r.warning_count, 0); /* 90 to 10 is nothing */
    for (int i = 100; i < 120; i++)
        buf_printf(&text, "{\"text\":\"%d\",\"label\":\"often\"}\n", i);
    expect_warning(scratch, buf_string(&text), "imbalance", "\"often\" has 110 rows, \"rare\" 10");
    buf_clear(&text);
    for (int i = 0; i < REPORT_MAX_LABELS + 5; i++)
        buf_printf(&text, "{\"text\":\"%d\",\"label\":\"l%d\"}\n", i, i);
    r = make(scratch, "a.jsonl", buf_string(&text));
    assert_int_equal(r.labels_listed, REPORT_MAX_LABELS);
    assert_int_equal(r.label_count, REPORT_MAX_LABELS + 5);
    assert_non_null(strstr(warning(&r, "too_many_labels"), "10005 different labels"));
    buf_fini(&text);
}

static void
data_for_generating_text_are_told(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    for (int i = 0; i < 60; i++)
        buf_printf(&text,
                   "{\"messages\":[" TALK("user", "q%d") "," TALK("assistant", "answer %d") "]}\n",
                   i, i);
    expect_warning(scratch, buf_string(&text), "not_a_classification_set", "60 of the 60 answers");
    buf_fini(&text);
}

static void
tokens_are_counted_with_a_tokenizer(void **state)
{
    struct scratch *scratch = *state;
    struct tokenizer *tokenizer = NULL;
    struct data_report r;
    struct err err;
    const char *folder = scratch_folder(scratch, "model");
    scratch_write_text(scratch, "model/vocab.txt",
                       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\ntwo\nthree\n");
    if (tokenizer_open(folder, 8, &tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    const struct report_request request = {
        .path = scratch_write_text(scratch, "data",
                                   ROW("one two three", "x") ROW("one", "y") ROW("seven one", "x")
                                       ROW("", "y")),
        .name = "a.jsonl",
        .tokenizer = tokenizer,
        .max_length = 4,
    };
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), 0);
    assert_true(r.has_tokens);
    assert_int_equal(r.token_length.min, 2);
    assert_int_equal(r.token_length.median, 3);
    assert_int_equal(r.token_length.max, 5);
    assert_int_equal(r.over_length, 1);
    assert_int_equal(r.tokens, 6);
    assert_int_equal(r.unknown_tokens, 1);
    assert_non_null(strstr(warning(&r, "over_length"), "1 rows (25.0 %) have more than 4"));
    assert_non_null(strstr(warning(&r, "unknown_tokens"), "1 of 6 tokens (16.7 %)"));
    tokenizer_free(tokenizer);
}

static void
an_array_of_chat_rows_says_what_it_is(void **state)
{
    struct data_report r = make(
        *state, "a.json", "[{\"messages\":[" TALK("user", "a") "," TALK("assistant", "x") "]}]");
    assert_string_equal(data_format_name(r.format), "json");
    assert_string_equal(row_form_name(r.form), "chat");
    assert_string_equal(r.columns.text, "messages");
}

static bool
stop_when_asked_again(void *context)
{
    size_t *left = context;
    return (*left)-- == 0;
}

static void
a_report_can_be_stopped_at_any_question(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    struct data_report r;
    struct err err;
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, ROW("%d", "x"), i);
    const char *path = scratch_write_text(scratch, "data", buf_string(&text));
    size_t questions = 0;
    int rc = ERR_STOPPED;
    for (; rc == ERR_STOPPED; questions++) {
        size_t left = questions;
        const struct report_request request = {
            .path = path,
            .name = "a.jsonl",
            .should_stop = stop_when_asked_again,
            .context = &left,
        };
        rc = data_report_make(&request, scratch->arena, &r, &err);
    }
    assert_int_equal(rc, 0);
    assert_true(questions > 10);
    buf_fini(&text);
}

static void
an_absent_file_is_an_error_with_its_name(void **state)
{
    struct scratch *scratch = *state;
    struct data_report r;
    struct err err;
    const struct report_request request = {.path = scratch_path(scratch, "no"), .name = "a.csv"};
    assert_int_equal(data_report_make(&request, scratch->arena, &r, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "a.csv"));
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(rows_labels_and_lengths_are_counted),
        CASE(percentiles_are_of_the_nearest_rank),
        CASE(pairs_are_compared_and_measured_as_pairs),
        CASE(the_task_follows_from_the_labels),
        CASE(every_warning_has_its_number),
        CASE(imbalance_and_many_labels_are_told),
        CASE(data_for_generating_text_are_told),
        CASE(tokens_are_counted_with_a_tokenizer),
        CASE(an_array_of_chat_rows_says_what_it_is),
        CASE(a_report_can_be_stopped_at_any_question),
        CASE(an_absent_file_is_an_error_with_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
