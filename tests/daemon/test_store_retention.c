/* Retention removes what is old by its rule, and nothing that an unfinished job needs. */
#include "core/base/fileio.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/jobs_life.h"
#include "daemon/store/metrics.h"
#include "daemon/store/query.h"
#include "daemon/store/retention.h"
#include "daemon/work/keeper.h"
#include "store_fixture.h"

#include <unistd.h>

enum { DAY = 24 * 3600, NOW = 2000000000 };

static int64_t
ask(struct fixture *f, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(f->db->connection, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->db->connection));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void
tell(struct fixture *f, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(f->db->connection, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

/* A job with events, points and a resume state's row that ended so many days ago, or (< 0) runs. */
static struct job_row
add_job(struct fixture *f, int days, int points)
{
    static const struct measure measure = {"train_loss", 0.5};
    struct job_row job = fixture_start_job(f);
    for (int i = 1; i <= points; i++) {
        const struct point_row point = {.step = i, .measures = &measure, .measure_count = 1};
        fixture_ok(f, metrics_insert(f->db, job.seq, &point, 1, &f->err));
    }
    tell(f, arena_printf(f->arena,
                         "INSERT INTO resume_states (job_seq, step, pending, created_at)"
                         " VALUES (%lld, 5, 0, 1)",
                         (long long)job.seq));
    if (days >= 0)
        tell(f, arena_printf(f->arena,
                             "UPDATE jobs SET status = 'failed', finished_at = %lld - %lld"
                             " WHERE seq = %lld",
                             (long long)NOW, (long long)days * DAY, (long long)job.seq));
    return job;
}

static struct retention_report
retain(struct fixture *f, struct retention_rules rules)
{
    struct retention_report report;
    const struct retention retention = {
        .dir = f->store.dir, .db = f->db, .rules = rules, .now = NOW};
    fixture_ok(f, retention_run(&retention, &report, &f->err));
    return report;
}

static int64_t
count_of(struct fixture *f, const char *table, const struct job_row *job)
{
    return ask(f, arena_printf(f->arena, "SELECT count(*) FROM %s WHERE job_seq = %lld", table,
                               (long long)job->seq));
}

static void
nothing_is_removed_without_a_rule(void **state)
{
    struct fixture *f = *state;
    struct job_row job = add_job(f, 10000, 20);
    struct retention_report report = retain(f, (struct retention_rules){0});
    assert_int_equal(report.events + report.points + report.resume_states + report.jobs +
                         report.files + report.models + report.checkpoints + report.evaluations,
                     0);
    assert_int_equal(count_of(f, "metric_points", &job), 20);
}

static void
what_hangs_on_old_jobs_goes_by_its_own_rule(void **state)
{
    static const struct {
        const char *table;
        struct retention_rules rules;
    } cases[] = {
        {"events", {.events_days = 30}},
        {"metric_points", {.metrics_days = 30}},
        {"metric_buckets", {.metrics_days = 30}},
        {"resume_states", {.resume_days = 30}},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct job_row old = add_job(f, 30, 20);
        struct job_row young = add_job(f, 29, 20);
        struct job_row running = add_job(f, -1, 20);
        retain(f, cases[i].rules);
        assert_int_equal(count_of(f, cases[i].table, &old), 0);
        assert_int_not_equal(count_of(f, cases[i].table, &young), 0);
        assert_int_not_equal(count_of(f, cases[i].table, &running), 0);
        for (size_t other = 0; other < i && i != 2; other++)
            assert_int_not_equal(count_of(f, cases[other].table, &old), 0);
    }
}

static void
the_folder_of_old_resume_states_goes_with_its_rows(void **state)
{
    struct fixture *f = *state;
    struct job_row old = add_job(f, 30, 1), young = add_job(f, 29, 1);
    const char *gone = data_dir_resume_state_path(f->store.dir, old.id, "step-5", f->arena);
    const char *kept = data_dir_resume_state_path(f->store.dir, young.id, "step-5", f->arena);
    fixture_ok(f, fileio_make_folder(gone, &f->err));
    fixture_ok(f, fileio_make_folder(kept, &f->err));
    retain(f, (struct retention_rules){.resume_days = 30});
    assert_int_not_equal(access(gone, F_OK), 0);
    assert_int_equal(access(kept, F_OK), 0);
}

static int
refuse_commit(void *context)
{
    ++*(int *)context;
    return 1;
}

/* The last moment of a transaction that can fail. */
static void
resume_states_whose_rows_stay_keep_their_folder(void **state)
{
    struct fixture *f = *state;
    struct job_row old = add_job(f, 30, 1);
    struct retention_report report;
    int refused = 0;
    const struct retention retention = {
        .dir = f->store.dir, .db = f->db, .rules = {.resume_days = 30}, .now = NOW};
    const char *folder = data_dir_resume_state_path(f->store.dir, old.id, "step-5", f->arena);
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    sqlite3_commit_hook(f->db->connection, refuse_commit, &refused);
    assert_true(retention_run(&retention, &report, &f->err) < 0);
    sqlite3_commit_hook(f->db->connection, NULL, NULL);
    assert_int_equal(refused, 1);
    assert_int_equal(count_of(f, "resume_states", &old), 1);
    assert_int_equal(access(folder, F_OK), 0);
    retain(f, retention.rules);
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void
more_than_a_batch_goes_too(void **state)
{
    struct fixture *f = *state;
    struct job_row job = add_job(f, 5, 1);
    tell(f, arena_printf(f->arena,
                         "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <"
                         " %d) INSERT INTO metric_points SELECT %lld, i, 0, 0, '{}' FROM n",
                         2 * RETENTION_BATCH, (long long)job.seq));
    struct retention_report report = retain(f, (struct retention_rules){.metrics_days = 1});
    assert_int_equal(report.points, 2 * RETENTION_BATCH);
    assert_int_equal(count_of(f, "metric_points", &job), 0);
}

/* Asked between two batches: the job is sent into the queue again as soon as something of it is
 * gone. */
static bool
retry_when_it_has_begun(void *context)
{
    struct fixture *f = context;
    tell(f, "UPDATE jobs SET status = 'queued', finished_at = NULL WHERE"
            " (SELECT count(*) FROM metric_points) = 0 OR"
            " (SELECT count(*) FROM metric_buckets) = 0");
    return false;
}

static void
points_never_stay_without_their_buckets(void **state)
{
    struct fixture *f = *state;
    struct job_row job = add_job(f, 5, 20);
    struct retention_report report;
    const struct retention retention = {.dir = f->store.dir,
                                        .db = f->db,
                                        .rules = {.metrics_days = 1},
                                        .now = NOW,
                                        .is_stopping = retry_when_it_has_begun,
                                        .context = f};
    fixture_ok(f, retention_run(&retention, &report, &f->err));
    assert_int_equal(report.points, 20);
    assert_int_equal(count_of(f, "metric_points", &job), 0);
    assert_int_not_equal(count_of(f, "metric_buckets", &job), 0);
    tell(f, "UPDATE jobs SET status = 'failed', finished_at = 1");
    retain(f, retention.rules);
    assert_int_equal(count_of(f, "metric_buckets", &job), 0);
}

static void
old_jobs_go_whole_and_others_stay(void **state)
{
    struct fixture *f = *state;
    struct job_row old = add_job(f, 8, 10);
    struct job_row young = add_job(f, 6, 10);
    struct job_row running = add_job(f, -1, 10);
    const char *folder = data_dir_job_path(f->store.dir, old.id, f->arena);
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    struct retention_report report = retain(f, (struct retention_rules){.jobs_days = 7});
    assert_int_equal(report.jobs, 1);
    struct job_row row;
    assert_int_equal(jobs_get(f->db, old.id, f->arena, &row, &f->err), ERR_NOT_FOUND);
    fixture_get_job(f, young.id);
    fixture_get_job(f, running.id);
    assert_int_equal(count_of(f, "metric_points", &old), 0);
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void
a_job_that_was_sent_again_keeps_everything(void **state)
{
    struct fixture *f = *state;
    struct job_row job = add_job(f, 100, 10);
    fixture_ok(f, jobs_retry(f->db, job.id, 1u << JOB_STATE_FAILED, &f->err));
    const struct retention_rules all = {1, 1, 1, 1, 1, 1, 1, 1};
    retain(f, all);
    assert_int_equal(count_of(f, "metric_points", &job), 10);
    assert_int_equal(count_of(f, "resume_states", &job), 1);
    struct file_row file;
    fixture_ok(f, files_get(f->db, job.training_file, f->arena, &file, &f->err));
}

static void
files_that_unfinished_jobs_need_stay(void **state)
{
    struct fixture *f = *state;
    struct job_row running = add_job(f, -1, 1);
    struct job_row ended = add_job(f, 1, 1);
    const char *unused = fixture_add_file(f, "fine-tune");
    tell(f, arena_printf(f->arena, "UPDATE files SET created_at = %lld", (long long)NOW - 3 * DAY));
    const char *young = fixture_add_file(f, "fine-tune");
    tell(f, arena_printf(f->arena, "UPDATE files SET created_at = %lld WHERE id = '%s'",
                         (long long)NOW, young));
    struct retention_report report = retain(f, (struct retention_rules){.files_days = 3});
    struct file_row file;
    assert_int_equal(report.files, 2);
    fixture_ok(f, files_get(f->db, running.training_file, f->arena, &file, &f->err));
    fixture_ok(f, files_get(f->db, young, f->arena, &file, &f->err));
    assert_int_equal(files_get(f->db, unused, f->arena, &file, &f->err), ERR_NOT_FOUND);
    assert_int_equal(files_get(f->db, ended.training_file, f->arena, &file, &f->err),
                     ERR_NOT_FOUND);
}

static void
add_model(struct fixture *f, const char *id, const char *job_id)
{
    struct model_row model = {.id = id,
                              .job_id = job_id,
                              .base = "base",
                              .root = "base",
                              .task = "classification",
                              .files_json = "[]"};
    fixture_ok(f, models_insert(f->db, &model, &f->err));
    fixture_ok(f, fileio_make_folder(data_dir_model_path(f->store.dir, job_id, f->arena), &f->err));
}

static void
note_folder(void *context, const char *folder)
{
    *(const char **)context = folder;
}

static void
models_that_unfinished_jobs_start_from_stay(void **state)
{
    struct fixture *f = *state;
    static const char free_job[] = "ftjob-AAAAAAAAAAAAAAAAAAAAAAAA";
    char *forgotten = NULL;
    add_model(f, "ft:base:local::AAAAAAAA", free_job);
    add_model(f, "ft:base:local::BBBBBBBB", "ftjob-BBBBBBBBBBBBBBBBBBBBBBBB");
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.model = "ft:base:local::BBBBBBBB";
    fixture_insert_job(f, &job);
    tell(f, arena_printf(f->arena, "UPDATE models SET created_at = %lld", (long long)NOW - DAY));
    struct retention_report report;
    const struct retention retention = {.dir = f->store.dir,
                                        .db = f->db,
                                        .rules = {.models_days = 1},
                                        .now = NOW,
                                        .forget_model = note_folder,
                                        .context = &forgotten};
    fixture_ok(f, retention_run(&retention, &report, &f->err));
    assert_int_equal(report.models, 1);
    assert_non_null(forgotten);
    struct model_row model;
    fixture_ok(f, models_get(f->db, "ft:base:local::BBBBBBBB", f->arena, &model, &f->err));
    const char *gone = data_dir_model_path(f->store.dir, free_job, f->arena);
    assert_int_not_equal(access(gone, F_OK), 0);
}

/* ---- evaluations ----------------------------------------------------------------------------- */

/* One that ended so many days ago, or (< 0) waits. */
static struct evaluation_row
add_evaluation(struct fixture *f, int days, const char *status)
{
    struct evaluation_row row = {.model = "base", .file = fixture_add_file(f, "fine-tune")};
    fixture_ok(f, evaluations_insert(f->db, &row, f->arena, &f->err));
    if (days >= 0)
        tell(f, arena_printf(f->arena,
                             "UPDATE evaluations SET status = '%s', finished_at = %lld WHERE seq ="
                             " %lld",
                             status, (long long)NOW - (long long)days * DAY, (long long)row.seq));
    return row;
}

static void
evaluations_go_so_long_after_their_end(void **state)
{
    struct fixture *f = *state;
    struct evaluation_row waiting = add_evaluation(f, -1, NULL);
    struct evaluation_row old = add_evaluation(f, 5, "succeeded");
    struct evaluation_row young = add_evaluation(f, 4, "succeeded");
    struct evaluation_row failed = add_evaluation(f, 6, "failed"), found;
    assert_int_equal(retain(f, (struct retention_rules){.jobs_days = 1}).evaluations, 0);
    assert_int_equal(retain(f, (struct retention_rules){.evaluations_days = 5}).evaluations, 2);
    fixture_ok(f, evaluations_get(f->db, waiting.id, f->arena, &found, &f->err));
    fixture_ok(f, evaluations_get(f->db, young.id, f->arena, &found, &f->err));
    assert_int_equal(evaluations_get(f->db, old.id, f->arena, &found, &f->err), ERR_NOT_FOUND);
    assert_int_equal(evaluations_get(f->db, failed.id, f->arena, &found, &f->err), ERR_NOT_FOUND);
    assert_int_equal(retain(f, (struct retention_rules){.evaluations_days = 5}).evaluations, 0);
}

static void
files_and_models_that_waiting_evaluations_need_stay(void **state)
{
    struct fixture *f = *state;
    struct file_row file;
    struct model_row model;
    add_model(f, "ft:base:local::AAAAAAAA", "ftjob-AAAAAAAAAAAAAAAAAAAAAAAA");
    add_model(f, "ft:base:local::BBBBBBBB", "ftjob-BBBBBBBBBBBBBBBBBBBBBBBB");
    struct evaluation_row row = {.model = "ft:base:local::AAAAAAAA",
                                 .file = fixture_add_file(f, "fine-tune"),
                                 .compare_to = "ft:base:local::BBBBBBBB"};
    fixture_ok(f, evaluations_insert(f->db, &row, f->arena, &f->err));
    const char *ended = add_evaluation(f, 0, "succeeded").file;
    tell(f, "UPDATE files SET created_at = 1; UPDATE models SET created_at = 1");
    struct retention_report report =
        retain(f, (struct retention_rules){.files_days = 1, .models_days = 1});
    assert_int_equal(report.files, 1);
    assert_int_equal(report.models, 0);
    fixture_ok(f, files_get(f->db, row.file, f->arena, &file, &f->err));
    fixture_ok(f, models_get(f->db, row.compare_to, f->arena, &model, &f->err));
    assert_int_equal(files_get(f->db, ended, f->arena, &file, &f->err), ERR_NOT_FOUND);
    fixture_ok(f, evaluations_delete(f->db, row.id, &f->err));
    report = retain(f, (struct retention_rules){.files_days = 1, .models_days = 1});
    assert_int_equal(report.files, 1);
    assert_int_equal(report.models, 2);
}

/* Five checkpoints of a job that is told to have ended; value 0 of a measure: it has none. */
static struct job_row
add_checkpoints(struct fixture *f, const char *name, const double values[5])
{
    struct job_row running = fixture_start_job(f);
    for (int i = 0; i < 5; i++) {
        const struct measure measures[] = {{"valid_loss", 0.5}, {name, values[i]}};
        struct checkpoint_row row = {
            .model = arena_printf(f->arena, "ft:base:local::12345678:ckpt-step-%d", i + 1),
            .step = i + 1,
            .files_json = "[]",
            .measures = &measures[strcmp(name, "valid_loss") == 0],
            .measure_count = values[i] > 0 ? 1 + (strcmp(name, "valid_loss") != 0) : 0};
        fixture_ok(f, checkpoints_insert(f->db, running.seq, &row, f->arena, &f->err));
    }
    return running;
}

static void
the_newest_checkpoints_and_the_best_stay(void **state)
{
    static const double losses[] = {0.9, 0.1, 0.5, 0.6, 0.7};
    struct fixture *f = *state;
    add_checkpoints(f, "valid_loss", losses);
    assert_int_equal(retain(f, (struct retention_rules){.checkpoints = 2}).checkpoints, 0);
    tell(f, "UPDATE jobs SET status = 'succeeded', finished_at = 1");
    assert_int_equal(retain(f, (struct retention_rules){.checkpoints = 2}).checkpoints, 2);
    assert_int_equal(ask(f, "SELECT group_concat(step, '') FROM checkpoints"), 245);
    assert_int_equal(retain(f, (struct retention_rules){.checkpoints = 2}).checkpoints, 0);
}

/* More is better here, and step 3, which only repeats an earlier validation's value, is not it. */
static void
the_best_checkpoint_is_the_one_by_the_metric_of_the_job(void **state)
{
    static const double scores[] = {0.2, 0.9, 0.9, 0.3, 0.1};
    struct fixture *f = *state;
    add_checkpoints(f, "valid_macro_f1", scores);
    tell(f, "UPDATE jobs SET status = 'succeeded', finished_at = 1,"
            " parameters = '{\"metric_for_best_model\":\"valid_macro_f1\"}'");
    assert_int_equal(retain(f, (struct retention_rules){.checkpoints = 1}).checkpoints, 3);
    assert_int_equal(ask(f, "SELECT group_concat(step, '') FROM checkpoints"), 25);
}

static void
of_checkpoints_that_were_never_measured_the_newest_stay(void **state)
{
    static const double none[5] = {0};
    struct fixture *f = *state;
    add_checkpoints(f, "valid_loss", none);
    tell(f, "UPDATE jobs SET status = 'cancelled', finished_at = 1,"
            " parameters = '{\"metric_for_best_model\":\"auto\"}'");
    assert_int_equal(retain(f, (struct retention_rules){.checkpoints = 2}).checkpoints, 3);
    assert_int_equal(ask(f, "SELECT group_concat(step, '') FROM checkpoints"), 45);
}

/* Where a job is sent into the queue again while its checkpoints are being thinned. */
struct retry_at_once {
    struct fixture *f;
    const char *folder; /* of the checkpoint that is just going */
    int64_t job_seq;
};

/* Called between the end of a row and that of its folder: a new attempt saves the same step. */
static void
save_it_again(void *context, const char *folder)
{
    struct retry_at_once *retry = context;
    struct fixture *f = retry->f;
    struct checkpoint_row row = {
        .model = "ft:base:local::12345678:ckpt-again", .step = 3, .files_json = "[]"};
    tell(f, "UPDATE jobs SET status = 'running', finished_at = NULL");
    assert_null(retry->folder);
    retry->folder = arena_copy_string(f->arena, folder);
    fixture_ok(f, checkpoints_insert(f->db, retry->job_seq, &row, f->arena, &f->err));
}

static void
checkpoints_of_a_job_that_was_sent_again_meanwhile_stay(void **state)
{
    static const double losses[] = {0.9, 0.1, 0.5, 0.6, 0.7};
    struct fixture *f = *state;
    struct retention_report report;
    struct job_row job = add_checkpoints(f, "valid_loss", losses);
    tell(f, "UPDATE jobs SET status = 'failed', finished_at = 1");
    struct retry_at_once retry = {f, NULL, job.seq};
    const struct retention retention = {.dir = f->store.dir,
                                        .db = f->db,
                                        .rules = {.checkpoints = 2},
                                        .now = NOW,
                                        .forget_model = save_it_again,
                                        .context = &retry};
    const char *folder = data_dir_checkpoint_path(f->store.dir, job.id, 3, f->arena);
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    fixture_ok(f, retention_run(&retention, &report, &f->err));
    assert_string_equal(retry.folder, folder);
    assert_int_equal(report.checkpoints, 1);
    assert_int_equal(ask(f, "SELECT group_concat(step, '') FROM (SELECT step FROM checkpoints"
                            " ORDER BY step)"),
                     12345);
    assert_int_equal(access(folder, F_OK), 0);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static int64_t
fixed_now(void)
{
    return NOW;
}

static void
the_keeper_makes_a_round_at_the_start(void **state)
{
    struct fixture *f = *state;
    struct job_row old = add_job(f, 100, 5);
    struct keeper *keeper = NULL;
    const char *expired = fixture_add_file(f, "fine-tune");
    tell(f, arena_printf(f->arena, "UPDATE files SET expires_at = 1 WHERE id = '%s'", expired));
    const struct keeper_options options = {
        .store = &f->store,
        .rules = {.jobs_days = 10},
        .interval_ms = KEEPER_INTERVAL_MS,
        .now = fixed_now,
    };
    fixture_ok(f, keeper_start(&options, &keeper, &f->err));
    keeper_wait_rounds(keeper, 1);
    keeper_free(keeper);
    struct job_row row;
    struct file_row file;
    assert_int_equal(jobs_get(f->db, old.id, f->arena, &row, &f->err), ERR_NOT_FOUND);
    assert_int_equal(files_get(f->db, expired, f->arena, &file, &f->err), ERR_NOT_FOUND);
}

static void
the_keeper_makes_rounds_until_it_is_stopped(void **state)
{
    struct fixture *f = *state;
    struct keeper *keeper = NULL;
    const struct keeper_options options = {.store = &f->store, .interval_ms = 1, .now = fixed_now};
    fixture_ok(f, keeper_start(&options, &keeper, &f->err));
    keeper_wait_rounds(keeper, 3);
    keeper_stop(keeper);
    keeper_stop(keeper);
    keeper_free(keeper);
    keeper_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(nothing_is_removed_without_a_rule),
        STORE_TEST(what_hangs_on_old_jobs_goes_by_its_own_rule),
        STORE_TEST(the_folder_of_old_resume_states_goes_with_its_rows),
        STORE_TEST(resume_states_whose_rows_stay_keep_their_folder),
        STORE_TEST(more_than_a_batch_goes_too),
        STORE_TEST(points_never_stay_without_their_buckets),
        STORE_TEST(old_jobs_go_whole_and_others_stay),
        STORE_TEST(a_job_that_was_sent_again_keeps_everything),
        STORE_TEST(files_that_unfinished_jobs_need_stay),
        STORE_TEST(models_that_unfinished_jobs_start_from_stay),
        STORE_TEST(evaluations_go_so_long_after_their_end),
        STORE_TEST(files_and_models_that_waiting_evaluations_need_stay),
        STORE_TEST(the_newest_checkpoints_and_the_best_stay),
        STORE_TEST(the_best_checkpoint_is_the_one_by_the_metric_of_the_job),
        STORE_TEST(of_checkpoints_that_were_never_measured_the_newest_stay),
        STORE_TEST(checkpoints_of_a_job_that_was_sent_again_meanwhile_stay),
        STORE_TEST(the_keeper_makes_a_round_at_the_start),
        STORE_TEST(the_keeper_makes_rounds_until_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
