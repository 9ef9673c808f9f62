/*
 * Tar archives: what we write is what the format says, what others write is read, and hostile bytes
 * end in an error. Archives of GNU tar and of Python are read in tests/e2e.
 */
#include "core/hub/tar.h"

#include "core/base/buf.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct buf archive;
    int fd;
    struct tar_reader reader;
    struct err err;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    f->fd = -1;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    if (f->fd >= 0)
        close(f->fd);
    buf_fini(&f->archive);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

static void
pad(struct buf *out)
{
    static const char zeros[TAR_BLOCK_BYTES];
    size_t over = out->length % TAR_BLOCK_BYTES;
    if (over > 0)
        buf_append(out, zeros, TAR_BLOCK_BYTES - over);
}

/* Write the right sum into a header that was changed. */
static void
seal(unsigned char *block)
{
    unsigned sum = 0;
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
    block[155] = ' ';
}

/* An entry with this type and, for the old forms, no prefix. */
static void
add_entry(struct fixture *f, char type, const char *name, const char *bytes)
{
    unsigned char block[TAR_BLOCK_BYTES];
    tar_header("x", "y", (int64_t)strlen(bytes), block);
    memset(block, 0, 100);
    memset(block + 345, 0, 155);
    memcpy(block, name, strlen(name));
    block[156] = (unsigned char)type;
    seal(block);
    buf_append(&f->archive, block, sizeof block);
    buf_append(&f->archive, bytes, strlen(bytes));
    pad(&f->archive);
}

static void
add_end(struct fixture *f)
{
    static const char zeros[TAR_END_BYTES];
    buf_append(&f->archive, zeros, sizeof zeros);
}

static void
open_bytes(struct fixture *f)
{
    const char *path = scratch_write(&f->scratch, "archive", f->archive.data, f->archive.length);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = open(path, O_RDONLY);
    assert_true(f->fd >= 0);
    f->reader = (struct tar_reader){.fd = f->fd, .length = (int64_t)f->archive.length};
}

static struct tar_entry
next(struct fixture *f)
{
    struct tar_entry entry;
    int found = tar_next(&f->reader, &entry, &f->err);
    if (found != 1)
        fail_msg("%d: %s", found, found < 0 ? f->err.message : "the end");
    return entry;
}

static void
expect_end(struct fixture *f)
{
    struct tar_entry entry;
    assert_int_equal(tar_next(&f->reader, &entry, &f->err), 0);
}

static void
expect_refused(struct fixture *f, const char *words)
{
    struct tar_entry entry;
    int found = 1;
    open_bytes(f);
    while (found == 1)
        found = tar_next(&f->reader, &entry, &f->err);
    assert_int_equal(found, ERR_INVALID);
    if (strstr(f->err.message, words) == NULL)
        fail_msg("'%s' lacks '%s'", f->err.message, words);
    buf_clear(&f->archive);
}

static void
written_header_is_read_back(void **state)
{
    struct fixture *f = *state;
    unsigned char block[TAR_BLOCK_BYTES];
    tar_header("model-1", "config.json", 3, block);
    buf_append(&f->archive, block, sizeof block);
    buf_append_string(&f->archive, "abc");
    pad(&f->archive);
    add_end(f);
    open_bytes(f);
    struct tar_entry entry = next(f);
    assert_string_equal(entry.path, "model-1/config.json");
    assert_int_equal(entry.kind, TAR_FILE);
    assert_int_equal(entry.offset, 512);
    assert_int_equal(entry.bytes, 3);
    expect_end(f);
}

