/* Files: limits, durable replacement, folders, links, known hashes. */
#include "core/base/fileio.h"
#include "tests/support/scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct scratch scratch;

static int
open_scratch(void **state)
{
    (void)state;
    scratch_open(&scratch);
    return 0;
}

static int
close_scratch(void **state)
{
    (void)state;
    scratch_close(&scratch);
    return 0;
}

/* Names in a folder, "." and ".." not counted. */
static size_t
entries(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void
assert_holds(const char *path, const char *want)
{
    struct err err;
    struct buf bytes = {0};
    assert_int_equal(fileio_read(path, 1000, &bytes, &err), 0);
    assert_string_equal(buf_string(&bytes), want);
    buf_fini(&bytes);
}

static void
reading_gives_every_byte_up_to_the_limit(void **state)
{
    (void)state;
    static char large[600 * 1000];
    struct err err;
    struct buf bytes = {0};
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7919);
    const char *path = scratch_write(&scratch, "large", large, sizeof large);
    assert_int_equal(fileio_read(path, sizeof large, &bytes, &err), 0);
    assert_int_equal(bytes.length, sizeof large);
    assert_memory_equal(bytes.data, large, sizeof large);
    buf_clear(&bytes);
    assert_int_equal(fileio_read(path, sizeof large - 1, &bytes, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "599999"));
    buf_fini(&bytes);
}

static void
reading_appends_and_the_limit_is_the_files_alone(void **state)
{
    (void)state;
    struct err err;
    struct buf bytes = {0};
    const char *path = scratch_write_text(&scratch, "five", "12345");
    buf_append_string(&bytes, "0: ");
    assert_int_equal(fileio_read(path, 5, &bytes, &err), 0);
    assert_string_equal(buf_string(&bytes), "0: 12345");
    buf_fini(&bytes);
}

