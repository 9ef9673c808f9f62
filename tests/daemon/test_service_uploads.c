/*
 * Uploads in parts through the seam, files that expire, and looks into files.
 */
#include "tests/daemon/service_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

static struct upload_info
begin(struct service_fixture *f, int64_t bytes)
{
    struct upload_info info = {0};
    struct upload_new upload = {.filename = "a.jsonl", .purpose = "fine-tune", .bytes = bytes};
    fixture_ok(f, service_uploads_create(f->service, &upload, f->arena, &info, &f->faults));
    return info;
}

static int
try_part(struct service_fixture *f, const char *id, const char *text, const char **part_id)
{
    struct upload *body = NULL;
    struct upload_part_info part = {0};
    fixture_ok(f, service_upload_begin(f->service, &body, &f->faults));
    fixture_ok(f, service_upload_write(body, text, strlen(text), &f->faults));
    int code = service_uploads_add_part_take(f->service, id, body, f->arena, &part, &f->faults);
    *part_id = part.id;
    return code;
}

static const char *
add_part(struct service_fixture *f, const char *id, const char *text)
{
    const char *part_id = NULL;
    fixture_ok(f, try_part(f, id, text, &part_id));
    return part_id;
}

static int
complete(struct service_fixture *f, const char *id, const char *const *parts, size_t count,
         const char *md5, struct upload_info *out)
{
    struct upload_completion completion = {parts, count, md5};
    return service_uploads_complete(f->service, id, &completion, f->arena, out, &f->faults);
}

