/* Pages of rows: the right ones with their lines, faulty ones in their place, the total exact. */
#include "core/data/preview.h"

#include "core/base/buf.h"
#include "core/base/json.h"
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

static struct preview
read_page(struct scratch *scratch, const char *name, const char *text, size_t offset, size_t limit)
{
    struct preview page;
    struct err err;
    const struct preview_request request = {
        .path = scratch_write_text(scratch, "data", text),
        .name = name,
        .offset = offset,
        .limit = limit,
    };
    if (preview_read(&request, scratch->arena, &page, &err) != 0)
        fail_msg("%s", err.message);
    return page;
}

/* Row `index` of the page: its line and its JSON, or the code of its fault. */
static void
expect_row(const struct preview *page, size_t index, size_t line, const char *expected)
{
    assert_true(index < page->count);
    const struct preview_row *row = &page->rows[index];
    assert_int_equal(row->line, line);
    if (row->row == NULL) {
        assert_string_equal(row->fault->code, expected);
        return;
    }
    char *text = json_text(row->row);
    assert_null(row->fault);
    assert_string_equal(text, expected);
    free(text);
}

static const char lines[] = "{\"text\":\"a\",\"n\":[1]}\n"
                            "\n"
                            "{\"text\":\n"
                            "{\"messages\":[]}\n"
                            "[1]\n"
                            "{\"text\":\"\\u0000\"}";

static void
lines_are_shown_as_they_stand(void **state)
{
    struct preview page = read_page(*state, "a.jsonl", lines, 0, 10);
    assert_int_equal(page.total, 5);
    assert_int_equal(page.count, 5);
    assert_false(page.has_more);
    assert_null(page.fault);
    expect_row(&page, 0, 1, "{\"text\":\"a\",\"n\":[1]}");
    expect_row(&page, 1, 3, "invalid_json");
    expect_row(&page, 2, 4, "{\"messages\":[]}");
    expect_row(&page, 3, 5, "not_an_object");
    expect_row(&page, 4, 6, "{\"text\":\"\\u0000\"}");
    preview_fini(&page);
}

static void
a_page_is_a_window_on_the_rows(void **state)
{
    for (size_t offset = 0; offset < 8; offset++) {
        for (size_t limit = 1; limit < 8; limit++) {
            struct preview page = read_page(*state, "a.jsonl", lines, offset, limit);
            size_t left = offset < 5 ? 5 - offset : 0;
            assert_int_equal(page.total, 5);
            assert_int_equal(page.count, left < limit ? left : limit);
            assert_int_equal(page.has_more, left > limit);
            preview_fini(&page);
        }
    }
}

static void
tables_are_shown_by_their_header(void **state)
{
    struct preview page = read_page(
        *state, "a.csv", "\n\"te\"\"xt\",label,\n\"a\n\"\"b\"\"\",x,1\nragged\n,y,\n\"c", 0, 10);
    assert_int_equal(page.total, 4);
    expect_row(&page, 0, 3, "{\"te\\\"xt\":\"a\\n\\\"b\\\"\",\"label\":\"x\",\"column 3\":\"1\"}");
    expect_row(&page, 1, 5, "ragged_row");
    expect_row(&page, 2, 6, "{\"te\\\"xt\":\"\",\"label\":\"y\",\"column 3\":\"\"}");
    expect_row(&page, 3, 7, "unterminated_quote");
    preview_fini(&page);
    page = read_page(*state, "a.tsv", "text\tlabel\na\tx\nb\ty\n", 1, 1);
    assert_int_equal(page.total, 2);
    expect_row(&page, 0, 3, "{\"text\":\"b\",\"label\":\"y\"}");
    preview_fini(&page);
}

static void
elements_of_an_array_are_shown(void **state)
{
    struct preview page =
        read_page(*state, "a.json", "[{\"text\":\"a\"},\n{\"text\":\"b\"},\n{\"text\"", 1, 5);
    assert_int_equal(page.total, 2);
    expect_row(&page, 0, 2, "{\"text\":\"b\"}");
    assert_string_equal(page.fault->code, "invalid_json");
    assert_int_equal(page.fault->line, 3);
    preview_fini(&page);
}

static void
sentences_are_shown_as_tokens_and_labels(void **state)
{
    struct preview page =
        read_page(*state, "a.conll", "-DOCSTART- O\n\nEU\tB-ORG\nsays\tO\n\nno\n\nyes\tO\n", 0, 2);
    assert_int_equal(page.total, 3);
    assert_true(page.has_more);
    expect_row(&page, 0, 3, "{\"tokens\":[\"EU\",\"says\"],\"labels\":[\"B-ORG\",\"O\"]}");
    assert_null(page.rows[1].row);
    assert_string_equal(page.rows[1].fault->code, "missing_label");
    assert_int_equal(page.rows[1].fault->line, 6);
    preview_fini(&page);
}

static void
a_file_that_cannot_be_read_says_why(void **state)
{
    static const struct {
        const char *name, *text, *code;
    } cases[] = {
        {"a.jsonl", "\x1f\x8b\x08", "invalid_gzip"},
        {"a.csv", "text,text\na,b\n", "duplicate_column"},
        {"a.conllu", "1\tEU\teu\n", "not_supported_yet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct preview page = read_page(*state, cases[i].name, cases[i].text, 0, 5);
        assert_int_equal(page.count, 0);
        assert_string_equal(page.fault->code, cases[i].code);
        preview_fini(&page);
    }
}

static void
a_page_ends_when_it_is_full_of_bytes(void **state)
{
    enum { LONG = 3 * 1024 * 1024, ROWS = 5 };
    struct scratch *scratch = *state;
    struct buf text = {0};
    char *words = arena_alloc(scratch->arena, LONG + 1);
    memset(words, 'a', LONG);
    for (int i = 0; i < ROWS; i++)
        buf_printf(&text, "{\"text\":\"%s\"}\n", words);
    struct preview page = read_page(scratch, "a.jsonl", buf_string(&text), 1, 4);
    assert_int_equal(page.total, ROWS);
    assert_int_equal(page.count, 2);
    assert_true(page.has_more);
    preview_fini(&page);
    page = read_page(scratch, "a.jsonl", buf_string(&text), 3, 2);
    assert_int_equal(page.count, 2);
    assert_false(page.has_more);
    preview_fini(&page);
    buf_fini(&text);
}

static void
pages_have_limits(void **state)
{
    struct scratch *scratch = *state;
    static const size_t limits[] = {0, PREVIEW_MAX_ROWS + 1};
    struct preview page;
    struct err err;
    for (size_t i = 0; i < 2; i++) {
        const struct preview_request request = {
            .path = scratch_write_text(scratch, "data", "{}"),
            .name = "a.jsonl",
            .limit = limits[i],
        };
        assert_int_equal(preview_read(&request, scratch->arena, &page, &err), ERR_INVALID);
        preview_fini(&page);
    }
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(lines_are_shown_as_they_stand),
        CASE(a_page_is_a_window_on_the_rows),
        CASE(tables_are_shown_by_their_header),
        CASE(elements_of_an_array_are_shown),
        CASE(sentences_are_shown_as_tokens_and_labels),
        CASE(a_file_that_cannot_be_read_says_why),
        CASE(a_page_ends_when_it_is_full_of_bytes),
        CASE(pages_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
