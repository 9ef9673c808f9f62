/*
 * Data files at random: whatever the bytes, readers, report and preview neither crash nor disagree.
 *
 * Files of every format are damaged in up to eight places, by a generator of fixed seed: bytes
 * changed, cut out, doubled, or replaced by pieces that mean something somewhere. Under the address
 * sanitizer this is what a fuzzer does, only that every run does the same.
 */
#include "core/base/buf.h"
#include "core/base/rng.h"
#include "core/base/utf8.h"
#include "core/data/compare.h"
#include "core/data/dedupe.h"
#include "core/data/preview.h"
#include "core/data/report.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { RUNS = 5000, MOST_DAMAGES = 8, PAGE_ROWS = 4 };

static const struct {
    const char *name, *text;
} files[] = {
    {"a.jsonl", "{\"text\":\"a ä\",\"label\":\"x\"}\n{\"text\":\"b\\n\",\"label\":1}\n"},
    {"a.jsonl", "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
                "\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"assistant\","
                "\"content\":\"x\",\"weight\":1}]}\n{\"prompt\":\"b\",\"completion\":\" y\"}\n"},
    {"a.jsonl", "{\"text\":\"a\",\"text_pair\":\"b\",\"labels\":{\"intent\":\"x\"}}\n"},
    {"a.json", "[{\"text\":\"a\",\"label\":\"x\"},\n {\"text\":\"b\",\"label\":2.5}, {}]\n"},
    {"a.csv", "text,label\r\n\"a \"\"ä\"\"\",x\r\n\"b\nc\",\"y\"\r\nd,z\r\n"},
    {"a.tsv", "sentence1\tsentence2\tlabel\na\tb\t1\nc\td\t2\n"},
    {"a.txt", "EU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n"},
    {"a.conll", "-DOCSTART- O\n\nEU\tB-ORG\nsays\tO\n\nNew York\tB-LOC\n"},
    {"a.jsonl", "{\"text\":\"a\",\"labels\":[\"x\",\"y\"]}\n{\"text\":\"b\",\"labels\":[]}\n"
                "{\"text\":\"a\",\"labels\":[\"x\",1]}\n"},
    {"a.jsonl", "{\"tokens\":[\"a\",\"b\"],\"labels\":[\"B-x\",\"I-x\"]}\n"
                "{\"tokens\":[\"c\"],\"labels\":[\"O\"]}\n"},
    {"a.json", "[{\"text\":\"a\",\"labels\":[0.5,1]},\n {\"text\":\"b\",\"labels\":[2,3.5]}]\n"},
};

/* clang-format off */
static const char *const pieces[] = {
    "\"", ",", "\n", "\r\n",
    "\\", "{", "}", "[",
    "]", ":", "\xff", "\xef\xbb\xbf",
    "null", "1e999", "\\ud800", "\"text\":",
    "[[[[[[", "\t", "\"label\":", "\xf0\x9f",
    "\x1f\x8b", "99999999999999999999", "\\u0000", "\"role\":\"user\"",
    "[]", "\"tokens\":[\"a\"],", "\"labels\":[1,2],", "-DOCSTART-",
    "\n\n", "I-y",
};
/* clang-format on */

static uint32_t
draw(const struct rng_stream *stream, uint64_t *at, uint32_t below)
{
    uint32_t bits[4];
    rng_block(stream, (*at)++, bits);
    return below == 0 ? 0 : bits[0] % below;
}

static void
damage(const struct rng_stream *stream, uint64_t *at, struct buf *text)
{
    struct buf out = {0};
    size_t where = draw(stream, at, (uint32_t)text->length + 1);
    size_t rest = text->length - where;
    size_t length = draw(stream, at, 6) % (rest + 1);
    const char *piece = pieces[draw(stream, at, sizeof pieces / sizeof pieces[0])];
    char byte = (char)draw(stream, at, 256);
    buf_append(&out, text->data, where);
    switch (draw(stream, at, 4)) {
    case 0:
        buf_append(&out, &byte, 1);
        break;
    case 1:
        buf_append(&out, text->data, text->length);
        break;
    case 2:
        buf_append_string(&out, piece);
        break;
    default:
        break; /* cut out */
    }
    if (out.length < 4096)
        buf_append(&out, text->data + where + length, rest - length);
    buf_fini(text);
    *text = out;
}

/* Pack the text as it is, so that the damage is inside. */
static void
pack(struct buf *text)
{
    static unsigned char packed[64 * 1024];
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)text->data;
    stream.avail_in = (uInt)text->length;
    stream.next_out = packed;
    stream.avail_out = sizeof packed;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    buf_clear(text);
    buf_append(text, packed, sizeof packed - stream.avail_out);
}

