/* The life of a job through the seam: paused, resumed, sent again, changed, deleted; the queue. */
#include "daemon/log.h"
#include "daemon/service_state.h"
#include "daemon/store/query.h"
#include "service_fixture.h"

typedef int use_case(struct service *service, const char *id, struct arena *arena,
                     struct job_info *out, struct fault_list *faults);

static struct job_info
act(struct service_fixture *f, use_case *call, const char *id)
{
    struct job_info job = {0};
    fixture_ok(f, call(f->service, id, f->arena, &job, &f->faults));
    return job;
}

/* The sentence of the refusal. */
static const char *
refuse(struct service_fixture *f, use_case *call, const char *id)
{
    struct job_info job;
    return fixture_refused(f, call(f->service, id, f->arena, &job, &f->faults), FAULT_CONFLICT,
                           "id")
        .message;
}

static bool
job_is_paused(const struct job_info *job)
{
    return job->status == JOB_PAUSED || job->status == JOB_FAILED || job->status == JOB_SUCCEEDED;
}

static struct job_info
update(struct service_fixture *f, const char *id, const char *body)
{
    struct job_info job = {0};
    fixture_ok(f,
               service_job_update(f->service, id, body, strlen(body), f->arena, &job, &f->faults));
    return job;
}

static void
queued_job_is_paused_at_once_and_resumed_into_its_place(void **state)
{
    struct service_fixture *f = *state;
    struct job_info first = fixture_create(f, 20, "");
    struct job_info second = fixture_create(f, 20, "");
    assert_int_equal(act(f, service_job_pause, first.id).status, JOB_PAUSED);
    assert_int_equal(act(f, service_job_pause, first.id).status, JOB_PAUSED);
    assert_int_equal(fixture_get(f, second.id).queue_position, 1);
    assert_int_equal(act(f, service_job_resume, first.id).queue_position, 1);
    assert_int_equal(act(f, service_job_resume, first.id).status, JOB_QUEUED);
    assert_int_equal(fixture_count_events(f, first.id, "The job was paused"), 1);
    assert_int_equal(fixture_count_events(f, first.id, "The job was resumed"), 1);
    act(f, service_job_pause, second.id);
    assert_int_equal(act(f, service_job_cancel, second.id).status, JOB_CANCELLED);
}

static void
running_job_is_paused_with_its_state_and_goes_on(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    enum job_status status = act(f, service_job_pause, job.id).status;
    assert_true(status == JOB_PAUSING || status == JOB_PAUSED);
    struct job_info paused = fixture_wait(f, job.id, job_is_paused);
    assert_int_equal(paused.status, JOB_PAUSED);
    assert_true(paused.progress.step > 0);
    assert_int_equal(paused.finished_at, 0);
    struct job_info other = fixture_create(f, 20, ", \"n_epochs\": 1");
    fixture_wait_success(f, other.id); /* the worker is free meanwhile */
    act(f, service_job_resume, job.id);
    job = fixture_wait_beyond(f, job.id, paused.progress.step);
    assert_int_equal(job.status, JOB_RUNNING);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(fixture_count_events(f, job.id, "Attempt 2 goes on from step"), 1);
}

static void
illegal_change_names_the_state_and_what_can_be_done(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, "");
    const char *message = refuse(f, service_job_retry, job.id);
    assert_non_null(strstr(message, "is queued, so it cannot be sent into the queue again"));
    assert_non_null(strstr(message, "it can be cancelled or paused"));
    fixture_refused(f, service_job_delete(f->service, job.id, &f->faults), FAULT_CONFLICT, "id");
    act(f, service_job_cancel, job.id);
    message = refuse(f, service_job_pause, job.id);
    assert_non_null(strstr(message, "is cancelled"));
    assert_non_null(strstr(message, "sent into the queue again or deleted"));
    refuse(f, service_job_resume, job.id);
    refuse(f, service_job_cancel, job.id);
}