static size_t
count_entries(struct service_fixture *f, const char *folder)
{
    size_t count = 0;
    DIR *listing = opendir(arena_printf(f->arena, "%s/%s", f->data_dir, folder));
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

static const char *
read_content(struct service_fixture *f, const char *id)
{
    struct file_info info;
    int fd = -1;
    fixture_ok(f, service_file_open(f->service, id, f->arena, &info, &fd, &f->faults));
    char *bytes = arena_alloc(f->arena, (size_t)info.bytes + 1);
    assert_int_equal(read(fd, bytes, (size_t)info.bytes), info.bytes);
    close(fd);
    return bytes;
}

/* The clock is not waited for: rows are made older. */
static void
run_sql(struct service_fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    const char *path = arena_printf(f->arena, "%s/finetuned.db", f->data_dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static const char row_one[] = "{\"text\": \"a\", \"label\": \"x\"}\n";
static const char row_two[] = "{\"text\": \"b\", \"label\": \"y\"}\n";

enum { BOTH_ROWS = sizeof row_one + sizeof row_two - 2 };

static void
parts_become_a_file_in_the_order_that_is_said(void **state)
{
    struct service_fixture *f = *state;
    struct upload_info info;
    struct upload_info upload = begin(f, BOTH_ROWS);
    const char *second = add_part(f, upload.id, row_two);
    const char *first = add_part(f, upload.id, row_one);
    const char *parts[] = {first, second};
    fixture_ok(f, complete(f, upload.id, parts, 2, NULL, &info));
    assert_int_equal(info.status, UPLOAD_COMPLETED);
    assert_true(info.has_file);
    assert_int_equal(info.file.status, FILE_PROCESSED);
    assert_string_equal(info.file.filename, "a.jsonl");
    assert_int_equal(info.file.bytes, BOTH_ROWS);
    assert_string_equal(read_content(f, info.file.id),
                        arena_printf(f->arena, "%s%s", row_one, row_two));
    assert_int_equal(count_entries(f, "uploads"), 0);
    assert_int_equal(count_entries(f, "tmp"), 0);
    assert_int_equal(count_entries(f, "files"), 1);
}

struct sender {
    struct service *service;
    const char *id;
    int code;
    enum fault_code refusal;
};

static void *
send_part(void *context)
{
    struct sender *sender = context;
    struct arena *arena = arena_new();
    struct fault_list faults = {.arena = arena};
    struct upload *body = NULL;
    struct upload_part_info part;
    sender->code = service_upload_begin(sender->service, &body, &faults);
    if (sender->code == 0)
        sender->code = service_upload_write(body, row_one, strlen(row_one), &faults);
    if (sender->code == 0)
        sender->code =
            service_uploads_add_part_take(sender->service, sender->id, body, arena, &part, &faults);
    if (sender->code != 0)
        sender->refusal = faults.items[0].code;
    arena_free(arena);
    return NULL;
}

/* Whichever of the two comes first, and wherever they meet. */
static void
cancelled_upload_leaves_nothing_however_its_parts_come(void **state)
{
    enum { ROUNDS = 40, SENDERS = 3 };
    struct service_fixture *f = *state;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct upload_info upload = begin(f, 1000);
        struct sender senders[SENDERS];
        pthread_t threads[SENDERS];
        for (size_t i = 0; i < SENDERS; i++) {
            senders[i] = (struct sender){.service = f->service, .id = upload.id};
            assert_int_equal(pthread_create(&threads[i], NULL, send_part, &senders[i]), 0);
        }
        pthread_join(threads[0], NULL); /* then the others are about to store theirs */
        fixture_ok(f, service_uploads_cancel(f->service, upload.id, f->arena, &upload, &f->faults));
        for (size_t i = 1; i < SENDERS; i++)
            pthread_join(threads[i], NULL);
        for (size_t i = 0; i < SENDERS; i++)
            assert_true(senders[i].code == 0 || senders[i].refusal == FAULT_CONFLICT);
        assert_int_equal(count_entries(f, "uploads"), 0);
    }
}

static void
parts_that_do_not_fit_are_refused_and_the_upload_stays(void **state)
{
    struct service_fixture *f = *state;
    struct upload_info info;
    struct upload_info upload = begin(f, BOTH_ROWS);
    struct upload_info other = begin(f, 10);
    const char *first = add_part(f, upload.id, row_one);
    const char *second = add_part(f, upload.id, row_two);
    const char *strange = add_part(f, other.id, "x");
    const char *both[] = {first, second};
    const char *twice[] = {first, first};
    const char *foreign[] = {first, strange};
    fixture_refused(f, complete(f, upload.id, both, 0, NULL, &info), FAULT_INVALID_PARAMETER,
                    "part_ids");
    fixture_refused(f, complete(f, upload.id, both, 1, NULL, &info), FAULT_INVALID_PARAMETER,
                    "part_ids");
    fixture_refused(f, complete(f, upload.id, twice, 2, NULL, &info), FAULT_INVALID_PARAMETER,
                    "part_ids");
    fixture_refused(f, complete(f, upload.id, foreign, 2, NULL, &info), FAULT_INVALID_PARAMETER,
                    "part_ids");
    fixture_refused(f, complete(f, upload.id, both, 2, "00000000000000000000000000000000", &info),
                    FAULT_INVALID_PARAMETER, "md5");
    assert_int_equal(count_entries(f, "tmp"), 0);
    assert_int_equal(count_entries(f, "files"), 0);
    fixture_ok(f, complete(f, upload.id, both, 2, NULL, &info));
}

static void
right_md5_is_accepted_in_either_case(void **state)
{
    struct service_fixture *f = *state;
    struct upload_info info;
    struct upload_info upload = begin(f, 3);
    const char *part = add_part(f, upload.id, "abc");
    fixture_ok(f, complete(f, upload.id, &part, 1, "900150983CD24FB0d6963f7d28e17f72", &info));
    assert_int_equal(info.file.status, FILE_ERROR); /* stored, and judged: no JSON */
}

static void
faulty_beginnings_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct upload_info info;
    static const struct {
        struct upload_new upload;
        enum fault_code code;
        const char *param;
    } cases[] = {
        {{"a", "fine-tune", NULL, 0, 0}, FAULT_INVALID_PARAMETER, "bytes"},
        {{"a", "fine-tune", NULL, (1 << 20) + 1, 0}, FAULT_BODY_TOO_LARGE, "bytes"},
        {{"a", "fine", NULL, 1, 0}, FAULT_INVALID_PARAMETER, "purpose"},
        {{"a", "fine-tune-results", NULL, 1, 0}, FAULT_INVALID_PARAMETER, "purpose"},
        {{"", "fine-tune", NULL, 1, 0}, FAULT_INVALID_PARAMETER, "file"},
        {{"a", "fine-tune", NULL, 1, 3599}, FAULT_INVALID_PARAMETER, "expires_after[seconds]"},
        {{"a", "fine-tune", NULL, 1, 2592001}, FAULT_INVALID_PARAMETER, "expires_after[seconds]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        fixture_refused(
            f, service_uploads_create(f->service, &cases[i].upload, f->arena, &info, &f->faults),
            cases[i].code, cases[i].param);
}

static void
ended_upload_takes_nothing_more(void **state)
{
    struct service_fixture *f = *state;
    struct upload_info info;
    const char *part = NULL;
    struct upload_info upload = begin(f, 3);
    const char *first = add_part(f, upload.id, "abc");
    fixture_ok(f, service_uploads_cancel(f->service, upload.id, f->arena, &info, &f->faults));
    assert_int_equal(info.status, UPLOAD_CANCELLED);
    assert_int_equal(count_entries(f, "uploads"), 0);
    fixture_refused(f, try_part(f, upload.id, "abc", &part), FAULT_CONFLICT, NULL);
    fixture_refused(f, complete(f, upload.id, &first, 1, NULL, &info), FAULT_CONFLICT, NULL);
    fixture_refused(f, service_uploads_cancel(f->service, upload.id, f->arena, &info, &f->faults),
                    FAULT_CONFLICT, NULL);
    fixture_refused(f, try_part(f, "upload_x", "abc", &part), FAULT_UPLOAD_NOT_FOUND, "id");
    fixture_refused(f, service_uploads_cancel(f->service, "../x", f->arena, &info, &f->faults),
                    FAULT_UPLOAD_NOT_FOUND, "id");
    assert_int_equal(count_entries(f, "tmp"), 0);
}

static void
part_that_is_empty_or_too_much_is_refused(void **state)
{
    struct service_fixture *f = *state;
    const char *part = NULL;
    struct upload_info upload = begin(f, 3);
    fixture_refused(f, try_part(f, upload.id, "", &part), FAULT_INVALID_PARAMETER, "data");
    fixture_refused(f, try_part(f, upload.id, "abcd", &part), FAULT_INVALID_PARAMETER, "data");
    assert_int_equal(count_entries(f, "tmp"), 0);
}

static void
expired_upload_says_so(void **state)
{
    struct service_fixture *f = *state;
    const char *part = NULL;
    struct upload_info upload = begin(f, 3);
    add_part(f, upload.id, "abc");
    run_sql(f, "UPDATE uploads SET expires_at = unixepoch() - 1");
    struct fault fault =
        fixture_refused(f, try_part(f, upload.id, "abc", &part), FAULT_CONFLICT, NULL);
    assert_non_null(strstr(fault.message, "expired"));
    assert_int_equal(count_entries(f, "uploads"), 0);
}

static void
parts_outlive_a_restart(void **state)
{
    struct service_fixture *f = *state;
    struct upload_info info;
    struct upload_info upload = begin(f, 3);
    const char *part = add_part(f, upload.id, "abc");
    fixture_close(f);
    fixture_open(f);
    fixture_ok(f, complete(f, upload.id, &part, 1, NULL, &info));
    assert_string_equal(read_content(f, info.file.id), "abc");
}

/* ---- files that expire ---------------------------------------------------------------------- */

static struct file_info
upload_with_end(struct service_fixture *f, int64_t seconds)
{
    struct upload *upload = NULL;
    struct file_info info = {0};
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    fixture_ok(f, service_upload_write(upload, row_one, strlen(row_one), &f->faults));
    service_upload_set_expiry(upload, seconds);
    fixture_ok(
        f, service_upload_finish_take(upload, "a.jsonl", "fine-tune", f->arena, &info, &f->faults));
    return info;
}

static void
expired_file_is_gone_for_everybody(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file;
    struct file_list list;
    struct page page = {.limit = 10};
    struct file_info mortal = upload_with_end(f, 3600);
    struct file_info eternal = upload_with_end(f, 0);
    assert_int_equal(mortal.expires_at, mortal.created_at + 3600);
    assert_int_equal(eternal.expires_at, 0);
    fixture_ok(f, service_file_get(f->service, mortal.id, f->arena, &file, &f->faults));
    run_sql(f, "UPDATE files SET expires_at = unixepoch() - 1 WHERE expires_at > 0");
    fixture_ok(f, service_files_list(f->service, &page, NULL, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, eternal.id);
    fixture_refused(f, service_file_get(f->service, mortal.id, f->arena, &file, &f->faults),
                    FAULT_FILE_NOT_FOUND, "id");
    assert_int_equal(count_entries(f, "files"), 1);
}

static void
file_of_a_waiting_job_outlives_its_end(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file;
    struct job_info job = fixture_create(f, 40, "");
    run_sql(f, "UPDATE files SET expires_at = 1000");
    fixture_ok(f, service_file_get(f->service, job.training_file, f->arena, &file, &f->faults));
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    fixture_refused(f, service_file_get(f->service, job.training_file, f->arena, &file, &f->faults),
                    FAULT_FILE_NOT_FOUND, "id");
}

static void
job_on_an_expired_file_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job;
    struct file_info file = upload_with_end(f, 3600);
    run_sql(f, "UPDATE files SET expires_at = 1000");
    const char *body =
        arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\"}", file.id);
    fixture_refused(f, fixture_try_create(f, body, &job), FAULT_FILE_NOT_FOUND, "training_file");
}

/* ---- looks into files ----------------------------------------------------------------------- */

static void
report_tells_rows_labels_and_tokens(void **state)
{
    struct service_fixture *f = *state;
    struct file_report report;
    struct report_query query = {.model = "tiny", .max_seq_length = 5};
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 40));
    fixture_ok(f, service_file_report(f->service, file.id, &query, f->arena, &report, &f->faults));
    assert_string_equal(report.file, file.id);
    assert_string_equal(report.format, "jsonl");
    assert_string_equal(report.task, "classification");
    assert_int_equal(report.rows, 40);
    assert_int_equal(report.label_count, 2);
    assert_string_equal(report.labels[0].label, "negative");
    assert_int_equal(report.labels[0].rows, 20);
    assert_true(report.has_tokens);
    assert_string_equal(report.tokens.model, "tiny");
    assert_int_equal(report.tokens.max_seq_length, 5);
    assert_int_equal(report.tokens.lengths.max, 7);
    assert_int_equal(report.tokens.rows_over_length, 40);
    query = (struct report_query){0};
    fixture_ok(f, service_file_report(f->service, file.id, &query, f->arena, &report, &f->faults));
    assert_false(report.has_tokens);
}

