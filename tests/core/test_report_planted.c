/*
 * A file in which ten kinds of faults are planted, each a known number of times: the report, or the
 * comparison with the validation file, names every kind with its number, and a clean file none.
 */
#include "core/base/buf.h"
#include "core/data/compare.h"
#include "core/data/report.h"
#include "tests/support/data_file.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    CLEAN_ROWS = 960, /* of three labels, equally many of each */
    BROKEN = 5,       /* lines that are no JSON */
    UNLABELLED = 4,
    EMPTY = 6,
    REPEATED = 11,
    CONFLICTING = 7, /* these repeat a text, too */
    RARE = 3,        /* labels with one row */
    LONG = 80,
    BLANK_LABELS = 1, /* a label that is another one with a blank; it has 20 rows */
    BLANK_ROWS = 20,
    UNKNOWN_ROWS = 50, /* of two words each that the vocabulary has no pieces for */
    LEAKED = 9,
    VALIDATION_ROWS = 90,
    MAX_LENGTH = 16
};

static const char *const words[] = {"one", "two", "three", "four", "five", "six", "seven", "nine"};

static void
add(struct buf *out, const char *text, const char *label)
{
    buf_printf(out, "{\"text\":\"%s\",\"label\":\"%s\"}\n", text, label);
}

/* Text number i: five words; no two of 8^5 numbers give the same, and lengths are mixed. */
static const char *
text_of(int number, char text[64])
{
    int i = (int)((unsigned)number * 4801 % 32768);
    snprintf(text, 64, "%s %s %s %s %s", words[i % 8], words[i / 8 % 8], words[i / 64 % 8],
             words[i / 512 % 8], words[i / 4096 % 8]);
    return text;
}

static void
add_clean(struct buf *out, int from, int count)
{
    static const char *const labels[] = {"red", "green", "blue"};
    char text[64];
    for (int i = from; i < from + count; i++)
        add(out, text_of(i, text), labels[i % 3]);
}

static void
plant(struct buf *out)
{
    char text[64];
    for (int i = 0; i < BROKEN; i++)
        buf_append_string(out, "{\"text\":\"one\",\n");
    for (int i = 0; i < UNLABELLED; i++)
        buf_printf(out, "{\"text\":\"%s\"}\n", text_of(5000 + i, text));
    for (int i = 0; i < EMPTY; i++)
        buf_printf(out, "{\"text\":\"%*s\",\"label\":\"red\"}\n", i + 1, "");
    for (int i = 0; i < REPEATED; i++)
        add(out, text_of(3 * i, text), "red");
    for (int i = 0; i < CONFLICTING; i++)
        add(out, text_of(100 + 3 * i, text), "blue"); /* 100 is green */
    for (int i = 0; i < RARE; i++) {
        char label[16];
        snprintf(label, sizeof label, "rare%d", i);
        add(out, text_of(5100 + i, text), label);
    }
    for (int i = 0; i < LONG; i++)
        buf_printf(out,
                   "{\"text\":\"%s one one one one one one one one one one\","
                   "\"label\":\"red\"}\n",
                   text_of(5200 + i, text));
    for (int i = 0; i < BLANK_ROWS; i++)
        add(out, text_of(5400 + i, text), "red ");
    for (int i = 0; i < UNKNOWN_ROWS; i++)
        buf_printf(out, "{\"text\":\"%s x\xc3\xa9 \xe6\x9d\xb1\",\"label\":\"green\"}\n",
                   text_of(5500 + i, text));
}

struct world {
    struct scratch scratch;
    struct tokenizer *tokenizer;
};

static int
open_world(void **state)
{
    static struct world world;
    struct err err;
    scratch_open(&world.scratch);
    const char *folder = scratch_folder(&world.scratch, "model");
    scratch_write_text(&world.scratch, "model/vocab.txt",
                       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\ntwo\nthree\nfour\nfive\nsix\n"
                       "seven\nnine\n");
    if (tokenizer_open(folder, 13, &world.tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    *state = &world;
    return 0;
}

static int
close_world(void **state)
{
    struct world *world = *state;
    tokenizer_free(world->tokenizer);
    scratch_close(&world->scratch);
    return 0;
}

static struct data_report
report_of(struct world *world, const struct buf *text)
{
    struct data_report report;
    struct err err;
    const struct report_request request = {
        .path = scratch_write_text(&world->scratch, "data", buf_string(text)),
        .name = "train.jsonl",
        .tokenizer = world->tokenizer,
        .max_length = MAX_LENGTH,
    };
    if (data_report_make(&request, world->scratch.arena, &report, &err) != 0)
        fail_msg("%s", err.message);
    return report;
}

static void
expect_words(const struct report_warning *warnings, size_t count, const char *code,
             const char *expected)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(warnings[i].code, code) == 0) {
            if (strstr(warnings[i].message, expected) == NULL)
                fail_msg("%s: \"%s\" lacks \"%s\"", code, warnings[i].message, expected);
            return;
        }
    fail_msg("%s is not told", code);
}

static void
a_clean_file_is_not_warned_of(void **state)
{
    struct buf text = {0};
    add_clean(&text, 0, CLEAN_ROWS);
    struct data_report report = report_of(*state, &text);
    assert_int_equal(report.fault_count, 0);
    assert_int_equal(report.warning_count, 0);
    buf_fini(&text);
}