static void
cancelled_job_can_be_sent_again(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 1");
    fixture_wait_success(f, job.id);
    refuse(f, service_job_retry, job.id);
    struct job_info endless = fixture_create_endless(f);
    fixture_wait(f, endless.id, job_has_trained);
    act(f, service_job_cancel, endless.id);
    assert_int_equal(act(f, service_job_retry, endless.id).status, JOB_QUEUED);
    fixture_wait_event(f, endless.id, "Attempt 2 ");
    endless = fixture_wait_beyond(f, endless.id, fixture_get(f, endless.id).progress.step);
    assert_int_equal(endless.status, JOB_RUNNING);
    assert_int_equal(endless.attempt, 2);
}

static void
retry_without_its_file_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, "");
    act(f, service_job_cancel, job.id);
    fixture_ok(f, service_file_delete(f->service, job.training_file, &f->faults));
    assert_non_null(strstr(refuse(f, service_job_retry, job.id), job.training_file));
}

static void
update_changes_metadata_and_priority_alone(void **state)
{
    struct service_fixture *f = *state;
    struct job_info first = fixture_create(f, 20, ", \"metadata\": {\"a\": \"b\"}");
    struct job_info job = fixture_create(f, 20, ", \"priority\": -5");
    assert_int_equal(job.priority, -5);
    assert_int_equal(job.queue_position, 2);
    job = update(f, job.id, "{\"priority\": 3, \"metadata\": {\"k\": \"v\"}}");
    assert_int_equal(job.priority, 3);
    assert_int_equal(job.queue_position, 1);
    assert_string_equal(job.metadata_json, "{\"k\":\"v\"}");
    assert_null(update(f, first.id, "{\"metadata\": null}").metadata_json);
    assert_int_equal(update(f, job.id, "{\"priority\": null}").priority, 0);
    assert_int_equal(update(f, job.id, "{}").priority, 0);
}

