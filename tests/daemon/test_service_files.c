/*
 * Files through the seam: uploads, checks, lists, deletion.
 */
#include "tests/daemon/service_fixture.h"

#include <dirent.h>
#include <unistd.h>

static size_t
count_entries(const char *folder)
{
    size_t count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

/* Nothing half-done: tmp/ is empty and files/ holds this many. */
static void
expect_stored(struct service_fixture *f, size_t files)
{
    assert_int_equal(count_entries(arena_printf(f->arena, "%s/tmp", f->data_dir)), 0);
    assert_int_equal(count_entries(arena_printf(f->arena, "%s/files", f->data_dir)), files);
}

static int
finish(struct service_fixture *f, const char *text, const char *name, const char *purpose,
       struct file_info *out)
{
    struct upload *upload;
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    fixture_ok(f, service_upload_write(upload, text, strlen(text), &f->faults));
    return service_upload_finish_take(upload, name, purpose, f->arena, out, &f->faults);
}

static void
uploaded_bytes_come_back(void **state)
{
    struct service_fixture *f = *state;
    const char *text = fixture_rows(f, 4);
    struct file_info file = fixture_upload(f, "train.jsonl", text);
    assert_int_equal(file.bytes, strlen(text));
    assert_int_equal(file.status, FILE_PROCESSED);
    assert_null(file.status_details);
    assert_string_equal(file.purpose, "fine-tune");
    expect_stored(f, 1);
    int fd = -1;
    struct file_info info = {0};
    fixture_ok(f, service_file_open(f->service, file.id, f->arena, &info, &fd, &f->faults));
    assert_string_equal(info.filename, "train.jsonl");
    char *bytes = arena_alloc(f->arena, strlen(text) + 1);
    assert_int_equal(read(fd, bytes, strlen(text) + 1), strlen(text));
    assert_string_equal(bytes, text);
    close(fd);
}

static void
faulty_file_is_stored_with_its_first_fault(void **state)
{
    struct service_fixture *f = *state;
    static const struct {
        const char *name, *text, *piece;
    } cases[] = {
        {"a.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\nnonsense\n", "line 2"},
        {"b.jsonl", "\n\n", "no rows"},
        {"c.csv", "text,label\n", "no rows"},
        {"d.csv", "text,label\na,x\nb,y,z\n", "line 3"},
        {"e.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\"}\n", "line 2"},
        {"f.jsonl", "{\"messages\": \"a\"}\n", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file_info file = fixture_upload(f, cases[i].name, cases[i].text);
        assert_int_equal(file.status, FILE_ERROR);
        if (strstr(file.status_details, cases[i].piece) == NULL)
            fail_msg("%s: %s", cases[i].name, file.status_details);
    }
    expect_stored(f, sizeof cases / sizeof cases[0]);
}

/* Whether its columns are right is judged when a job says which ones it means. */
static void
unusual_columns_are_no_fault_yet(void **state)
{
    struct service_fixture *f = *state;
    assert_int_equal(fixture_upload(f, "a.csv", "utterance,intent\na,x\nb,y\n").status,
                     FILE_PROCESSED);
    assert_int_equal(fixture_upload(f, "b.jsonl", "{\"q\": \"a\", \"c\": 1}\n").status,
                     FILE_PROCESSED);
}

static void
file_of_another_purpose_is_not_judged(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = {0};
    fixture_ok(f, finish(f, "anything \xff", "notes.bin", "user_data", &file));
    assert_int_equal(file.status, FILE_PROCESSED);
}

static void
bad_forms_are_refused_and_leave_nothing(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file;
    const char *rows = fixture_rows(f, 2);
    char *long_name = arena_alloc(f->arena, 257);
    memset(long_name, 'a', 256);
    fixture_refused(f, finish(f, "", "a.jsonl", "fine-tune", &file), FAULT_INVALID_PARAMETER,
                    "file");
    fixture_refused(f, finish(f, rows, "a.jsonl", NULL, &file), FAULT_MISSING_PARAMETER, "purpose");
    fixture_refused(f, finish(f, rows, "a.jsonl", "fine", &file), FAULT_INVALID_PARAMETER,
                    "purpose");
    fixture_refused(f, finish(f, rows, "", "fine-tune", &file), FAULT_INVALID_PARAMETER, "file");
    fixture_refused(f, finish(f, rows, NULL, "fine-tune", &file), FAULT_INVALID_PARAMETER, "file");
    fixture_refused(f, finish(f, rows, long_name, "fine-tune", &file), FAULT_INVALID_PARAMETER,
                    "file");
    fixture_refused(f, finish(f, rows, "caf\xe9.csv", "fine-tune", &file), FAULT_INVALID_PARAMETER,
                    "file");
    assert_int_equal(finish(f, "", "", "", &file), -1);
    assert_int_equal(f->faults.count, 3);
    expect_stored(f, 0);
}

static void
upload_over_the_limit_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct upload *upload;
    static const char chunk[1 << 16];
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    for (size_t i = 0; i < (1 << 20) / sizeof chunk; i++)
        fixture_ok(f, service_upload_write(upload, chunk, sizeof chunk, &f->faults));
    fixture_refused(f, service_upload_write(upload, chunk, 1, &f->faults), FAULT_BODY_TOO_LARGE,
                    "file");
    service_upload_abort(upload);
    service_upload_abort(NULL);
    expect_stored(f, 0);
}

static void
files_are_listed_by_purpose_and_cursor(void **state)
{
    struct service_fixture *f = *state;
    struct file_info files[3];
    for (size_t i = 0; i < 3; i++)
        fixture_ok(f, finish(f, "{\"text\": \"a\", \"label\": \"b\"}\n", "a.jsonl",
                             i == 1 ? "evals" : "fine-tune", &files[i]));
    struct file_list list = {0};
    struct page page = {.limit = 1};
    fixture_ok(f, service_files_list(f->service, &page, "fine-tune", f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.total, 2);
    assert_true(list.has_more);
    assert_string_equal(list.items[0].id, files[2].id);
    page = (struct page){.after = files[0].id, .limit = 10, .ascending = true};
    fixture_ok(f, service_files_list(f->service, &page, NULL, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].id, files[1].id);
    page.after = "file-nothing";
    fixture_refused(f, service_files_list(f->service, &page, NULL, f->arena, &list, &f->faults),
                    FAULT_INVALID_CURSOR, "after");
}

static void
deleted_file_is_gone(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 4));
    int fd;
    fixture_ok(f, service_file_delete(f->service, file.id, &f->faults));
    expect_stored(f, 0);
    fixture_refused(f, service_file_get(f->service, file.id, f->arena, &file, &f->faults),
                    FAULT_FILE_NOT_FOUND, "id");
    fixture_refused(f, service_file_open(f->service, "../lock", f->arena, &file, &fd, &f->faults),
                    FAULT_FILE_NOT_FOUND, "id");
    fixture_refused(f, service_file_delete(f->service, "file-x", &f->faults), FAULT_FILE_NOT_FOUND,
                    "id");
}

static void
file_of_an_unfinished_job_stays(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, "");
    struct fault fault = fixture_refused(
        f, service_file_delete(f->service, job.training_file, &f->faults), FAULT_IN_USE, "id");
    assert_non_null(strstr(fault.message, job.id));
    expect_stored(f, 1);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    fixture_ok(f, service_file_delete(f->service, job.training_file, &f->faults));
    expect_stored(f, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(uploaded_bytes_come_back),
        IDLE_TEST(faulty_file_is_stored_with_its_first_fault),
        IDLE_TEST(unusual_columns_are_no_fault_yet),
        IDLE_TEST(file_of_another_purpose_is_not_judged),
        IDLE_TEST(bad_forms_are_refused_and_leave_nothing),
        IDLE_TEST(upload_over_the_limit_is_refused),
        IDLE_TEST(files_are_listed_by_purpose_and_cursor),
        IDLE_TEST(deleted_file_is_gone),
        IDLE_TEST(file_of_an_unfinished_job_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
