/* Rows of evaluations: queued, claimed in order, ended, given back, recovered; and those of jobs.
 */
#include "daemon/store/evaluations.h"
#include "daemon/store/query.h"
#include "store_fixture.h"

static struct evaluation_row
insert(struct fixture *f, const char *compare_to)
{
    struct evaluation_row row = {.model = "m", .file = "file-a", .compare_to = compare_to};
    fixture_ok(f, evaluations_insert(f->db, &row, f->arena, &f->err));
    return row;
}

static struct evaluation_row
get(struct fixture *f, const char *id)
{
    struct evaluation_row row = {0};
    fixture_ok(f, evaluations_get(f->db, id, f->arena, &row, &f->err));
    return row;
}

static struct evaluation_row
claim(struct fixture *f)
{
    struct evaluation_row row = {0};
    assert_int_equal(evaluations_claim(f->db, f->arena, &row, &f->err), 1);
    return row;
}

static void
the_oldest_is_claimed_first_and_ends_with_its_document(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row none = {0};
    assert_int_equal(evaluations_claim(f->db, f->arena, &none, &f->err), 0);
    struct evaluation_row first = insert(f, "other"), second = insert(f, NULL);
    assert_true(ids_is_valid(ID_EVALUATION, first.id));
    struct evaluation_row claimed = claim(f);
    assert_string_equal(claimed.id, first.id);
    assert_string_equal(claimed.compare_to, "other");
    assert_int_equal(claimed.state, EVALUATION_STATE_RUNNING);
    assert_int_equal(claimed.attempt, 1);
    struct evaluation_end end = {.id = first.id, .attempt = 1, .document_json = "{\"rows\":1}"};
    fixture_ok(f, evaluations_finish(f->db, &end, &f->err));
    struct evaluation_row ended = get(f, first.id);
    assert_int_equal(ended.state, EVALUATION_STATE_SUCCEEDED);
    assert_string_equal(ended.document_json, "{\"rows\":1}");
    assert_true(ended.finished_at >= ended.started_at);
    assert_int_equal(evaluations_finish(f->db, &end, &f->err), ERR_CONFLICT);
    assert_string_equal(claim(f).id, second.id);
}

static void
failure_keeps_its_reason(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row row = insert(f, NULL);
    claim(f);
    const struct evaluation_end end = {.id = row.id,
                                       .attempt = 1,
                                       .error_code = "invalid_file",
                                       .error_message = "line 3",
                                       .error_param = "file"};
    fixture_ok(f, evaluations_finish(f->db, &end, &f->err));
    row = get(f, row.id);
    assert_int_equal(row.state, EVALUATION_STATE_FAILED);
    assert_string_equal(row.error_message, "line 3");
    assert_null(row.document_json);
}

static void
what_a_crash_left_running_waits_again_and_fails_the_third_time(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row row = insert(f, NULL);
    for (int attempt = 1; attempt < EVALUATIONS_MAX_ATTEMPTS; attempt++) {
        assert_int_equal(claim(f).attempt, attempt);
        fixture_ok(f, evaluations_recover(f->db, &f->err));
        assert_int_equal(get(f, row.id).state, EVALUATION_STATE_QUEUED);
    }
    claim(f);
    fixture_ok(f, evaluations_recover(f->db, &f->err));
    row = get(f, row.id);
    assert_int_equal(row.state, EVALUATION_STATE_FAILED);
    assert_string_equal(row.error_code, "crashed");
}

static void
a_stop_is_no_attempt(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row row = insert(f, NULL);
    claim(f);
    fixture_ok(f, evaluations_give_back(f->db, row.id, 1, &f->err));
    row = get(f, row.id);
    assert_int_equal(row.state, EVALUATION_STATE_QUEUED);
    assert_int_equal(row.attempt, 0);
    assert_int_equal(row.started_at, 0);
}

static void
result_of_a_deleted_one_is_not_wanted(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row row = insert(f, NULL);
    claim(f);
    fixture_ok(f, evaluations_delete(f->db, row.id, &f->err));
    const struct evaluation_end end = {.id = row.id, .attempt = 1, .document_json = "{}"};
    assert_int_equal(evaluations_finish(f->db, &end, &f->err), ERR_CONFLICT);
    assert_int_equal(evaluations_get(f->db, row.id, f->arena, &row, &f->err), ERR_NOT_FOUND);
    assert_int_equal(evaluations_delete(f->db, "eval-x", &f->err), ERR_NOT_FOUND);
}

static void
lists_leave_the_long_members_out(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row_list page;
    struct evaluation_row row = insert(f, NULL);
    insert(f, NULL);
    claim(f);
    const struct evaluation_end end = {
        .id = row.id,
        .attempt = 1,
        .document_json = "{\"rows\":1,\"measures\":{\"accuracy\":1},\"errors\":[{\"line\":1}]}"};
    fixture_ok(f, evaluations_finish(f->db, &end, &f->err));
    const struct list_query query = {.limit = 1};
    fixture_ok(f, evaluations_page(f->db, &query, f->arena, &page, &f->err));
    assert_int_equal(page.count, 1);
    assert_true(page.has_more);
    const struct list_query rest = {.limit = 5, .after = page.items[0].id};
    fixture_ok(f, evaluations_page(f->db, &rest, f->arena, &page, &f->err));
    assert_int_equal(page.count, 1);
    assert_string_equal(page.items[0].document_json, "{\"rows\":1,\"measures\":{\"accuracy\":1}}");
    const struct list_query wrong = {.limit = 5, .after = "eval-x"};
    assert_int_equal(evaluations_page(f->db, &wrong, f->arena, &page, &f->err), ERR_NOT_FOUND);
}

static void
so_many_may_wait(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < EVALUATIONS_MAX_WAITING; i++)
        insert(f, NULL);
    struct evaluation_row row = {.model = "m", .file = "file-a"};
    assert_int_equal(evaluations_insert(f->db, &row, f->arena, &f->err), ERR_CONFLICT);
}

static void
documents_of_a_job_come_and_go_with_it(void **state)
{
    struct fixture *f = *state;
    const struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    const struct job_row row = fixture_get_job(f, fixture_insert_job(f, &job));
    const char *text = NULL;
    fixture_ok(f,
               job_evaluations_get(f->db, row.seq, JOB_EVALUATION_TEST, f->arena, &text, &f->err));
    assert_null(text);
    fixture_ok(f, job_evaluations_insert(f->db, row.seq, JOB_EVALUATION_TEST, "{}", &f->err));
    fixture_ok(f,
               job_evaluations_get(f->db, row.seq, JOB_EVALUATION_TEST, f->arena, &text, &f->err));
    assert_string_equal(text, "{}");
    assert_int_equal(sqlite3_exec(f->db->connection, "DELETE FROM jobs", NULL, NULL, NULL),
                     SQLITE_OK);
    fixture_ok(f,
               job_evaluations_get(f->db, row.seq, JOB_EVALUATION_TEST, f->arena, &text, &f->err));
    assert_null(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_oldest_is_claimed_first_and_ends_with_its_document),
        STORE_TEST(failure_keeps_its_reason),
        STORE_TEST(what_a_crash_left_running_waits_again_and_fails_the_third_time),
        STORE_TEST(a_stop_is_no_attempt),
        STORE_TEST(result_of_a_deleted_one_is_not_wanted),
        STORE_TEST(lists_leave_the_long_members_out),
        STORE_TEST(so_many_may_wait),
        STORE_TEST(documents_of_a_job_come_and_go_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