static void
refused_update_changes_nothing(void **state)
{
    struct service_fixture *f = *state;
    struct job_info out;
    struct job_info job = fixture_create(f, 20, "");
    static const struct {
        const char *body;
        enum fault_code code;
        const char *param;
    } bad[] = {
        {"{\"priority\": 101}", FAULT_INVALID_PARAMETER, "priority"},
        {"{\"priority\": \"high\"}", FAULT_INVALID_PARAMETER, "priority"},
        {"{\"metadata\": [1]}", FAULT_INVALID_PARAMETER, "metadata"},
        {"{\"priority\": 5, \"prioritee\": 1}", FAULT_UNKNOWN_PARAMETER, "prioritee"},
        {"{\"priority\": 5, \"batch_size\": 1}", FAULT_INVALID_PARAMETER, "batch_size"},
        {"[]", FAULT_INVALID_JSON, NULL},
        {"{\"priority\": 5, \"priority\": 6}", FAULT_INVALID_JSON, NULL},
        {"", FAULT_INVALID_JSON, NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        fixture_refused(f,
                        service_job_update(f->service, job.id, bad[i].body, strlen(bad[i].body),
                                           f->arena, &out, &f->faults),
                        bad[i].code, bad[i].param);
    assert_int_equal(fixture_get(f, job.id).priority, 0);
}

static void
deleted_job_leaves_only_its_model(void **state)
{
    struct service_fixture *f = *state;
    struct job_info out;
    struct model_info model;
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 2");
    job = fixture_wait_success(f, job.id);
    const char *saved = arena_printf(f->arena, "%s/jobs/%s/checkpoints/step-%lld/config.json",
                                     f->data_dir, job.id, (long long)job.progress.total_steps);
    assert_true(fileio_exists(saved));
    fixture_ok(f, service_job_delete(f->service, job.id, &f->faults));
    assert_false(fileio_exists(saved));
    fixture_refused(f, service_job_get(f->service, job.id, f->arena, &out, &f->faults),
                    FAULT_JOB_NOT_FOUND, "id");
    fixture_refused(f, service_job_delete(f->service, job.id, &f->faults), FAULT_JOB_NOT_FOUND,
                    "id");
    fixture_ok(f,
               service_model_get(f->service, job.fine_tuned_model, f->arena, &model, &f->faults));
    fixture_close(f);
    fixture_open(f); /* the sweep of a start leaves the model alone */
    fixture_ok(f,
               service_model_get(f->service, job.fine_tuned_model, f->arena, &model, &f->faults));
}

static void
paused_queue_starts_nothing_until_it_is_resumed(void **state)
{
    struct service_fixture *f = *state;
    struct queue_info queue;
    fixture_ok(f, service_queue_set_paused(f->service, true, &queue, &f->faults));
    assert_true(queue.paused && queue.paused_at > 0);
    fixture_close(f);
    fixture_open(f);
    fixture_start(f); /* it holds over restarts */
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 1");
    fixture_ok(f, service_queue_get(f->service, &queue, &f->faults));
    assert_true(queue.paused);
    assert_int_equal(queue.queued, 1);
    assert_int_equal(fixture_get(f, job.id).status, JOB_QUEUED);
    fixture_ok(f, service_queue_set_paused(f->service, false, &queue, &f->faults));
    assert_false(queue.paused);
    fixture_wait_success(f, job.id);
}

static void
paused_job_stays_paused_over_a_restart(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    act(f, service_job_pause, job.id);
    fixture_close(f); /* paused already, or while it is: either way it is paused afterwards */
    fixture_open(f);
    struct job_info paused = fixture_get(f, job.id);
    assert_int_equal(paused.status, JOB_PAUSED);
    fixture_start(f);
    act(f, service_job_resume, job.id);
    job = fixture_wait_beyond(f, job.id, paused.progress.step);
    assert_int_equal(job.status, JOB_RUNNING);
    assert_int_equal(fixture_count_events(f, job.id, "Attempt 2 goes on from step"), 1);
}

static struct job_lease
lease_of(struct service_fixture *f, const char *id)
{
    struct job_row row;
    struct db *db = service_acquire(f->service, &f->faults);
    assert_non_null(db);
    assert_int_equal(jobs_get(db, id, f->arena, &row, &f->err), 0);
    service_release(f->service, db);
    return (struct job_lease){row.seq, row.attempt};
}

/* Whoever pauses or cancels tells the worker afterwards, and the job may run again by then. */
static void
wish_that_comes_late_ends_no_other_attempt(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    struct job_lease first = lease_of(f, job.id);
    act(f, service_job_pause, job.id);
    fixture_wait(f, job.id, job_is_paused);
    act(f, service_job_resume, job.id);
    fixture_wait_event(f, job.id, "Attempt 2 goes on");
    workers_pause(f->service->workers, first);
    workers_cancel(f->service->workers, first);
    job = fixture_wait_beyond(f, job.id, fixture_get(f, job.id).progress.step);
    assert_int_equal(job.status, JOB_RUNNING);
    assert_int_equal(job.attempt, 2);
}

static void
tell(struct service_fixture *f, const char *sql)
{
    struct db *db = service_acquire(f->service, &f->faults);
    assert_non_null(db);
    if (sqlite3_exec(db->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db->connection));
    service_release(f->service, db);
}

/* The change is made but its row cannot be read: the client is told of a failure, and whoever waits
 * for the change hears of it nevertheless. */
static void
change_that_cannot_be_told_is_carried_out(void **state)
{
    struct service_fixture *f = *state;
    struct job_info out = {0};
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    tell(f, "CREATE TRIGGER spoil AFTER UPDATE OF status ON jobs WHEN NEW.status = 'pausing'"
            " BEGIN UPDATE jobs SET latest = '[]' WHERE seq = NEW.seq; END;"
            "CREATE TRIGGER mend AFTER UPDATE OF status ON jobs WHEN NEW.status = 'paused'"
            " BEGIN UPDATE jobs SET latest = '{}' WHERE seq = NEW.seq; END");
    fixture_refused(f, service_job_pause(f->service, job.id, f->arena, &out, &f->faults),
                    FAULT_INTERNAL, NULL);
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    struct timespec pause = {.tv_nsec = SERVICE_ASK_MS * 1000000L};
    while (out.status != JOB_PAUSED) {
        assert_true(time(NULL) < deadline);
        nanosleep(&pause, NULL);
        service_job_get(f->service, job.id, f->arena, &out, &f->faults);
        f->faults.count = 0;
    }
}

static void
estimate_foretells_and_stores_nothing(void **state)
{
    struct service_fixture *f = *state;
    struct job_estimate estimate = {0};
    struct job_list list = {0};
    struct page page = {.limit = 10};
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 100));
    const char *body = arena_printf(
        f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\", \"n_epochs\": 2}", file.id);
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    assert_int_equal(estimate.rows + estimate.validation_rows, 100);
    assert_true(estimate.tokens > 2 * estimate.rows);
    assert_true(estimate.total_steps > 0 && estimate.seconds > 0);
    assert_true(estimate.peak_memory_bytes > 0 && estimate.disk_bytes > 0);
    assert_non_null(strstr(estimate.parameters_json, "\"n_epochs\":2"));
    assert_true(estimate.warning_count > 0);
    assert_string_equal(estimate.warnings[0].code, "random_weights");
    fixture_ok(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 0);
    fixture_refused(f, service_job_estimate(f->service, "{}", 2, f->arena, &estimate, &f->faults),
                    FAULT_MISSING_PARAMETER, "model");
}