static void
report_tells_numbers_and_tags(void **state)
{
    struct service_fixture *f = *state;
    struct file_report report;
    struct report_query query = {0};
    struct file_info file = fixture_upload(f, "a.conll", "EU B-ORG\nsays O\n\nno I-PER\n");
    fixture_ok(f, service_file_report(f->service, file.id, &query, f->arena, &report, &f->faults));
    assert_string_equal(report.task, "token_classification");
    assert_int_equal(report.label_count, 3);
    assert_true(report.has_tags);
    assert_string_equal(report.tags.scheme, "BIO");
    assert_int_equal(report.tags.words, 3);
    assert_int_equal(report.tags.entities, 2);
    assert_string_equal(report.tags.types[1].type, "PER");
    assert_int_equal(report.tags.misplaced, 1);
    file = fixture_upload(f, "a.csv", "text,label\na,1\nb,2.5\n");
    fixture_ok(f, service_file_report(f->service, file.id, &query, f->arena, &report, &f->faults));
    assert_string_equal(report.task, "regression");
    assert_false(report.has_tags);
    assert_int_equal(report.number_count, 1);
    assert_true(report.numbers[0].mean > 1.74 && report.numbers[0].mean < 1.76);
}

static void
report_of_a_faulty_file_names_its_lines(void **state)
{
    struct service_fixture *f = *state;
    struct file_report report;
    struct report_query query = {0};
    struct file_info file =
        fixture_upload(f, "a.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\nnonsense\n");
    fixture_ok(f, service_file_report(f->service, file.id, &query, f->arena, &report, &f->faults));
    assert_int_equal(report.rows, 1);
    assert_int_equal(report.fault_count, 1);
    assert_int_equal(report.faults[0].line, 2);
    assert_string_equal(report.faults[0].code, "invalid_json");
}

