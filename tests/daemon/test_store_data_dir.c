/* The data directory: refusals leave it untouched, one process owns it, nobody else may read it. */
#include "core/base/fileio.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/ids.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char job_id[] = "ftjob-000000000000000000000001";
static const char file_id[] = "file-000000000000000000000001";

static int
setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    scratch_open(scratch);
    *state = scratch;
    return 0;
}

static int
teardown(void **state)
{
    scratch_close(*state);
    free(*state);
    return 0;
}

static struct data_dir *
open_dir(const char *path)
{
    struct err err;
    struct data_dir *dir = NULL;
    if (data_dir_open(path, &dir, &err) != 0)
        fail_msg("%s", err.message);
    return dir;
}

static int
count_name(void *context, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(size_t *)context;
    return 0;
}

static unsigned
mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (unsigned)status.st_mode & 0777u;
}

static bool
is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void
fresh_directory_is_laid_out_and_private(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "a/b/data");
    umask(0);
    struct data_dir *dir = open_dir(path);
    umask(022);
    static const char *const folders[] = {"", "tmp", "files", "models", "base_models", "jobs"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(
            mode_of(arena_printf(scratch->arena, "%s/%s", data_dir_root(dir), folders[i])), 0700);
    assert_int_equal(mode_of(scratch_path(scratch, "a/b/data/FORMAT")), 0600);
    assert_int_equal(mode_of(scratch_path(scratch, "a/b/data/lock")), 0600);
    struct buf text = {0};
    struct err err;
    assert_int_equal(fileio_read(scratch_path(scratch, "a/b/data/FORMAT"), 10, &text, &err), 0);
    assert_string_equal(buf_string(&text), "1\n");
    buf_fini(&text);
    data_dir_close(dir);
}

static void
open_directory_loses_the_rights_of_others(void **state)
{
    const char *path = scratch_folder(*state, "data");
    chmod(path, 0755);
    data_dir_close(open_dir(path));
    assert_int_equal(mode_of(path), 0700);
}

static void
foreign_folder_is_refused_untouched(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_folder(scratch, "home");
    scratch_write_text(scratch, "home/thesis.txt", "years of work");
    chmod(path, 0755);
    struct data_dir *dir = NULL;
    struct err err;
    assert_int_equal(data_dir_open(path, &dir, &err), ERR_INVALID);
    assert_null(dir);
    assert_non_null(strstr(err.message, "thesis.txt"));
    assert_int_equal(mode_of(path), 0755);
    assert_false(is_there(scratch_path(scratch, "home/lock")));
    assert_false(is_there(scratch_path(scratch, "home/tmp")));
}

static void
file_in_place_of_the_directory_is_refused(void **state)
{
    struct data_dir *dir = NULL;
    struct err err;
    assert_int_equal(data_dir_open(scratch_write_text(*state, "file", "x"), &dir, &err),
                     ERR_INVALID);
}

static void
newer_format_is_refused_untouched(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_folder(scratch, "data");
    scratch_write_text(scratch, "data/FORMAT", "2\n");
    scratch_folder(scratch, "data/tmp");
    scratch_write_text(scratch, "data/tmp/kept", "x");
    struct data_dir *dir = NULL;
    struct err err;
    assert_int_equal(data_dir_open(path, &dir, &err), ERR_UNSUPPORTED);
    assert_true(is_there(scratch_path(scratch, "data/tmp/kept")));
    assert_false(is_there(scratch_path(scratch, "data/lock")));
}

static void
unreadable_format_is_refused(void **state)
{
    static const char *const texts[] = {"", "x\n", "0\n", "-1\n", "1", "1 \n", "1\n2\n"};
    struct scratch *scratch = *state;
    const char *path = scratch_folder(scratch, "data");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        scratch_write_text(scratch, "data/FORMAT", texts[i]);
        struct data_dir *dir = NULL;
        struct err err;
        assert_int_equal(data_dir_open(path, &dir, &err), ERR_INVALID);
    }
}

static void
first_start_that_was_cut_short_can_be_repeated(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_folder(scratch, "data");
    scratch_write_text(scratch, "data/lock", "");
    scratch_write_text(scratch, "data/FORMAT.a1B2c3", "");
    data_dir_close(open_dir(path));
    data_dir_close(open_dir(path));
}

static void
stored_files_without_a_database_are_refused(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "data");
    data_dir_close(open_dir(path));
    data_dir_close(open_dir(path)); /* empty: fine */
    scratch_folder(scratch, "data/models/ftjob-000000000000000000000001");
    struct data_dir *dir = NULL;
    struct err err;
    assert_int_equal(data_dir_open(path, &dir, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "finetuned.db"));
    assert_true(is_there(scratch_path(scratch, "data/models/ftjob-000000000000000000000001")));
}

static void
tmp_is_emptied_at_open(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "data");
    data_dir_close(open_dir(path));
    scratch_folder(scratch, "data/tmp/half");
    scratch_write_text(scratch, "data/tmp/half/model", "x");
    data_dir_close(open_dir(path));
    assert_true(is_there(scratch_path(scratch, "data/tmp")));
    assert_false(is_there(scratch_path(scratch, "data/tmp/half")));
}

/* A child opens the directory, tells so, and holds it until its input ends. */
static pid_t
hold_in_child(const char *path, int *until)
{
    int ready[2];
    int end[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(end[1]);
        struct data_dir *dir = NULL;
        struct err err;
        char byte = data_dir_open(path, &dir, &err) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1 || read(end[0], &byte, 1) != 0)
            _exit(1);
        _exit(0);
    }
    close(ready[1]);
    close(end[0]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    *until = end[1];
    return child;
}

