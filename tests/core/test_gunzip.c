/* Packed files: read as what they hold, and refused when they are damaged or a bomb. */
#include "core/data/gunzip.h"

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
#include <zlib.h>

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

/* Append a gzip member that holds the bytes, as often as said. */
static void
pack(struct buf *out, const char *bytes, size_t length, size_t times)
{
    static unsigned char piece[64 * 1024];
    z_stream stream = {0};
    assert_int_equal(
        deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY),
        Z_OK);
    for (size_t i = 0; i < times; i++) {
        stream.next_in = (z_const Bytef *)(uintptr_t)bytes;
        stream.avail_in = (uInt)length;
        do {
            stream.next_out = piece;
            stream.avail_out = sizeof piece;
            deflate(&stream, i + 1 == times ? Z_FINISH : Z_NO_FLUSH);
            buf_append(out, piece, sizeof piece - stream.avail_out);
        } while (stream.avail_out == 0);
    }
    deflateEnd(&stream);
}

static const char rows[] = "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":\"y\"}\n";

static void
packed_files_are_read_as_what_they_hold(void **state)
{
    static const struct {
        const char *name, *text;
        enum data_format format;
        size_t line;
    } cases[] = {
        {"a.jsonl.gz", rows, DATA_JSONL, 1},
        {"a.jsonl", rows, DATA_JSONL, 1}, /* the bytes decide */
        {"a.csv.gz", "\xef\xbb\xbftext,label\na,x\nb,y\n", DATA_CSV, 2},
        {"a.tsv.gz", "text\tlabel\na\tx\nb\ty\n", DATA_TSV, 2},
        {"a.json.gz", "[{\"text\":\"a\",\"label\":\"x\"},\n{\"text\":\"b\",\"label\":\"y\"}]",
         DATA_JSON, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf packed = {0};
        pack(&packed, cases[i].text, strlen(cases[i].text), 1);
        struct dataset *d = data_file_read(*state, cases[i].name, packed.data, packed.length, NULL);
        if (d->fault_count != 0)
            fail_msg("%s: %s", cases[i].name, d->faults[0].message);
        assert_int_equal(d->format, cases[i].format);
        assert_true(d->compressed);
        assert_int_equal(d->count, 2);
        data_file_expect_row(d, 0, cases[i].line, "a", NULL, "x");
        dataset_free(d);
        buf_fini(&packed);
    }
    struct dataset *d = data_file_read_text(*state, "a.jsonl.gz", rows); /* is not packed */
    assert_int_equal(d->fault_count, 0);
    assert_false(d->compressed);
    dataset_free(d);
}

static void
members_end_to_end_are_one_file(void **state)
{
    struct buf packed = {0};
    pack(&packed, rows, sizeof rows - 1, 1);
    pack(&packed, "", 0, 1);
    pack(&packed, rows, sizeof rows - 1, 1000);
    struct dataset *d = data_file_read(*state, "a.jsonl.gz", packed.data, packed.length, NULL);
    assert_int_equal(d->fault_count, 0);
    assert_int_equal(d->count, 2002);
    dataset_free(d);
    buf_fini(&packed);
}

static void
expect_refusal(struct scratch *scratch, const struct buf *packed, const char *code,
               const char *word)
{
    const struct fault_case expected = {"packed", code, 0, word};
    struct dataset *d = data_file_read(scratch, "a.jsonl.gz", packed->data, packed->length, NULL);
    data_file_expect_fault(d, &expected);
    assert_int_equal(d->count, 0);
    dataset_free(d);
}

static void
every_cut_is_noticed(void **state)
{
    struct buf packed = {0};
    pack(&packed, rows, sizeof rows - 1, 1);
    for (size_t length = 2; length < packed.length; length++) {
        struct buf cut = {.data = packed.data, .length = length};
        expect_refusal(*state, &cut, "invalid_gzip", "cut off");
    }
    buf_fini(&packed);
}

static void
damage_and_trailing_bytes_are_refused(void **state)
{
    struct buf packed = {0};
    pack(&packed, rows, sizeof rows - 1, 1);
    size_t length = packed.length;
    packed.data[length - 6] ^= 1; /* of the checksum */
    expect_refusal(*state, &packed, "invalid_gzip", "damaged");
    packed.data[length - 6] ^= 1;
    buf_append_string(&packed, "tail");
    expect_refusal(*state, &packed, "invalid_gzip", "4 bytes follow");
    packed.length = length;
    buf_append(&packed, "\0\0", 2);
    expect_refusal(*state, &packed, "invalid_gzip", "2 bytes follow");
    packed.length = length;
    buf_append(&packed, "\x1f\x8b", 2);
    expect_refusal(*state, &packed, "invalid_gzip", "cut off");
    buf_fini(&packed);
}

static void
a_file_packed_twice_is_told(void **state)
{
    struct buf once = {0};
    struct buf twice = {0};
    pack(&once, rows, sizeof rows - 1, 1);
    pack(&twice, once.data, once.length, 1);
    expect_refusal(*state, &twice, "invalid_gzip", "twice");
    buf_fini(&once);
    buf_fini(&twice);
}

static void
a_bomb_is_refused_by_its_ratio(void **state)
{
    static char blanks[1024 * 1024];
    struct buf packed = {0};
    memset(blanks, ' ', sizeof blanks);
    pack(&packed, blanks, sizeof blanks, 64);
    expect_refusal(*state, &packed, "too_large", "unpack to more than");
    packed.length = 0;
    pack(&packed, blanks, sizeof blanks, 16); /* within what is free for all */
    expect_refusal(*state, &packed, "no_rows", "no rows");
    buf_fini(&packed);
}

static bool
always(void *context)
{
    (void)context;
    return true;
}

static void
unpacking_can_be_stopped(void **state)
{
    (void)state;
    const struct gunzip_stop stop = {always, NULL};
    struct buf packed = {0};
    struct err err;
    char *out = NULL;
    size_t length = 0;
    pack(&packed, rows, sizeof rows - 1, 1);
    assert_int_equal(gunzip_unpack(packed.data, packed.length, &stop, &out, &length, &err),
                     ERR_STOPPED);
    assert_null(out);
    buf_fini(&packed);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(packed_files_are_read_as_what_they_hold),
        CASE(members_end_to_end_are_one_file),
        CASE(every_cut_is_noticed),
        CASE(damage_and_trailing_bytes_are_refused),
        CASE(a_file_packed_twice_is_told),
        CASE(a_bomb_is_refused_by_its_ratio),
        CASE(unpacking_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