static void
report_of_what_is_not_there_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct file_report report;
    struct report_query query = {.model = "nowhere"};
    struct file_info file = fixture_upload(f, "a.jsonl", row_one);
    fixture_refused(
        f, service_file_report(f->service, "file-x", &query, f->arena, &report, &f->faults),
        FAULT_FILE_NOT_FOUND, "id");
    fixture_refused(f,
                    service_file_report(f->service, file.id, &query, f->arena, &report, &f->faults),
                    FAULT_MODEL_NOT_FOUND, "model");
}

static void
rows_are_shown_as_they_stand_in_the_file(void **state)
{
    struct service_fixture *f = *state;
    struct file_rows_info rows;
    struct file_info file =
        fixture_upload(f, "a.jsonl", arena_printf(f->arena, "%snonsense\n%s", row_one, row_two));
    fixture_ok(f, service_file_rows(f->service, file.id, 1, 2, f->arena, &rows, &f->faults));
    assert_int_equal(rows.total, 3);
    assert_int_equal(rows.count, 2);
    assert_false(rows.has_more);
    assert_null(rows.items[0].row_json);
    assert_string_equal(rows.items[0].fault.code, "invalid_json");
    assert_int_equal(rows.items[1].line, 3);
    assert_string_equal(rows.items[1].row_json, "{\"text\":\"b\",\"label\":\"y\"}");
    fixture_ok(f, service_file_rows(f->service, file.id, 0, 1, f->arena, &rows, &f->faults));
    assert_true(rows.has_more);
    fixture_ok(f, service_file_rows(f->service, file.id, 99, 1, f->arena, &rows, &f->faults));
    assert_int_equal(rows.count, 0);
}