static void
directory_of_another_process_is_refused_with_its_pid(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "data");
    int until = -1;
    pid_t child = hold_in_child(path, &until);
    scratch_write_text(scratch, "data/tmp/upload", "of the other process");
    struct data_dir *dir = NULL;
    struct err err;
    assert_int_equal(data_dir_open(path, &dir, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, arena_printf(scratch->arena, "process %d:", (int)child)));
    assert_true(is_there(scratch_path(scratch, "data/tmp/upload")));
    close(until);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    data_dir_close(open_dir(path));
}

static void
file_is_stored_read_and_removed(void **state)
{
    struct scratch *scratch = *state;
    struct data_dir *dir = open_dir(scratch_path(scratch, "data"));
    struct err err;
    const char *tmp = NULL;
    int fd = -1;
    assert_int_equal(data_dir_tmp_create(dir, scratch->arena, &tmp, &fd, &err), 0);
    assert_int_equal(write(fd, "rows", 4), 4);
    close(fd);
    assert_int_equal(data_dir_store_file(dir, tmp, file_id, &err), 0);
    assert_false(is_there(tmp));
    assert_int_equal(mode_of(data_dir_file_path(dir, file_id, scratch->arena)), 0600);
    assert_int_equal(data_dir_open_file(dir, file_id, &fd, &err), 0);
    char bytes[8] = "";
    assert_int_equal(read(fd, bytes, sizeof bytes), 4);
    assert_string_equal(bytes, "rows");
    close(fd);
    assert_int_equal(data_dir_remove_file(dir, file_id, &err), 0);
    assert_int_equal(data_dir_remove_file(dir, file_id, &err), 0);
    assert_int_equal(data_dir_open_file(dir, file_id, &fd, &err), ERR_NOT_FOUND);
    data_dir_close(dir);
}

/* A folder in tmp/ with one file of this content. */
static const char *
make_folder(struct scratch *scratch, const struct data_dir *dir, const char *content)
{
    struct err err;
    const char *tmp = data_dir_tmp_path(dir, scratch->arena);
    assert_int_equal(fileio_make_folder(tmp, &err), 0);
    const char *file = arena_printf(scratch->arena, "%s/weights", tmp);
    assert_int_equal(fileio_write(file, content, strlen(content), &err), 0);
    return tmp;
}

static void
finished_folders_replace_orphans_of_the_same_name(void **state)
{
    struct scratch *scratch = *state;
    struct data_dir *dir = open_dir(scratch_path(scratch, "data"));
    struct err err;
    static const char *const contents[] = {"old", "new"};
    for (size_t i = 0; i < 2; i++) {
        const char *tmp = make_folder(scratch, dir, contents[i]);
        assert_int_equal(data_dir_store_model(dir, tmp, job_id, &err), 0);
        tmp = make_folder(scratch, dir, contents[i]);
        assert_int_equal(data_dir_store_checkpoint(dir, tmp, job_id, 30, &err), 0);
    }
    const char *paths[] = {data_dir_model_path(dir, job_id, scratch->arena),
                           data_dir_checkpoint_path(dir, job_id, 30, scratch->arena)};
    for (size_t i = 0; i < 2; i++) {
        struct buf text = {0};
        const char *file = arena_printf(scratch->arena, "%s/weights", paths[i]);
        assert_int_equal(fileio_read(file, 10, &text, &err), 0);
        assert_string_equal(buf_string(&text), "new");
        buf_fini(&text);
    }
    size_t count = 0;
    assert_int_equal(data_dir_each_checkpoint(dir, job_id, count_name, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(data_dir_remove_checkpoint(dir, job_id, 30, &err), 0);
    assert_int_equal(data_dir_remove_model(dir, job_id, &err), 0);
    assert_int_equal(data_dir_remove_job(dir, job_id, &err), 0);
    assert_false(is_there(paths[0]) || is_there(paths[1]));
    data_dir_close(dir);
}

static void
unfinished_folder_in_tmp_is_removed_on_request(void **state)
{
    struct scratch *scratch = *state;
    struct data_dir *dir = open_dir(scratch_path(scratch, "data"));
    const char *tmp = make_folder(scratch, dir, "half");
    struct err err;
    assert_int_equal(data_dir_remove_tmp(dir, tmp, &err), 0);
    assert_false(is_there(tmp));
    assert_int_equal(data_dir_remove_tmp(dir, tmp, &err), 0);
    data_dir_close(dir);
}

#define DIR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(fresh_directory_is_laid_out_and_private),
        DIR_TEST(open_directory_loses_the_rights_of_others),
        DIR_TEST(foreign_folder_is_refused_untouched),
        DIR_TEST(file_in_place_of_the_directory_is_refused),
        DIR_TEST(newer_format_is_refused_untouched),
        DIR_TEST(unreadable_format_is_refused),
        DIR_TEST(first_start_that_was_cut_short_can_be_repeated),
        DIR_TEST(stored_files_without_a_database_are_refused),
        DIR_TEST(tmp_is_emptied_at_open),
        DIR_TEST(directory_of_another_process_is_refused_with_its_pid),
        DIR_TEST(file_is_stored_read_and_removed),
        DIR_TEST(finished_folders_replace_orphans_of_the_same_name),
        DIR_TEST(unfinished_folder_in_tmp_is_removed_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