static void
every_planted_fault_is_named_with_its_number(void **state)
{
    struct buf text = {0};
    add_clean(&text, 0, CLEAN_ROWS);
    plant(&text);
    struct data_report r = report_of(*state, &text);
#define TELLS(code, words) expect_words(r.warnings, r.warning_count, code, words)
    size_t planted = EMPTY + REPEATED + CONFLICTING + RARE + LONG + BLANK_ROWS + UNKNOWN_ROWS;
    assert_int_equal(r.rows, CLEAN_ROWS + planted);
    /* 1, 2: lines that are no JSON, rows without a label */
    size_t broken = 0;
    size_t unlabelled = 0;
    for (size_t i = 0; i < r.fault_count; i++) {
        broken += strcmp(r.faults[i].code, "invalid_json") == 0;
        unlabelled += strcmp(r.faults[i].code, "missing_label") == 0;
    }
    assert_int_equal(r.fault_count, BROKEN + UNLABELLED);
    assert_int_equal(broken, BROKEN);
    assert_int_equal(unlabelled, UNLABELLED);
    assert_int_equal(r.faults[0].line, CLEAN_ROWS + 1);
    /* 3: texts of blanks; no two of them are the same */
    assert_int_equal(r.empty, EMPTY);
    TELLS("empty_texts", "6 rows (0.5 %)");
    /* 4, 5: texts that are there already, and those of them with another label */
    assert_int_equal(r.duplicates, REPEATED + CONFLICTING);
    TELLS("duplicates", "18 rows (1.6 %)");
    assert_int_equal(r.conflicting_duplicates, CONFLICTING);
    TELLS("conflicting_duplicates", "7 rows (0.6 %)");
    /* 6: labels with one row */
    TELLS("rare_labels", "3 labels have one row only (\"rare0\", \"rare1\", \"rare2\")");
    /* 7: rows beyond the length */
    assert_int_equal(r.over_length, LONG);
    TELLS("over_length", "80 rows (7.0 %) have more than 16 tokens");
    /* 8: a label that is another one with a blank */
    TELLS("label_blanks", "1 label begins or ends with a blank or a line end, as in \"red \"");
    /* 9: words that the vocabulary lacks */
    assert_int_equal(r.unknown_tokens, 2 * UNKNOWN_ROWS);
    TELLS("unknown_tokens", "100 of ");
    /* 10: strong imbalance */
    TELLS("imbalance", "\"red\" has 417 rows, \"rare0\" 1");
    buf_fini(&text);
}

static void
rows_of_the_validation_file_in_training_are_counted(void **state)
{
    struct world *world = *state;
    struct buf training = {0};
    struct buf validation = {0};
    struct data_comparison found;
    struct err err;
    add_clean(&training, 0, CLEAN_ROWS);
    add_clean(&validation, 6000, VALIDATION_ROWS - LEAKED);
    add_clean(&validation, 300, LEAKED);
    struct dataset *a = data_file_read_text(&world->scratch, "a.jsonl", buf_string(&training));
    struct dataset *b = data_file_read_text(&world->scratch, "a.jsonl", buf_string(&validation));
    const struct compare_side sides[] = {{.name = "train.jsonl", .dataset = a},
                                         {.name = "valid.jsonl", .dataset = b}};
    assert_int_equal(data_compare(&sides[0], &sides[1], world->scratch.arena, &found, &err), 0);
    assert_int_equal(found.leaked, LEAKED);
    assert_int_equal(found.warning_count, 1);
    expect_words(found.warnings, found.warning_count, "split_leakage",
                 "9 rows (10.0 %) of valid.jsonl have a text that train.jsonl has too");
    dataset_free(a);
    dataset_free(b);
    buf_fini(&training);
    buf_fini(&validation);
}

/* The same for tags: sentences of which some are broken, too long, or the same twice. */
static void
faults_of_tags_are_named_with_their_number(void **state)
{
    enum { SENTENCES = 60, MISPLACED = 8, CUT = 3, LOST = 2 };
    struct buf text = {0};
    for (int i = 0; i < SENTENCES; i++) {
        char words_of[64];
        buf_printf(&text,
                   "{\"tokens\":[\"%s\",\"one\",\"two\"],\"labels\":[\"O\",\"B-A\",\"I-A\"]}\n",
                   text_of(i, words_of));
    }
    for (int i = 0; i < MISPLACED; i++)
        buf_printf(&text, "{\"tokens\":[\"%s\",\"seven\"],\"labels\":[\"O\",\"I-A\"]}\n",
                   words[i % 8]);
    for (int i = 0; i < CUT; i++)
        buf_printf(&text,
                   "{\"tokens\":[\"one one one one one one one\",\"%s one one one one one\","
                   "\"two two\",\"nine\"],\"labels\":[\"O\",\"O\",\"O\",\"B-A\"]}\n",
                   words[i]);
    for (int i = 0; i < LOST; i++)
        buf_printf(&text, "{\"tokens\":[\"two\",\"%s\",\" \"],\"labels\":[\"O\",\"O\",\"O\"]}\n",
                   words[i]);
    struct data_report r = report_of(*state, &text);
    assert_int_equal(r.fault_count, 0);
    assert_int_equal(r.tags.misplaced, MISPLACED);
    assert_int_equal(r.tags.broken_rows, MISPLACED);
    TELLS("misplaced_tags", "8 tags in 8 rows");
    assert_int_equal(r.words_cut, CUT);
    assert_int_equal(r.tags_cut, CUT);
    TELLS("words_cut", "3 words stand behind the limit of 16 tokens, 3 of them");
    assert_int_equal(r.words_without_tokens, LOST);
    TELLS("words_without_tokens", "2 words");
    buf_fini(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_file_is_not_warned_of),
        cmocka_unit_test(every_planted_fault_is_named_with_its_number),
        cmocka_unit_test(rows_of_the_validation_file_in_training_are_counted),
        cmocka_unit_test(faults_of_tags_are_named_with_their_number),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