/* ---- results of jobs ------------------------------------------------------------------------ */

static void
finished_job_leaves_its_measures_as_a_table(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file;
    struct job_info job = fixture_create(f, 40, ", \"n_epochs\": 2, \"batch_size\": 4");
    assert_null(job.result_file);
    job = fixture_wait_success(f, job.id);
    assert_non_null(job.result_file);
    fixture_ok(f, service_file_get(f->service, job.result_file, f->arena, &file, &f->faults));
    assert_string_equal(file.purpose, FILE_PURPOSE_RESULTS);
    assert_string_equal(file.filename, "step_metrics.csv");
    const char *text = read_content(f, job.result_file);
    static const char titles[] =
        "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy,";
    assert_int_equal(strncmp(text, titles, sizeof titles - 1), 0);
    int64_t lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, job.progress.total_steps + 1);
    const char *body = strchr(text, '\n') + 1;
    assert_int_equal(strspn(body, "0123456789.,e+-\n"), strlen(body)); /* numbers alone */
    assert_non_null(strstr(body, ",,"));                               /* where there is none */
    struct file_list list;
    struct page page = {.limit = 10};
    fixture_ok(f, service_files_list(f->service, &page, FILE_PURPOSE_RESULTS, f->arena, &list,
                                     &f->faults));
    assert_int_equal(list.count, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(parts_become_a_file_in_the_order_that_is_said),
        IDLE_TEST(cancelled_upload_leaves_nothing_however_its_parts_come),
        IDLE_TEST(parts_that_do_not_fit_are_refused_and_the_upload_stays),
        IDLE_TEST(right_md5_is_accepted_in_either_case),
        IDLE_TEST(faulty_beginnings_are_refused),
        IDLE_TEST(ended_upload_takes_nothing_more),
        IDLE_TEST(part_that_is_empty_or_too_much_is_refused),
        IDLE_TEST(expired_upload_says_so),
        IDLE_TEST(parts_outlive_a_restart),
        IDLE_TEST(expired_file_is_gone_for_everybody),
        IDLE_TEST(file_of_a_waiting_job_outlives_its_end),
        IDLE_TEST(job_on_an_expired_file_is_refused),
        IDLE_TEST(report_tells_rows_labels_and_tokens),
        IDLE_TEST(report_tells_numbers_and_tags),
        IDLE_TEST(report_of_a_faulty_file_names_its_lines),
        IDLE_TEST(report_of_what_is_not_there_is_refused),
        IDLE_TEST(rows_are_shown_as_they_stand_in_the_file),
        RUNNING_TEST(finished_job_leaves_its_measures_as_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
