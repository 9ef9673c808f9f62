/* zip archives: what PyTorch and others write is read, what disagrees with itself is refused. */
#include "core/hub/zip_reader.h"

#include "core/base/fileio.h"
#include "tests/support/zip_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct zip_part parts[] = {
    {"archive/data.pkl", "pickle", 6},
    {"archive/data/0", "0123456789abcdef", 16},
    {"archive/byteorder", "", 0},
};

enum { PART_COUNT = sizeof parts / sizeof parts[0] };

/* Open a copy of exactly these bytes, so that a reader that goes beyond them is seen. */
static int
open_copy(const void *bytes, size_t length, struct zip_reader **zip, unsigned char **copy,
          struct err *err)
{
    *copy = malloc(length > 0 ? length : 1);
    assert_non_null(*copy);
    if (length > 0)
        memcpy(*copy, bytes, length);
    return zip_reader_open(*copy, length, zip, err);
}

static void
entries_are_found_by_name_with_their_bytes(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct buf archive = {0};
        struct zip_reader *zip = NULL;
        unsigned char *copy = NULL;
        struct err err = {0};
        zip_file_build(&archive, parts, PART_COUNT, wide != 0);
        if (open_copy(archive.data, archive.length, &zip, &copy, &err) != 0)
            fail_msg("%s", err.message);
        assert_int_equal(zip_reader_count(zip), PART_COUNT);
        for (size_t i = 0; i < PART_COUNT; i++) {
            struct zip_entry *entry = zip_reader_find(zip, parts[i].name);
            assert_non_null(entry);
            assert_int_equal(entry->length, parts[i].length);
            assert_memory_equal(entry->bytes, parts[i].bytes, entry->length);
            assert_int_equal(zip_reader_check(entry, &err), 0);
            assert_true(entry->checked);
        }
        assert_string_equal(zip_reader_at(zip, 0)->name, "archive/byteorder");
        assert_null(zip_reader_find(zip, "archive"));
        zip_reader_close(zip);
        free(copy);
        buf_fini(&archive);
    }
}

static void
an_archive_without_entries_or_with_a_comment_is_one(void **state)
{
    struct buf archive = {0};
    struct zip_reader *zip = NULL;
    unsigned char *copy = NULL;
    struct err err;
    (void)state;
    zip_file_build(&archive, NULL, 0, false);
    zip_file_patch(&archive, zip_file_end(&archive) + 20, 2, 7);
    buf_append_string(&archive, "comment");
    assert_int_equal(open_copy(archive.data, archive.length, &zip, &copy, &err), 0);
    assert_int_equal(zip_reader_count(zip), 0);
    assert_null(zip_reader_find(zip, "x"));
    zip_reader_close(zip);
    free(copy);
    buf_fini(&archive);
}

static void
what_torch_writes_is_read_with_all_its_sums(void **state)
{
    struct file_map map;
    struct zip_reader *zip = NULL;
    struct err err;
    (void)state;
    assert_int_equal(fileio_map(FIXTURES "/weights/dtypes.bin", &map, &err), 0);
    assert_int_equal(zip_reader_open(map.bytes, map.length, &zip, &err), 0);
    assert_non_null(zip_reader_find(zip, "dtypes/data.pkl"));
    assert_non_null(zip_reader_find(zip, "dtypes/version"));
    for (size_t i = 0; i < zip_reader_count(zip); i++)
        assert_int_equal(zip_reader_check(zip_reader_at(zip, i), &err), 0);
    zip_reader_close(zip);
    fileio_unmap(&map);
}

static void
an_archive_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct buf archive = {0};
        zip_file_build(&archive, parts, PART_COUNT, wide != 0);
        for (size_t cut = 0; cut < archive.length; cut++) {
            struct zip_reader *zip = NULL;
            unsigned char *copy = NULL;
            struct err err;
            assert_int_equal(open_copy(archive.data, cut, &zip, &copy, &err), ERR_INVALID);
            assert_null(zip);
            free(copy);
        }
        buf_fini(&archive);
    }
}

