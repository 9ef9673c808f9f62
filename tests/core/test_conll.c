/* CoNLL columns: sentences, their lines, and what is wrong with them. */
#include "core/data/conll.h"

#include "core/base/buf.h"
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

/* The row as "token/tag token/tag". */
static void
expect_sentence(const struct dataset *d, size_t index, size_t line, const char *expected)
{
    struct buf text = {0};
    assert_true(index < d->count);
    const struct data_row *row = &d->rows[index];
    assert_int_equal(row->line, line);
    assert_int_equal(row->label_count, row->word_count);
    for (size_t i = 0; i < row->word_count; i++)
        buf_printf(&text, "%s%.*s/%s", i > 0 ? " " : "", (int)row->words[i].length,
                   row->text + row->words[i].start, row->labels[i]);
    assert_string_equal(buf_string(&text), expected);
    buf_fini(&text);
}

static void
sentences_end_with_blank_lines(void **state)
{
    static const char *const names[] = {"a.conll", "a.bio", "a.IOB", "a.iob2", "a.txt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct dataset *d = data_file_read_text(*state, names[i],
                                                "\xef\xbb\xbf-DOCSTART- -X- O O\r\n\r\n"
                                                "EU NNP B-NP B-ORG\r\nrejects VBZ B-VP O\r\n"
                                                " \t\r\n\n"
                                                "Peter NNP B-NP B-PER\n"
                                                "-DOCSTART-\n"
                                                "  x   y z O  ");
        assert_int_equal(d->fault_count, 0);
        assert_int_equal(d->format, DATA_CONLL);
        assert_int_equal(d->label_form, LABELS_TOKENS);
        assert_int_equal(d->count, 3);
        expect_sentence(d, 0, 3, "EU/B-ORG rejects/O");
        expect_sentence(d, 1, 7, "Peter/B-PER");
        expect_sentence(d, 2, 9, "x/O");
        assert_string_equal(d->rows[0].text, "EU rejects");
        assert_null(d->found.text);
        dataset_free(d);
    }
}

static void
tabs_leave_blanks_to_the_tokens(void **state)
{
    struct dataset *d = data_file_read_text(*state, "a.conll",
                                            "New York\tNNP\tB-LOC\n \xc3\xa4 \t\tO\n\n#\tx\tO\n");
    assert_int_equal(d->fault_count, 0);
    expect_sentence(d, 0, 1, "New York/B-LOC \xc3\xa4/O");
    expect_sentence(d, 1, 4, "#/O");
    dataset_free(d);
}

static void
every_fault_has_its_line_and_its_sentence_is_left_out(void **state)
{
    static const struct fault_case cases[] = {
        {"a O\n\nb O\nc\n\nd O\n", "missing_label", 4, "no tag"},
        {"a\tO\n\nb\tO\nc\t\n\nd\tO\n", "missing_label", 4, "no tag"},
        {"a\tO\n\nb\tO\n\tO\n\nd\tO\n", "invalid_tokens", 4, "no token"},
        {"a O\n\nb O\nc x O\n\nd O\n", "ragged_row", 4, "3 columns, the first line has 2"},
        {"a O\n\n# id 5\nb O\n\nd O\n", "ragged_row", 3, "3 columns"},
        {"a\tx O\n", "invalid_label", 1, "has a blank"},
        {"a O\n\nb O\nc\xff O\n\nd O\n", "invalid_utf8", 4, "byte 2"},
    };
    data_file_expect_faults(*state, "a.conll", cases, sizeof cases / sizeof cases[0]);
    struct dataset *d = data_file_read_text(*state, "a.conll", cases[0].text);
    assert_int_equal(d->count, 2);
    expect_sentence(d, 1, 6, "d/O");
    dataset_free(d);
}

static void
treebanks_and_empty_files_are_told(void **state)
{
    static const struct fault_case treebank = {
        "# sent_id = 1\n1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\t_\n", "not_supported_yet", 0,
        "treebank"};
    static const struct fault_case empty = {"-DOCSTART-\n\n\n", "no_rows", 0, "no rows"};
    data_file_expect_faults(*state, "a.conllu", &treebank, 1);
    data_file_expect_faults(*state, "a.conll", &empty, 1);
}

static void
a_sentence_has_a_limit(void **state)
{
    enum { LINES = DATA_MAX_LINE_BYTES / 4 + 1 };
    struct scratch *scratch = *state;
    char *text = arena_alloc(scratch->arena, (size_t)LINES * 4 + 8);
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + i * 4, "a O\n", 4);
    strcpy(text + (size_t)LINES * 4, "\nb O\n");
    const struct fault_case expected = {"a long file", "line_too_long", 1, "blank line"};
    struct dataset *d = data_file_read_text(scratch, "a.conll", text);
    data_file_expect_fault(d, &expected);
    assert_int_equal(d->count, 1);
    dataset_free(d);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(sentences_end_with_blank_lines),
        CASE(tabs_leave_blanks_to_the_tokens),
        CASE(every_fault_has_its_line_and_its_sentence_is_left_out),
        CASE(treebanks_and_empty_files_are_told),
        CASE(a_sentence_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