static void
header_has_the_fields_of_posix(void **state)
{
    (void)state;
    unsigned char block[TAR_BLOCK_BYTES];
    tar_header("f", "n", 1000, block);
    assert_string_equal((char *)block, "n");
    assert_string_equal((char *)block + 100, "0000644");
    assert_string_equal((char *)block + 124, "00000001750");
    assert_int_equal(block[156], '0');
    assert_memory_equal(block + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_string_equal((char *)block + 345, "f");
}

static void
names_of_full_length_and_sizes_beyond_octal_are_kept(void **state)
{
    struct fixture *f = *state;
    char name[TAR_NAME_MAX + 1];
    char folder[TAR_FOLDER_MAX + 1];
    unsigned char block[TAR_BLOCK_BYTES];
    memset(name, 'n', sizeof name - 1);
    memset(folder, 'f', sizeof folder - 1);
    name[TAR_NAME_MAX] = folder[TAR_FOLDER_MAX] = '\0';
    int64_t bytes = INT64_C(20000000000);
    tar_header(folder, name, bytes, block);
    buf_append(&f->archive, block, sizeof block);
    open_bytes(f);
    f->reader.length = 512 + tar_padded(bytes); /* nobody reads them */
    struct tar_entry entry = next(f);
    assert_int_equal(entry.bytes, bytes);
    assert_int_equal(strlen(entry.path), TAR_FOLDER_MAX + 1 + TAR_NAME_MAX);
}

static void
kinds_are_told_apart(void **state)
{
    static const struct {
        char type;
        const char *name;
        enum tar_kind kind;
    } cases[] = {
        {'0', "a", TAR_FILE},  {'\0', "a", TAR_FILE},  {'\0', "a/", TAR_FOLDER},
        {'7', "a", TAR_FILE},  {'5', "a", TAR_FOLDER}, {'1', "a", TAR_OTHER},
        {'2', "a", TAR_OTHER}, {'3', "a", TAR_OTHER},  {'6', "a", TAR_OTHER},
        {'S', "a", TAR_OTHER}, {'V', "a", TAR_OTHER},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        add_entry(f, cases[i].type, cases[i].name, "");
    add_end(f);
    open_bytes(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(next(f).kind, cases[i].kind);
    expect_end(f);
}

static void
extended_headers_name_the_entry_behind_them(void **state)
{
    struct fixture *f = *state;
    add_entry(f, 'g', "global", "18 path=elsewhere\n");
    add_entry(f, 'x', "pax", "30 mtime=1700000000.123456789\n20 path=long/name.x\n");
    add_entry(f, '0', "short", "one");
    add_entry(f, 'L', "././@LongLink", "gnu/long/name");
    add_entry(f, 'K', "././@LongLink", "target");
    add_entry(f, '0', "short", "two");
    add_entry(f, '0', "plain", "");
    add_end(f);
    open_bytes(f);
    assert_string_equal(next(f).path, "long/name.x");
    assert_string_equal(next(f).path, "gnu/long/name");
    assert_string_equal(next(f).path, "plain");
    expect_end(f);
}

static void
archive_without_its_end_is_taken_when_it_ends_between_entries(void **state)
{
    struct fixture *f = *state;
    add_entry(f, '0', "a", "x");
    open_bytes(f);
    next(f);
    expect_end(f);
}

static void
damage_is_refused(void **state)
{
    struct fixture *f = *state;
    buf_append_string(&f->archive, "");
    expect_refused(f, "cut off");
    for (int i = 0; i < 100; i++)
        buf_append_string(&f->archive, "no archive at all");
    expect_refused(f, "no tar archive");
    add_entry(f, '0', "a", "x");
    buf_append_string(&f->archive, "behind it");
    pad(&f->archive);
    expect_refused(f, "a header is damaged");
    add_entry(f, '0', "a", "0123456789");
    f->archive.length = 520;
    expect_refused(f, "larger than what follows");
    add_entry(f, '0', "a", "x");
    add_end(f);
    f->archive.length = 1124;
    expect_refused(f, "cut off");
    add_entry(f, 'x', "pax", "20 path=long/name.x\n");
    add_end(f);
    expect_refused(f, "stands alone");
    for (int i = 0; i < 20; i++)
        add_entry(f, 'x', "pax", "20 path=long/name.x\n");
    add_entry(f, '0', "a", "");
    expect_refused(f, "too many extended headers");
}

static void
bad_numbers_and_records_are_refused(void **state)
{
    static const char *const records[] = {
        "x path=a\n",
        "99 path=a\n",
        "9 path=ab\n",
        "8 patha\n",
        "0 path=a\n",
        "9 size=x\n",
        "27 size=9999999999999999999\n",
        "9999999999999999999999 path=a\n",
        "8 path=\n",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        add_entry(f, 'x', "pax", records[i]);
        add_entry(f, '0', "a", "");
        expect_refused(f, "at byte");
    }
    static const char *const sizes[] = {"zzzzzzzzzzz", "77777777777", "-1", "8"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        add_entry(f, '0', "a", "");
        memset(f->archive.data + 124, 0, 12);
        memcpy(f->archive.data + 124, sizes[i], strlen(sizes[i]));
        seal((unsigned char *)f->archive.data);
        expect_refused(f, "at byte");
    }
    add_entry(f, '0', "a", "");
    memset(f->archive.data + 124, 0xff, 12);
    seal((unsigned char *)f->archive.data);
    expect_refused(f, "no number");
    add_entry(f, '0', "a", "");
    memset(f->archive.data + 124, 0xff, 12);
    f->archive.data[124] = (char)0x80;
    seal((unsigned char *)f->archive.data);
    expect_refused(f, "no number");
}

/* Every byte changed in turn: an answer or an error, never a crash (for the sanitizers). */
static void
no_changed_byte_leads_astray(void **state)
{
    struct fixture *f = *state;
    add_entry(f, 'x', "pax", "20 path=long/name.x\n");
    add_entry(f, '0', "a", "x");
    add_entry(f, 'L', "././@LongLink", "gnu/long/name");
    add_entry(f, '0', "b", "y");
    add_end(f);
    for (size_t i = 0; i < f->archive.length; i += 3) {
        struct tar_entry entry;
        char kept = f->archive.data[i];
        f->archive.data[i] = (char)(kept ^ 0x15);
        open_bytes(f);
        int found = 1;
        for (int steps = 0; found == 1; steps++) {
            assert_true(steps < 10);
            found = tar_next(&f->reader, &entry, &f->err);
            if (found == 1)
                assert_true(entry.bytes >= 0 &&
                            entry.offset + entry.bytes <= (int64_t)f->archive.length);
        }
        f->archive.data[i] = kept;
    }
}

#define TAR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TAR_TEST(written_header_is_read_back),
        TAR_TEST(header_has_the_fields_of_posix),
        TAR_TEST(names_of_full_length_and_sizes_beyond_octal_are_kept),
        TAR_TEST(kinds_are_told_apart),
        TAR_TEST(extended_headers_name_the_entry_behind_them),
        TAR_TEST(archive_without_its_end_is_taken_when_it_ends_between_entries),
        TAR_TEST(damage_is_refused),
        TAR_TEST(bad_numbers_and_records_are_refused),
        TAR_TEST(no_changed_byte_leads_astray),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
