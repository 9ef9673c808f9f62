/* Rows of evaluations: queued, claimed in order, ended, given back, recovered; and those of jobs.
 */
#include "daemon/store/evaluations.h"
#include "daemon/store/checkpoints.h"
#include "daemon/store/files.h"
#include "daemon/store/jobs_life.h"
#include "daemon/store/models.h"
#include "daemon/store/query.h"
#include "store_fixture.h"

static struct evaluation_row
insert(struct fixture *f, const char *compare_to)
{
    struct evaluation_row row = {
        .model = "m", .file = fixture_add_file(f, "fine-tune"), .compare_to = compare_to};
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
    struct evaluation_row row = {.model = "m", .file = fixture_add_file(f, "fine-tune")};
    assert_int_equal(evaluations_insert(f->db, &row, f->arena, &f->err), ERR_CONFLICT);
}

static void
what_is_not_there_cannot_be_measured(void **state)
{
    struct fixture *f = *state;
    const char *file = fixture_add_file(f, "fine-tune");
    const struct evaluation_row rows[] = {
        {.model = "m", .file = "file-a"},
        {.model = "ft:base:local::AAAAAAAA", .file = file},
        {.model = "m", .file = file, .compare_to = "ft:base:local::AAAAAAAA"},
    };
    static const char *const named[] = {"file-a", "ft:base", "ft:base"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct evaluation_row row = rows[i];
        assert_int_equal(evaluations_insert(f->db, &row, f->arena, &f->err), ERR_NOT_FOUND);
        assert_non_null(strstr(f->err.message, named[i]));
    }
    const struct list_query all = {.limit = 5};
    struct evaluation_row_list page;
    fixture_ok(f, evaluations_page(f->db, &all, f->arena, &page, &f->err));
    assert_int_equal(page.count, 0);
}

/* ---- what they need -------------------------------------------------------------------------- */

static const char model_id[] = "ft:base:local::AAAAAAAA";
static const char checkpoint_model[] = "ft:base:local::BBBBBBBB:ckpt-step-5";

/* A model, and a checkpoint of a job that has ended. Returns the job; *checkpoint is the row's id.
 */
static struct job_row
add_models(struct fixture *f, const char **checkpoint)
{
    struct model_row model = {.id = model_id,
                              .job_id = "ftjob-AAAAAAAAAAAAAAAAAAAAAAAA",
                              .base = "base",
                              .root = "base",
                              .task = "classification",
                              .files_json = "[]"};
    struct checkpoint_row row = {.model = checkpoint_model, .step = 5, .files_json = "[]"};
    struct job_row job = fixture_start_job(f);
    fixture_ok(f, models_insert(f->db, &model, &f->err));
    fixture_ok(f, checkpoints_insert(f->db, job.seq, &row, f->arena, &f->err));
    assert_int_equal(sqlite3_exec(f->db->connection,
                                  "UPDATE jobs SET status = 'succeeded', finished_at = 1", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    *checkpoint = row.id;
    return job;
}

static void
assert_needed(struct fixture *f, int code, const char *what, const char *evaluation)
{
    assert_int_equal(code, ERR_CONFLICT);
    assert_string_equal(f->err.message,
                        arena_printf(f->arena,
                                     "%s is needed by evaluation %s, which has not ended: delete "
                                     "the evaluation or wait for its end",
                                     what, evaluation));
}

static void
file_and_models_stay_until_it_has_ended(void **state)
{
    struct fixture *f = *state;
    const char *checkpoint = NULL;
    bool in_use = false;
    struct job_row job = add_models(f, &checkpoint);
    struct evaluation_row row = {.model = model_id,
                                 .file = fixture_add_file(f, "fine-tune"),
                                 .compare_to = checkpoint_model};
    fixture_ok(f, evaluations_insert(f->db, &row, f->arena, &f->err));
    for (int round = 0; round < 2; round++) { /* queued, then running */
        assert_needed(f, files_delete(f->db, row.file, &f->err),
                      arena_printf(f->arena, "file '%s'", row.file), row.id);
        assert_needed(f, models_delete(f->db, model_id, &f->err),
                      arena_printf(f->arena, "model '%s'", model_id), row.id);
        assert_needed(f, checkpoints_delete(f->db, checkpoint, &f->err),
                      arena_printf(f->arena, "model '%s'", checkpoint_model), row.id);
        assert_needed(f, jobs_delete(f->db, job.id, &in_use, &f->err),
                      arena_printf(f->arena, "a checkpoint of job %s", job.id), row.id);
        assert_true(in_use);
        if (round == 0)
            assert_string_equal(claim(f).id, row.id);
    }
    const struct evaluation_end end = {.id = row.id, .attempt = 1, .document_json = "{}"};
    fixture_ok(f, evaluations_finish(f->db, &end, &f->err));
    fixture_ok(f, files_delete(f->db, row.file, &f->err));
    fixture_ok(f, models_delete(f->db, model_id, &f->err));
    fixture_ok(f, checkpoints_delete(f->db, checkpoint, &f->err));
    fixture_ok(f, jobs_delete(f->db, job.id, &in_use, &f->err));
}

static void
a_file_whose_time_is_over_waits_for_it(void **state)
{
    struct fixture *f = *state;
    const char *id = NULL;
    struct evaluation_row row = insert(f, NULL);
    assert_int_equal(
        sqlite3_exec(f->db->connection, "UPDATE files SET expires_at = 1", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(files_find_expired(f->db, f->arena, &id, &f->err), 0);
    fixture_ok(f, evaluations_delete(f->db, row.id, &f->err));
    assert_int_equal(files_find_expired(f->db, f->arena, &id, &f->err), 1);
    assert_string_equal(id, row.file);
}

/* A job that starts again drops checkpoints behind its state, but not one that is measured. */
static void
a_checkpoint_that_is_measured_outlives_the_start_of_its_job(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct checkpoint_row rows[2] = {
        {.model = checkpoint_model, .step = 5, .files_json = "[]"},
        {.model = "ft:base:local::BBBBBBBB:ckpt-step-6", .step = 6, .files_json = "[]"}};
    for (size_t i = 0; i < 2; i++)
        fixture_ok(f, checkpoints_insert(f->db, job.seq, &rows[i], f->arena, &f->err));
    struct evaluation_row row = {.model = checkpoint_model,
                                 .file = fixture_add_file(f, "fine-tune")};
    fixture_ok(f, evaluations_insert(f->db, &row, f->arena, &f->err));
    struct query query = query_begin(f->db, STATEMENT_CHECKPOINTS_DELETE_AFTER);
    query_bind_integer(&query, ":job", job.seq);
    query_bind_integer(&query, ":step", 0);
    fixture_ok(f, query_run(&query, &f->err));
    assert_int_equal(query_changes(f->db), 1);
    fixture_ok(f, checkpoints_delete(f->db, rows[0].id, &f->err) == ERR_CONFLICT ? 0 : -1);
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
        STORE_TEST(what_is_not_there_cannot_be_measured),
        STORE_TEST(file_and_models_stay_until_it_has_ended),
        STORE_TEST(a_file_whose_time_is_over_waits_for_it),
        STORE_TEST(a_checkpoint_that_is_measured_outlives_the_start_of_its_job),
        STORE_TEST(documents_of_a_job_come_and_go_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
