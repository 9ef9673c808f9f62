/*
 * Evaluations through the seam: what they need stays until they have ended, and what a crash
 * interrupted goes on at the next start or fails.
 */
#include "daemon/store/evaluations.h"
#include "tests/daemon/service_fixture.h"

static struct evaluation_info
order(struct service_fixture *f, const char *model, const char *file)
{
    struct evaluation_info info = {0};
    const struct evaluation_order order = {model, file, NULL};
    fixture_ok(f, service_evaluation_create(f->service, &order, f->arena, &info, &f->faults));
    return info;
}

static struct evaluation_info
wait_for_end(struct service_fixture *f, const char *id)
{
    struct timespec pause = {.tv_nsec = SERVICE_ASK_MS * 1000000L};
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    for (;;) {
        struct evaluation_info info = {0};
        fixture_ok(f, service_evaluation_get(f->service, id, f->arena, &info, &f->faults));
        if (info.status == EVALUATION_SUCCEEDED || info.status == EVALUATION_FAILED)
            return info;
        if (time(NULL) > deadline)
            fail_msg("evaluation %s has not ended", id);
        nanosleep(&pause, NULL);
    }
}

/* A model; then the service is open, and nothing runs. */
static struct job_info
train_and_idle(struct service_fixture *f)
{
    fixture_start(f);
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 1");
    job = fixture_wait_success(f, job.id);
    fixture_close(f);
    fixture_open(f);
    return job;
}

static void
file_and_model_stay_until_it_has_ended(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_and_idle(f);
    struct evaluation_info info = order(f, job.fine_tuned_model, job.training_file);
    struct fault fault = fixture_refused(
        f, service_file_delete(f->service, job.training_file, &f->faults), FAULT_IN_USE, "id");
    assert_non_null(strstr(fault.message, info.id));
    assert_non_null(strstr(fault.message, "delete the evaluation or wait for its end"));
    fault = fixture_refused(f, service_model_delete(f->service, job.fine_tuned_model, &f->faults),
                            FAULT_IN_USE, "model");
    assert_non_null(strstr(fault.message, info.id));
    fixture_start(f);
    assert_int_equal(wait_for_end(f, info.id).status, EVALUATION_SUCCEEDED);
    fixture_ok(f, service_file_delete(f->service, job.training_file, &f->faults));
    fixture_ok(f, service_model_delete(f->service, job.fine_tuned_model, &f->faults));
    info = wait_for_end(f, info.id); /* and it stays when they are gone */
    assert_int_equal(info.document.rows, 20);
    assert_string_equal(info.file, job.training_file);
}

static void
deleting_it_sets_them_free(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_and_idle(f);
    struct evaluation_info info = order(f, job.fine_tuned_model, job.training_file);
    fixture_ok(f, service_evaluation_delete(f->service, info.id, &f->faults));
    fixture_ok(f, service_file_delete(f->service, job.training_file, &f->faults));
    fixture_ok(f, service_model_delete(f->service, job.fine_tuned_model, &f->faults));
}

static void
refusal_names_the_model_that_it_is_about(void **state)
{
    struct service_fixture *f = *state;
    struct evaluation_info info;
    struct job_info job = train_and_idle(f);
    const struct evaluation_order order = {job.fine_tuned_model, job.training_file, "tiny"};
    fixture_refused(f, service_evaluation_create(f->service, &order, f->arena, &info, &f->faults),
                    FAULT_MODEL_NOT_FINE_TUNED, "compare_to");
}

/* What kill -9 leaves: the row says that it runs, and nobody does. The service is closed. */
static void
leave_running(struct service_fixture *f)
{
    struct db *db = NULL;
    struct evaluation_row row;
    const char *path = arena_printf(f->arena, "%s/finetuned.db", f->data_dir);
    assert_int_equal(db_open(path, &db, &f->err), 0);
    assert_int_equal(evaluations_claim(db, f->arena, &row, &f->err), 1);
    db_close(db);
}

static void
what_a_crash_interrupted_goes_on_at_the_next_start(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_and_idle(f);
    struct evaluation_info info = order(f, job.fine_tuned_model, job.training_file);
    fixture_close(f);
    leave_running(f);
    fixture_open(f);
    fixture_start(f);
    info = wait_for_end(f, info.id);
    assert_int_equal(info.status, EVALUATION_SUCCEEDED);
    assert_int_equal(info.document.rows, 20);
}

static void
the_third_crash_is_the_last(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_and_idle(f);
    struct evaluation_info info = order(f, job.fine_tuned_model, job.training_file);
    for (int crash = 0; crash < EVALUATIONS_MAX_ATTEMPTS; crash++) {
        fixture_close(f);
        leave_running(f);
        fixture_open(f); /* here rows are recovered; nothing runs */
    }
    fixture_start(f);
    info = wait_for_end(f, info.id);
    assert_int_equal(info.status, EVALUATION_FAILED);
    assert_string_equal(info.error_code, "crashed");
    fixture_ok(f, service_file_delete(f->service, job.training_file, &f->faults));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(file_and_model_stay_until_it_has_ended),
        IDLE_TEST(deleting_it_sets_them_free),
        IDLE_TEST(refusal_names_the_model_that_it_is_about),
        IDLE_TEST(what_a_crash_interrupted_goes_on_at_the_next_start),
        IDLE_TEST(the_third_crash_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