/* The job's disk, foretold, is not less than what it leaves behind. */
static void
estimate_of_the_disk_is_enough(void **state)
{
    struct service_fixture *f = *state;
    struct job_estimate estimate = {0};
    struct model_file_list files = {0};
    struct job_info job = fixture_create(f, 40, ", \"n_epochs\": 5");
    const char *body =
        arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\", \"n_epochs\": 5}",
                     job.training_file);
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    job = fixture_wait_success(f, job.id);
    fixture_ok(f,
               service_model_files(f->service, job.fine_tuned_model, f->arena, &files, &f->faults));
    int64_t bytes = 0;
    for (size_t i = 0; i < files.count; i++)
        bytes += files.items[i].bytes;
    assert_true(estimate.disk_bytes >= 5 * bytes);
}

/* A floor that no disk has: nothing is accepted, and what waits is told why, once. */
static void
full_disk_refuses_jobs_and_starts_none(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    struct job_info refused;
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 1");
    fixture_close(f);
    options.min_free_bytes = INT64_C(1) << 40;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    fixture_start(f);
    const char *body = arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\"}",
                                    job.training_file);
    fixture_refused(f, fixture_try_create(f, body, &refused), FAULT_DISK_FULL, NULL);
    fixture_wait_event(f, job.id, "nothing is started");
    assert_int_equal(fixture_get(f, job.id).status, JOB_QUEUED);
    fixture_close(f);
    fixture_open(f);
    fixture_start(f);
    fixture_wait_success(f, job.id);
    assert_int_equal(fixture_count_events(f, job.id, "nothing is started"), 1);
}

static void
system_says_what_there_is(void **state)
{
    struct service_fixture *f = *state;
    struct system_info info;
    fixture_ok(f, service_system(f->service, f->arena, &info, &f->faults));
    assert_true(info.processors >= 1 && info.threads_per_job == 2);
    assert_true(info.memory_total > 0 && info.memory_used > 0 && info.memory_free > 0);
    assert_true(info.disk_total >= info.disk_free && info.disk_free > 0);
    assert_non_null(info.engine);
    assert_true(info.uptime >= 0);
}