static void
what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct buf bytes = {0};
    struct file_map map;
    char hex[65];
    const char *absent = scratch_path(&scratch, "absent");
    assert_int_equal(fileio_read(absent, 10, &bytes, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent"));
    assert_int_equal(fileio_map(absent, &map, &err), ERR_NOT_FOUND);
    assert_int_equal(fileio_sha256(absent, hex, &err), ERR_NOT_FOUND);
    assert_int_equal(fileio_copy(absent, scratch_path(&scratch, "copy"), &err), ERR_NOT_FOUND);
    assert_false(fileio_exists(scratch_path(&scratch, "copy")));
    assert_int_equal(fileio_read(scratch.folder, 10, &bytes, &err), ERR_INVALID);
    assert_false(fileio_exists(absent));
    assert_false(fileio_exists(scratch.folder));
    buf_fini(&bytes);
}

static void
a_write_replaces_the_file_and_leaves_nothing_else(void **state)
{
    (void)state;
    struct err err;
    struct stat status;
    const char *folder = scratch_folder(&scratch, "replace");
    const char *path = scratch_path(&scratch, "replace/file");
    assert_int_equal(fileio_write(path, "first", 5, &err), 0);
    assert_holds(path, "first");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(fileio_write(path, "2", 1, &err), 0);
    assert_holds(path, "2");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(fileio_write(path, NULL, 0, &err), 0);
    assert_holds(path, "");
    assert_int_equal(entries(folder), 1);
}

/* A reader that opened the old file goes on reading the old file. */
static void
a_write_does_not_touch_the_old_bytes(void **state)
{
    (void)state;
    struct err err;
    struct file_map map;
    const char *path = scratch_write_text(&scratch, "mapped", "old bytes");
    assert_int_equal(fileio_map(path, &map, &err), 0);
    assert_int_equal(fileio_write(path, "new", 3, &err), 0);
    assert_int_equal(map.length, 9);
    assert_memory_equal(map.bytes, "old bytes", 9);
    fileio_unmap(&map);
    assert_null(map.bytes);
    fileio_unmap(&map);
    assert_holds(path, "new");
}

static void
a_failed_write_keeps_the_old_file_and_leaves_no_temporary(void **state)
{
    (void)state;
    struct err err;
    const char *folder = scratch_folder(&scratch, "target");
    scratch_folder(&scratch, "target/is-a-folder");
    assert_true(fileio_write(scratch_path(&scratch, "target/is-a-folder"), "x", 1, &err) < 0);
    assert_non_null(strstr(err.message, "is-a-folder"));
    assert_int_equal(entries(folder), 1);
    assert_true(fileio_write(scratch_path(&scratch, "no/such/folder"), "x", 1, &err) < 0);
}

struct pieces {
    size_t count; /* pieces that the writer writes before it ends, or fails */
    bool fails;
};

static int
write_pieces(void *context, int fd, struct err *err)
{
    const struct pieces *pieces = context;
    for (size_t i = 0; i < pieces->count; i++)
        if (fileio_put(fd, "piece ", 6, err) != 0)
            return err->code;
    return pieces->fails ? err_set(err, ERR_FULL, "no more pieces") : 0;
}

static void
a_writer_that_fails_leaves_the_old_file_and_no_temporary(void **state)
{
    (void)state;
    struct err err;
    struct pieces pieces = {.count = 3};
    const char *folder = scratch_folder(&scratch, "writer");
    const char *path = scratch_write_text(&scratch, "writer/f", "old");
    pieces.fails = true;
    assert_int_equal(fileio_write_by(path, write_pieces, &pieces, &err), ERR_FULL);
    assert_non_null(strstr(err.message, path));
    assert_holds(path, "old");
    pieces.fails = false;
    assert_int_equal(fileio_write_by(path, write_pieces, &pieces, &err), 0);
    assert_holds(path, "piece piece piece ");
    assert_int_equal(fileio_publish(path, "new", 3, &err), 0);
    assert_holds(path, "new");
    assert_int_equal(entries(folder), 1);
    assert_true(fileio_publish(scratch_path(&scratch, "absent/f"), "new", 3, &err) < 0);
}

static void
a_part_is_read_whole_or_refused(void **state)
{
    (void)state;
    struct err err;
    struct file_map map;
    int fd = -1;
    char part[4] = "";
    const char *path = scratch_write_text(&scratch, "part", "0123456789");
    assert_int_equal(fileio_map_open(path, &map, &fd, &err), 0);
    assert_true(map.length == 10 && memcmp(map.bytes, "0123456789", 10) == 0);
    assert_int_equal(fileio_get(fd, 6, part, 4, &err), 0);
    assert_memory_equal(part, "6789", 4);
    assert_int_equal(fileio_get(fd, 7, part, 4, &err), ERR_IO);
    assert_non_null(strstr(err.message, "byte 11"));
    assert_int_equal(close(fd), 0);
    fileio_unmap(&map);
    assert_int_equal(fileio_map_open(scratch_path(&scratch, "no"), &map, &fd, &err), ERR_NOT_FOUND);
    assert_int_equal(fd, -1);
}

static void
a_copy_has_the_same_bytes_and_mode_0600(void **state)
{
    (void)state;
    struct err err;
    struct stat status;
    const char *from = scratch_write_text(&scratch, "from", "to be copied");
    const char *to = scratch_path(&scratch, "to");
    assert_int_equal(fileio_copy(from, to, &err), 0);
    assert_holds(to, "to be copied");
    assert_int_equal(stat(to, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void
an_empty_file_maps_to_nothing(void **state)
{
    (void)state;
    struct err err;
    struct file_map map;
    assert_int_equal(fileio_map(scratch_write(&scratch, "empty", "", 0), &map, &err), 0);
    assert_null(map.bytes);
    assert_int_equal(map.length, 0);
    fileio_unmap(&map);
}

static void
folders_are_made_with_their_parents_and_mode_0700(void **state)
{
    (void)state;
    struct err err;
    struct stat status;
    const char *deep = scratch_path(&scratch, "a/b/c");
    assert_int_equal(fileio_make_folder(deep, &err), 0);
    assert_int_equal(fileio_make_folder(deep, &err), 0);
    assert_int_equal(stat(deep, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0700);
    scratch_write_text(&scratch, "a/file", "");
    assert_int_equal(fileio_make_folder(scratch_path(&scratch, "a/file"), &err), ERR_INVALID);
    assert_true(fileio_make_folder(scratch_path(&scratch, "a/file/below"), &err) < 0);
}

static void
removing_a_tree_removes_links_and_not_what_they_point_to(void **state)
{
    (void)state;
    struct err err;
    scratch_folder(&scratch, "kept");
    const char *kept = scratch_write_text(&scratch, "kept/file", "still here");
    scratch_folder(&scratch, "gone");
    scratch_folder(&scratch, "gone/below");
    scratch_write_text(&scratch, "gone/below/file", "x");
    assert_int_equal(symlink("../kept", scratch_path(&scratch, "gone/to-folder")), 0);
    assert_int_equal(symlink("../kept/file", scratch_path(&scratch, "gone/to-file")), 0);
    assert_int_equal(symlink("nowhere", scratch_path(&scratch, "gone/dangling")), 0);
    assert_int_equal(fileio_remove_tree(scratch_path(&scratch, "gone"), &err), 0);
    assert_int_not_equal(access(scratch_path(&scratch, "gone"), F_OK), 0);
    assert_holds(kept, "still here");
    assert_int_equal(symlink("kept", scratch_path(&scratch, "link")), 0);
    assert_int_equal(fileio_remove_tree(scratch_path(&scratch, "link"), &err), 0);
    assert_holds(kept, "still here");
    assert_int_equal(fileio_remove_tree(scratch_path(&scratch, "absent"), &err), 0);
    assert_int_equal(fileio_remove_tree(kept, &err), 0);
    assert_false(fileio_exists(kept));
}

static void
renaming_moves_and_a_missing_source_is_an_error(void **state)
{
    (void)state;
    struct err err;
    const char *from = scratch_write_text(&scratch, "old-name", "moved");
    const char *to = scratch_path(&scratch, "new-name");
    assert_int_equal(fileio_rename(from, to, &err), 0);
    assert_holds(to, "moved");
    assert_false(fileio_exists(from));
    assert_true(fileio_rename(from, to, &err) < 0);
    assert_holds(to, "moved");
    assert_int_equal(fileio_sync(to, &err), 0);
    assert_true(fileio_sync(from, &err) < 0);
}

/* The known answers of FIPS 180-4: "abc", nothing, and a million times 'a'. */
static void
hashes_are_the_published_known_answers(void **state)
{
    (void)state;
    static char million[1000000];
    struct err err;
    char hex[65];
    fileio_sha256_bytes("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(fileio_sha256(scratch_write(&scratch, "nothing", "", 0), hex, &err), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    memset(million, 'a', sizeof million);
    const char *path = scratch_write(&scratch, "million", million, sizeof million);
    assert_int_equal(fileio_sha256(path, hex, &err), 0);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void
folder_of_a_path_is_what_stands_before_its_last_slash(void **state)
{
    static const char *const examples[][2] = {
        {"a/b", "a"}, {"/a", "/"}, {"a", "."}, {"/a/b/c", "/a/b"}, {"", "."}};
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char *folder = fileio_folder_of(examples[i][0]);
        assert_string_equal(folder, examples[i][1]);
        free(folder);
    }
    assert_true(fileio_raise_limit() > 0);
    assert_true(fileio_raise_limit() == fileio_raise_limit());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_of_a_path_is_what_stands_before_its_last_slash),
        cmocka_unit_test(reading_gives_every_byte_up_to_the_limit),
        cmocka_unit_test(reading_appends_and_the_limit_is_the_files_alone),
        cmocka_unit_test(what_is_no_regular_file_is_refused),
        cmocka_unit_test(a_write_replaces_the_file_and_leaves_nothing_else),
        cmocka_unit_test(a_write_does_not_touch_the_old_bytes),
        cmocka_unit_test(a_failed_write_keeps_the_old_file_and_leaves_no_temporary),
        cmocka_unit_test(a_writer_that_fails_leaves_the_old_file_and_no_temporary),
        cmocka_unit_test(a_part_is_read_whole_or_refused),
        cmocka_unit_test(a_copy_has_the_same_bytes_and_mode_0600),
        cmocka_unit_test(an_empty_file_maps_to_nothing),
        cmocka_unit_test(folders_are_made_with_their_parents_and_mode_0700),
        cmocka_unit_test(removing_a_tree_removes_links_and_not_what_they_point_to),
        cmocka_unit_test(renaming_moves_and_a_missing_source_is_an_error),
        cmocka_unit_test(hashes_are_the_published_known_answers),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