static void
a_compressed_entry_is_told_and_not_used(void **state)
{
    struct buf archive = {0};
    struct zip_reader *zip = NULL;
    unsigned char *copy = NULL;
    struct err err;
    (void)state;
    zip_file_build(&archive, parts, PART_COUNT, false);
    zip_file_patch(&archive, 8, 2, 8); /* deflate; unpacked it would be longer */
    zip_file_patch(&archive, zip_file_header(&archive, 0) + 10, 2, 8);
    zip_file_patch(&archive, zip_file_header(&archive, 0) + 24, 4, 1000);
    assert_int_equal(open_copy(archive.data, archive.length, &zip, &copy, &err), 0);
    struct zip_entry *entry = zip_reader_find(zip, parts[0].name);
    assert_true(entry->compressed);
    assert_int_equal(entry->length, parts[0].length);
    assert_int_equal(zip_reader_check(entry, &err), ERR_UNSUPPORTED);
    assert_non_null(
        strstr(err.message, "entry 'archive/data.pkl' of the zip archive is compressed"));
    assert_int_equal(zip_reader_check(zip_reader_find(zip, parts[1].name), &err), 0);
    zip_reader_close(zip);
    free(copy);
    buf_fini(&archive);
}

static void
a_damaged_byte_of_an_entry_is_seen_by_its_sum(void **state)
{
    struct buf archive = {0};
    struct zip_reader *zip = NULL;
    unsigned char *copy = NULL;
    struct err err;
    (void)state;
    zip_file_build(&archive, parts, PART_COUNT, false);
    assert_int_equal(open_copy(archive.data, archive.length, &zip, &copy, &err), 0);
    struct zip_entry *entry = zip_reader_find(zip, "archive/data/0");
    copy[entry->bytes - copy + 5] ^= 1;
    assert_int_equal(zip_reader_check(entry, &err), ERR_INVALID);
    assert_string_equal(err.message, "entry 'archive/data/0' of the zip archive has another check "
                                     "sum than its bytes: it is damaged");
    zip_reader_close(zip);
    free(copy);
    buf_fini(&archive);
}

/* Where a number is changed: in the i-th header of the directory, in its local header, at the end.
 */
enum where { CENTRAL, LOCAL, END };