/* Two workers: both of two endless jobs run, and each can be stopped by its id. */
static void
two_workers_run_two_jobs(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    fixture_close(f);
    options.workers = 2;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    fixture_start(f);
    struct job_info one = fixture_create_endless(f);
    struct job_info two = fixture_create_endless(f);
    assert_int_equal(fixture_wait(f, one.id, job_has_trained).status, JOB_RUNNING);
    assert_int_equal(fixture_wait(f, two.id, job_has_trained).status, JOB_RUNNING);
    assert_int_equal(fixture_get(f, one.id).threads, 1);
    act(f, service_job_cancel, two.id);
    act(f, service_job_pause, one.id);
    assert_int_equal(fixture_wait(f, one.id, job_is_paused).status, JOB_PAUSED);
    struct job_info last = fixture_create(f, 20, ", \"n_epochs\": 1");
    fixture_wait_success(f, last.id);
    act(f, service_job_cancel, one.id);
}

/* A condition that counts how often it is asked. */
static bool
is_queued(void *context, const struct job_info *job)
{
    size_t *asked = context;
    ++*asked;
    return job->status == JOB_QUEUED;
}

static void
change_is_made_only_while_its_condition_holds(void **state)
{
    struct service_fixture *f = *state;
    size_t asked = 0;
    const struct job_condition condition = {is_queued, &asked};
    struct job_info job = fixture_create(f, 20, "");
    struct job_wish wish = {.kind = JOB_WISH_PAUSE, .id = job.id, .condition = &condition};
    fixture_ok(f, service_job_change(f->service, &wish, f->arena, &job, &f->faults));
    assert_int_equal(job.status, JOB_PAUSED);
    static const enum job_wish_kind kinds[] = {JOB_WISH_CANCEL, JOB_WISH_PAUSE,  JOB_WISH_RESUME,
                                               JOB_WISH_RETRY,  JOB_WISH_UPDATE, JOB_WISH_DELETE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        wish.kind = kinds[i];
        wish.body = "{\"priority\":9}";
        wish.length = strlen(wish.body);
        f->faults.count = 0;
        assert_int_equal(service_job_change(f->service, &wish, f->arena, &job, &f->faults), -1);
        assert_int_equal(f->faults.count, 1);
        assert_int_equal(f->faults.items[0].code, FAULT_PRECONDITION_FAILED);
    }
    f->faults.count = 0;
    assert_int_equal(asked, 1 + sizeof kinds / sizeof kinds[0]);
    job = fixture_get(f, job.id);
    assert_int_equal(job.status, JOB_PAUSED);
    assert_int_equal(job.priority, 0);
    /* A change that is refused although the condition holds leaves its own fault alone. */
    fixture_ok(f, service_job_resume(f->service, job.id, f->arena, &job, &f->faults));
    wish.kind = JOB_WISH_DELETE;
    assert_int_equal(service_job_change(f->service, &wish, f->arena, NULL, &f->faults), -1);
    assert_int_equal(f->faults.count, 1);
    assert_int_equal(f->faults.items[0].code, FAULT_CONFLICT);
    f->faults.count = 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(queued_job_is_paused_at_once_and_resumed_into_its_place),
        RUNNING_TEST(running_job_is_paused_with_its_state_and_goes_on),
        IDLE_TEST(illegal_change_names_the_state_and_what_can_be_done),
        RUNNING_TEST(cancelled_job_can_be_sent_again),
        IDLE_TEST(retry_without_its_file_is_refused),
        IDLE_TEST(update_changes_metadata_and_priority_alone),
        IDLE_TEST(refused_update_changes_nothing),
        IDLE_TEST(change_is_made_only_while_its_condition_holds),
        RUNNING_TEST(deleted_job_leaves_only_its_model),
        RUNNING_TEST(paused_queue_starts_nothing_until_it_is_resumed),
        RUNNING_TEST(paused_job_stays_paused_over_a_restart),
        RUNNING_TEST(wish_that_comes_late_ends_no_other_attempt),
        RUNNING_TEST(change_that_cannot_be_told_is_carried_out),
        IDLE_TEST(estimate_foretells_and_stores_nothing),
        RUNNING_TEST(estimate_of_the_disk_is_enough),
        IDLE_TEST(full_disk_refuses_jobs_and_starts_none),
        IDLE_TEST(system_says_what_there_is),
        IDLE_TEST(two_workers_run_two_jobs),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