static void
expect_utf8(const char *text)
{
    assert_int_equal(utf8_valid_length(text, strlen(text)), strlen(text));
}

/* What holds of every row, whatever is in it. */
static void
expect_rows(const struct dataset *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct data_row *row = &d->rows[i];
        assert_int_equal(utf8_valid_length(row->text, row->text_length), row->text_length);
        assert_true(row->label == NULL || row->labels == NULL);
        if (d->label_form == LABELS_TOKENS || row->words != NULL) {
            size_t end = 0;
            assert_true(row->word_count > 0);
            assert_true(row->labels == NULL || row->label_count == row->word_count);
            for (size_t w = 0; w < row->word_count; w++) {
                assert_int_equal(row->words[w].start, w == 0 ? 0 : end + 1);
                assert_true(row->words[w].length > 0);
                end = row->words[w].start + row->words[w].length;
            }
            assert_int_equal(end, row->text_length);
        }
        for (size_t k = 0; k < row->label_count; k++)
            expect_utf8(row->labels[k]);
        if (d->label_form == LABELS_NUMBER_LISTS)
            assert_int_equal(row->label_count, d->rows[0].label_count);
        if (d->label_form != LABELS_NONE)
            assert_true(row->label != NULL || row->labels != NULL);
    }
}

/* The data set by itself, against itself, and without its duplicates. */
static void
read_rows(const char *path, const char *name, struct arena *arena)
{
    struct dataset *d = NULL;
    struct data_comparison comparison;
    struct dedupe_counts counts;
    struct err err;
    if (dataset_read(path, name, NULL, &d, &err) != 0)
        fail_msg("%s", err.message);
    const struct compare_side side = {.name = name, .dataset = d};
    bool *leaves = arena_array(arena, d->count, sizeof *leaves);
    expect_rows(d);
    assert_int_equal(data_compare(&side, &side, arena, &comparison, &err), 0);
    assert_int_equal(comparison.leaked, d->count);
    assert_int_equal(comparison.unseen + comparison.untested, 0);
    for (size_t i = 0; i < comparison.warning_count; i++)
        expect_utf8(comparison.warnings[i].message);
    assert_int_equal(dedupe_rows(d, DEDUPE_NEAR, leaves, &counts, &err), 0);
    assert_true(d->count == 0 || counts.exact + counts.near < d->count);
    dataset_free(d);
}

/* Read the file in every way and see that the answers fit each other. */
static void
read_all(const char *path, const char *name)
{
    struct arena *arena = arena_new();
    struct data_report report;
    struct preview page;
    struct err err;
    const struct report_request request = {.path = path, .name = name};
    const struct preview_request rows = {.path = path, .name = name, .limit = PAGE_ROWS};
    if (data_report_make(&request, arena, &report, &err) != 0 ||
        preview_read(&rows, arena, &page, &err) != 0)
        fail_msg("%s", err.message);
    read_rows(path, name, arena);
    assert_true(report.rows + report.fault_count > 0);
    size_t kept = report.fault_count < DATA_FAULTS_KEPT ? report.fault_count : DATA_FAULTS_KEPT;
    for (size_t i = 0; i < kept; i++)
        expect_utf8(report.faults[i].message);
    for (size_t i = 0; i < report.warning_count; i++)
        expect_utf8(report.warnings[i].message);
    assert_true(page.total >= report.rows);
    assert_int_equal(page.count, page.total < PAGE_ROWS ? page.total : PAGE_ROWS);
    for (size_t i = 0; i < page.count; i++)
        assert_true((page.rows[i].row == NULL) == (page.rows[i].fault != NULL));
    preview_fini(&page);
    arena_free(arena);
}

static void
damaged_files_are_read_to_their_end(void **state)
{
    (void)state;
    struct scratch scratch;
    struct rng_stream stream = rng_stream(5, RNG_SPLIT, 0, 0);
    uint64_t at = 0;
    scratch_open(&scratch);
    for (int run = 0; run < RUNS; run++) {
        size_t file = (size_t)run % (sizeof files / sizeof files[0]);
        struct buf text = {0};
        buf_append_string(&text, files[file].text);
        uint32_t damages = draw(&stream, &at, MOST_DAMAGES) + 1;
        bool packs = draw(&stream, &at, 4) == 0;
        if (packs && draw(&stream, &at, 2) == 0)
            pack(&text);
        while (damages-- > 0)
            damage(&stream, &at, &text);
        if (packs)
            pack(&text);
        read_all(scratch_write(&scratch, "data", buf_string(&text), text.length), files[file].name);
        buf_fini(&text);
    }
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_files_are_read_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
