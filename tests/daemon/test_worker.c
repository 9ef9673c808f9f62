/*
 * The worker thread by itself: what it does with jobs that cannot be run, and when it stops.
 */
#include "daemon/work/worker.h"
#include "daemon/log.h"
#include "tests/daemon/store_fixture.h"

#include <time.h>

enum { WAIT_SECONDS = 120 };

struct bench {
    struct fixture *store;
    struct base_models *bases;
    struct catalog catalog;
    struct scheduler *scheduler;
    struct worker_options options;
};

static void
open_bench(struct bench *bench, struct fixture *f)
{
    *bench = (struct bench){.store = f};
    fixture_ok(f, base_models_scan(NULL, 0, &bench->bases, &f->err));
    fixture_ok(f, scheduler_new(&bench->scheduler, &f->err));
    bench->catalog = (struct catalog){.dir = f->store.dir, .bases = bench->bases};
    bench->options.trainer = (struct trainer){
        .store = &f->store, .catalog = &bench->catalog, .scheduler = bench->scheduler};
}

static void
close_bench(struct bench *bench)
{
    scheduler_free(bench->scheduler);
    base_models_free(bench->bases);
}

/* Ask until the job has left the queue and ended. */
static struct job_row
wait_for_end(struct fixture *f, const char *id)
{
    time_t deadline = time(NULL) + WAIT_SECONDS;
    struct timespec pause = {.tv_nsec = 2000000};
    struct job_row row = fixture_get_job(f, id);
    while (row.state == JOB_STATE_QUEUED || row.state == JOB_STATE_RUNNING) {
        assert_true(time(NULL) < deadline);
        nanosleep(&pause, NULL);
        row = fixture_get_job(f, id);
    }
    return row;
}

static const char *
insert_job(struct fixture *f, const char *request)
{
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.request = request;
    job.request_length = strlen(request);
    return fixture_insert_job(f, &job);
}

static void
jobs_that_cannot_run_fail_and_the_next_is_taken(void **state)
{
    struct fixture *f = *state;
    struct bench bench;
    struct worker *worker = NULL;
    open_bench(&bench, f);
    const char *damaged = insert_job(f, "{\"model\": ");
    const char *modelless = insert_job(f, "{\"model\": \"base\", \"training_file\": \"file-x\"}");
    fixture_ok(f, worker_start(&bench.options, &worker, &f->err));
    assert_true(worker_is_alive(worker));
    struct job_row row = wait_for_end(f, damaged);
    assert_int_equal(row.state, JOB_STATE_FAILED);
    assert_string_equal(row.error_code, "internal");
    row = wait_for_end(f, modelless);
    assert_int_equal(row.state, JOB_STATE_FAILED);
    assert_string_equal(row.error_code, "invalid_model");
    assert_string_equal(row.error_param, "model");
    const char *later = insert_job(f, "[]");
    scheduler_wake(bench.scheduler);
    assert_int_equal(wait_for_end(f, later).state, JOB_STATE_FAILED);
    scheduler_stop(bench.scheduler);
    worker_free(worker);
    close_bench(&bench);
}

static void
cancelled_row_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct bench bench;
    atomic_int stop;
    struct job_row job = fixture_start_job(f);
    const struct job_change change = {.from = 1u << JOB_STATE_RUNNING,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    open_bench(&bench, f);
    fixture_ok(f, jobs_change(f->db, job.id, &change, &f->err));
    atomic_init(&stop, TRAINER_GO_ON); /* nobody could tell the worker: it had just claimed */
    trainer_run_job(&bench.options.trainer, f->db, &job, &stop);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_CANCELLED);
    struct event_rows events = fixture_events(f, job.seq);
    assert_string_equal(events.items[events.count - 1].message, "Cancelled");
    close_bench(&bench);
}

static void
job_claimed_while_stopping_goes_back(void **state)
{
    struct fixture *f = *state;
    struct bench bench;
    atomic_int stop;
    struct job_row job = fixture_start_job(f);
    open_bench(&bench, f);
    atomic_init(&stop, TRAINER_SHUTDOWN);
    trainer_run_job(&bench.options.trainer, f->db, &job, &stop);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
    close_bench(&bench);
}

/* Whatever has ended the run: its row is not cancelled, and not pausing. */
static void
ended_run_of_a_running_row_goes_back(void **state)
{
    static const int wishes[] = {TRAINER_CANCELLED, TRAINER_PAUSE};
    struct fixture *f = *state;
    struct bench bench;
    open_bench(&bench, f);
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        atomic_int stop;
        struct job_row job = fixture_start_job(f);
        atomic_init(&stop, wishes[i]);
        trainer_run_job(&bench.options.trainer, f->db, &job, &stop);
        assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
        struct event_rows events = fixture_events(f, job.seq);
        assert_non_null(strstr(events.items[events.count - 1].message, "back in the queue"));
        const struct job_change away = {.from = 1u << JOB_STATE_QUEUED,
                                        .to = JOB_STATE_CANCELLED,
                                        .event = {.message = "Cancelled"}};
        fixture_ok(f, jobs_change(f->db, job.id, &away, &f->err));
    }
    close_bench(&bench);
}

static void
pausing_job_is_paused(void **state)
{
    struct fixture *f = *state;
    struct bench bench;
    atomic_int stop;
    struct job_row job = fixture_start_job(f);
    const struct job_change change = {
        .from = 1u << JOB_STATE_RUNNING, .to = JOB_STATE_PAUSING, .event = {.message = "Pausing"}};
    open_bench(&bench, f);
    fixture_ok(f, jobs_change(f->db, job.id, &change, &f->err));
    atomic_init(&stop, TRAINER_PAUSE);
    trainer_run_job(&bench.options.trainer, f->db, &job, &stop);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_PAUSED);
    struct event_rows events = fixture_events(f, job.seq);
    assert_non_null(strstr(events.items[events.count - 1].message, "The job is paused"));
    close_bench(&bench);
}

static void
stopped_worker_claims_nothing(void **state)
{
    struct fixture *f = *state;
    struct bench bench;
    struct worker *worker = NULL;
    open_bench(&bench, f);
    scheduler_stop(bench.scheduler);
    const char *id = insert_job(f, "{}");
    fixture_ok(f, worker_start(&bench.options, &worker, &f->err));
    worker_stop(worker);
    worker_stop(worker);
    assert_false(worker_is_alive(worker));
    assert_int_equal(fixture_get_job(f, id).state, JOB_STATE_QUEUED);
    worker_free(worker);
    close_bench(&bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(jobs_that_cannot_run_fail_and_the_next_is_taken),
        STORE_TEST(cancelled_row_is_left_alone),
        STORE_TEST(job_claimed_while_stopping_goes_back),
        STORE_TEST(ended_run_of_a_running_row_goes_back),
        STORE_TEST(pausing_job_is_paused),
        STORE_TEST(stopped_worker_claims_nothing),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