static void
what_disagrees_with_itself_is_refused_by_name(void **state)
{
    static const struct {
        enum where where;
        size_t index, at, size;
        unsigned long long value;
        int code;
        const char *words;
    } cases[] = {
        {CENTRAL, 1, 10, 2, 8, ERR_INVALID, "is another one than its directory says"},
        {CENTRAL, 1, 8, 2, 0x801, ERR_INVALID, "'archive/data/0' of the zip archive is encrypted"},
        {CENTRAL, 1, 20, 4, 15, ERR_INVALID, "has two sizes"},
        {CENTRAL, 1, 24, 4, 17, ERR_INVALID, "has two sizes"},
        {CENTRAL, 1, 42, 4, 0, ERR_INVALID, "is another one than its directory says"},
        {CENTRAL, 1, 42, 4, 1000, ERR_INVALID, "lies outside"},
        {CENTRAL, 1, 42, 4, 0xfffffffe, ERR_INVALID, "lies outside"},
        {CENTRAL, 1, 42, 4, 0xffffffff, ERR_INVALID, "lies outside"}, /* and no wide size follows */
        {CENTRAL, 1, 34, 2, 1, ERR_INVALID, "several disks"},
        {CENTRAL, 1, 30, 2, 0xffff, ERR_INVALID, "ends too early"},
        {CENTRAL, 1, 30, 2, 3, ERR_INVALID, "ends too early"}, /* eats the next header's start */
        {CENTRAL, 1, 28, 2, 0, ERR_INVALID, "the name of an entry is none"},
        {CENTRAL, 1, 46, 1, 0xff, ERR_INVALID, "the name of an entry is none"},
        {CENTRAL, 1, 46, 1, 0, ERR_INVALID, "the name of an entry is none"},
        {CENTRAL, 1, 0, 4, 0, ERR_INVALID, "ends too early"},
        {LOCAL, 1, 0, 4, 0, ERR_INVALID, "is another one"},
        {LOCAL, 1, 8, 2, 8, ERR_INVALID, "is another one"},
        {LOCAL, 1, 18, 4, 15, ERR_INVALID, "has two sizes"},
        {LOCAL, 1, 26, 2, 0xffff, ERR_INVALID, "is another one"},
        {LOCAL, 1, 28, 2, 0xffff, ERR_INVALID, "is another one"},
        {LOCAL, 1, 30, 1, 'b', ERR_INVALID, "is another one"},
        {END, 0, 4, 2, 1, ERR_INVALID, "several disks"},
        {END, 0, 8, 2, 2, ERR_INVALID, "several disks"},
        {END, 0, 8, 4, 0xffffffff, ERR_INVALID, "too short for its entries"},
        {END, 0, 8, 4, 0x00020002, ERR_INVALID, "more than its entries"},
        {END, 0, 12, 4, 0xfffffff0, ERR_INVALID, "its directory lies outside"},
        {END, 0, 16, 4, 0xfffffff0, ERR_INVALID, "its directory lies outside"},
        {END, 0, 16, 4, 0, ERR_INVALID, "ends too early"},
        {END, 0, 20, 2, 1, ERR_INVALID, "cut short"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf archive = {0};
        struct zip_reader *zip = NULL;
        unsigned char *copy = NULL;
        struct err err;
        zip_file_build(&archive, parts, PART_COUNT, false);
        size_t place = cases[i].where == END       ? zip_file_end(&archive)
                       : cases[i].where == CENTRAL ? zip_file_header(&archive, cases[i].index)
                                                   : 30 + strlen(parts[0].name) + parts[0].length;
        zip_file_patch(&archive, place + cases[i].at, cases[i].size, cases[i].value);
        int code = open_copy(archive.data, archive.length, &zip, &copy, &err);
        if (code != cases[i].code || strstr(err.message, cases[i].words) == NULL)
            fail_msg("case %zu: %d, '%s'", i, code, code == 0 ? "" : err.message);
        free(copy);
        buf_fini(&archive);
    }
}

static void
wide_records_that_lie_are_refused(void **state)
{
    /* From the end: 22 bytes of the end record, 20 of the locator, 56 of the wide end record. */
    static const struct {
        size_t before_end, size;
        unsigned long long value;
        const char *words;
    } cases[] = {
        {22 + 20 - 8, 8, 1ull << 63, "64-bit end record lies outside"},
        {22 + 20 - 8, 8, 0, "64-bit end record is none"},
        {22 + 20 - 4, 4, 1, "several disks"},
        {22 + 20 - 16, 4, 2, "several disks"},
        {22 + 20 + 56, 4, 0, "64-bit end record is none"},
        {22 + 20 + 56 - 16, 4, 1, "64-bit end record is none"},
        {22 + 20 + 56 - 24, 8, 2, "64-bit end record is none"},
        {22 + 20 + 56 - 32, 8, 2, "64-bit end record is none"},
        {22 + 20 + 56 - 40, 8, 1ull << 60, "its directory lies outside"},
        {22 + 20 + 56 - 48, 8, ~0ull, "its directory lies outside"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf archive = {0};
        struct zip_reader *zip = NULL;
        unsigned char *copy = NULL;
        struct err err;
        zip_file_build(&archive, parts, PART_COUNT, true);
        zip_file_patch(&archive, archive.length - cases[i].before_end, cases[i].size,
                       cases[i].value);
        int code = open_copy(archive.data, archive.length, &zip, &copy, &err);
        if (code != ERR_INVALID || strstr(err.message, cases[i].words) == NULL)
            fail_msg("case %zu: %d, '%s'", i, code, code == 0 ? "" : err.message);
        free(copy);
        buf_fini(&archive);
    }
}

static void
entries_that_overlap_or_share_a_name_are_refused(void **state)
{
    /* The second entry's local header stands inside the first one's bytes. */
    struct buf inner = {0};
    struct buf archive = {0};
    struct zip_reader *zip = NULL;
    unsigned char *copy = NULL;
    struct err err;
    (void)state;
    const struct zip_part nested[] = {{"b", "12345678", 8}};
    zip_file_build(&inner, nested, 1, false);
    const struct zip_part outer[] = {{"a", inner.data, inner.length}, {"b", "12345678", 8}};
    zip_file_build(&archive, outer, 2, false);
    zip_file_patch(&archive, zip_file_header(&archive, 1) + 42, 4, 31);
    assert_int_equal(open_copy(archive.data, archive.length, &zip, &copy, &err), ERR_INVALID);
    assert_string_equal(err.message, "entry 'b' of the zip archive overlaps another one");
    free(copy);
    buf_clear(&archive);
    const struct zip_part twins[] = {{"b", "1", 1}, {"a", "2", 1}, {"b", "3", 1}};
    zip_file_build(&archive, twins, 3, false);
    assert_int_equal(open_copy(archive.data, archive.length, &zip, &copy, &err), ERR_INVALID);
    assert_string_equal(err.message, "entry 'b' of the zip archive is there twice");
    free(copy);
    buf_fini(&archive);
    buf_fini(&inner);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_name_with_their_bytes),
        cmocka_unit_test(an_archive_without_entries_or_with_a_comment_is_one),
        cmocka_unit_test(what_torch_writes_is_read_with_all_its_sums),
        cmocka_unit_test(an_archive_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_compressed_entry_is_told_and_not_used),
        cmocka_unit_test(a_damaged_byte_of_an_entry_is_seen_by_its_sum),
        cmocka_unit_test(what_disagrees_with_itself_is_refused_by_name),
        cmocka_unit_test(wide_records_that_lie_are_refused),
        cmocka_unit_test(entries_that_overlap_or_share_a_name_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
