/* CSV and TSV: what RFC 4180 allows, and every fault of a table with its line. */
#include "core/data/dataset.h"

#include "core/base/err.h"
#include "tests/support/data_file.h"
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

static void
csv_is_read_as_rfc_4180_says(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.csv",
                                            "\xef\xbb\xbf\"text\",label,id\r\n"
                                            "plain,x,1\r\n"
                                            "\"a, \"\"quoted\"\"\",x,\r\n"
                                            "\r\n"
                                            "\"two\nlines\r\nthree\",y,\"\"\n"
                                            ",y,\n"
                                            "in\"side,\"y\"\"\",\n"
                                            "last,z,9");
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->count, 6);
    data_file_expect_row(d, 0, 2, "plain", NULL, "x");
    data_file_expect_row(d, 1, 3, "a, \"quoted\"", NULL, "x");
    data_file_expect_row(d, 2, 5, "two\nlines\r\nthree", NULL, "y");
    data_file_expect_row(d, 3, 8, "", NULL, "y");
    data_file_expect_row(d, 4, 9, "in\"side", NULL, "y\"");
    data_file_expect_row(d, 5, 10, "last", NULL, "z");
    dataset_free(d);
}

static void
row_ends_of_every_kind_are_stripped(void **state)
{
    static const char *const ends[] = {"\n", "\r\n", "", "\r", "\r\r\n"};
    struct scratch *scratch = *state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct dataset *d = data_file_read_text(
            scratch, "a.csv", arena_printf(scratch->arena, "text,label\na,x\r\nb,y%s", ends[i]));
        assert_int_equal(d->fault_count, 0);
        assert_int_equal(d->count, 2);
        data_file_expect_row(d, 1, 3, "b", NULL, "y");
        dataset_free(d);
        d = data_file_read_text(scratch, "a.csv",
                                arena_printf(scratch->arena, "label,text\nx,\"a\"\nx,%s", ends[i]));
        assert_int_equal(d->count, 2);
        data_file_expect_row(d, 1, 3, "", NULL, "x");
        dataset_free(d);
    }
}

static void
tsv_is_split_at_tabs_alone(void **state)
{
    struct dataset *d =
        data_file_read_text(*state, "a.tsv", "label\ttext\nx\ta, b\ny\t\"tab\there\"\n");
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 2, "a, b", NULL, "x");
    data_file_expect_row(d, 1, 3, "tab\there", NULL, "y");
    dataset_free(d);
}

static void
every_fault_of_a_table_has_its_line(void **state)
{
    static const struct fault_case cases[] = {
        {"text,label\na,x\nb\nc,x", "ragged_row", 3, "1 fields, the header 2"},
        {"text,label\na,b,x\nb,x", "ragged_row", 2, "3 fields"},
        {"text,label\na,x\n\"b\nb\nb", "unterminated_quote", 3, "begins here"},
        {"text,label\n\"a\nb\",x\n\"c\" d,x\n", "invalid_quote", 4, "closing quotation mark"},
        {"text,label\n\"c\" \"d\",x\n", "invalid_quote", 2, "closing quotation mark"},
        {"txt,label\na,x", "missing_text", 1, "found: \"txt\", \"label\""},
        {"\r\n\ntxt,label\na,x", "missing_text", 3, "\"text\""},
        {"text;label\na;x\n", "missing_text", 1, "one column, \"text;label\": a .csv file has"},
        {"text\tlabel\na\tx\n", "missing_text", 1, "commas between its columns"},
        {"text,label,label\na,x,y", "duplicate_column", 1, "\"label\""},
        {"text,label\na,x\nb,\n", "missing_label", 3, "\"label\""},
        {"text,label\na,x\n\"b\n\xff\",x\n", "invalid_utf8", 4, "UTF-8"},
        {"text,la\xff\na,x\n", "invalid_utf8", 1, "UTF-8"},
    };
    data_file_expect_faults(*state, "a.csv", cases, sizeof cases / sizeof cases[0]);
}

static void
nameless_columns_may_be_many_and_names_may_be_quoted(void **state)
{
    const struct data_columns columns = {.text = "the \"text\""};
    const char *text = ",,\"the \"\"text\"\"\",label\n1,2,a,x";
    struct dataset *d = data_file_read(*state, "a.csv", text, strlen(text), &columns);
    assert_int_equal(d->fault_count, 0);
    data_file_expect_row(d, 0, 2, "a", NULL, "x");
    dataset_free(d);
}

static void
header_of_too_many_columns_is_refused(void **state)
{
    struct scratch *scratch = *state;
    char commas[2001] = {0};
    memset(commas, ',', sizeof commas - 1);
    const char *text = arena_printf(scratch->arena, "text,label%s\na,x\n", commas);
    struct dataset *d = data_file_read_text(scratch, "a.csv", text);
    const struct fault_case expected = {"many columns", "too_many_columns", 1, "1024"};
    data_file_expect_fault(d, &expected);
    dataset_free(d);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(csv_is_read_as_rfc_4180_says),
        CASE(row_ends_of_every_kind_are_stripped),
        CASE(tsv_is_split_at_tabs_alone),
        CASE(every_fault_of_a_table_has_its_line),
        CASE(nameless_columns_may_be_many_and_names_may_be_quoted),
        CASE(header_of_too_many_columns_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
