/*
 * Files of a model folder: which are offered, their hashes, their JSON.
 */
#include "daemon/work/folder_files.h"
#include "daemon/work/hash_memory.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Of the three bytes "abc" (FIPS 180-2, example B.1). */
static const char abc_sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void
plain_files_of_plain_names_are_offered_in_order(void **state)
{
    (void)state;
    struct scratch scratch;
    struct folder_files files;
    struct err err;
    scratch_open(&scratch);
    const char *vocab = scratch_write_text(&scratch, "vocab.txt", "abc");
    scratch_write_text(&scratch, "config.json", "{}");
    scratch_write_text(&scratch, ".hidden", "x");
    scratch_write_text(&scratch, "with blank", "x");
    scratch_folder(&scratch, "1_Pooling");
    assert_int_equal(symlink(vocab, scratch_path(&scratch, "linked.txt")), 0);
    assert_int_equal(symlink("nowhere", scratch_path(&scratch, "dangling.txt")), 0);
    assert_int_equal(folder_files_describe(scratch.folder, scratch.arena, &files, &err), 0);
    assert_int_equal(files.count, 3);
    assert_string_equal(files.items[0].name, "config.json");
    assert_string_equal(files.items[1].name, "linked.txt");
    assert_string_equal(files.items[2].name, "vocab.txt");
    assert_int_equal(files.items[1].bytes, 3);
    assert_string_equal(files.items[1].sha256, abc_sha256);
    assert_null(folder_files_find(&files, "absent"));
    scratch_close(&scratch);
}

static void
absent_folder_is_not_found(void **state)
{
    (void)state;
    struct scratch scratch;
    struct folder_files files;
    struct err err;
    scratch_open(&scratch);
    assert_int_equal(folder_files_list(scratch_path(&scratch, "x"), scratch.arena, &files, &err),
                     ERR_NOT_FOUND);
    scratch_close(&scratch);
}

static void
printed_list_reads_back(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct err err;
    struct folder_file items[] = {{"a.json", 12, abc_sha256}, {"b", INT64_MAX, abc_sha256}};
    struct folder_files files = {items, 2};
    struct folder_files again = {0};
    const char *text = folder_files_print(&files, arena);
    assert_int_equal(folder_files_parse(text, arena, &again, &err), 0);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.items[1].name, "b");
    assert_true(again.items[1].bytes == INT64_MAX);
    assert_string_equal(again.items[0].sha256, abc_sha256);
    assert_int_equal(folder_files_parse("[{\"name\": 1}]", arena, &again, &err), ERR_INTERNAL);
    arena_free(arena);
}

static void
remembered_hash_follows_the_file(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    char hex[65];
    struct hash_memory *memory = hash_memory_new();
    scratch_open(&scratch);
    const char *path = scratch_write_text(&scratch, "a", "abc");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(hash_memory_get(memory, path, hex, &err), 0);
        assert_string_equal(hex, abc_sha256);
    }
    scratch_write_text(&scratch, "a", "abcd");
    assert_int_equal(hash_memory_get(memory, path, hex, &err), 0);
    assert_string_not_equal(hex, abc_sha256);
    assert_int_equal(unlink(path), 0);
    assert_true(hash_memory_get(memory, path, hex, &err) < 0);
    scratch_close(&scratch);
    hash_memory_free(memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files_of_plain_names_are_offered_in_order),
        cmocka_unit_test(absent_folder_is_not_found),
        cmocka_unit_test(printed_list_reads_back),
        cmocka_unit_test(remembered_hash_follows_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
