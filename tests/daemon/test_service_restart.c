/*
 * What survives the end of a daemon, be it asked for or not.
 */
#include "tests/daemon/service_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
job_is_running_anew(const struct job_info *job)
{
    return job_has_ended(job) || (job->attempt > 1 && job_has_trained(job));
}

/* In a child: run a job until it has a checkpoint, then die without a word. */
static void
die_in_the_middle_of_a_job(struct service_fixture *f)
{
    struct page page = {.limit = 1};
    struct checkpoint_list list = {0};
    fixture_open(f);
    fixture_start(f);
    struct job_info job =
        fixture_create(f, 40, ", \"max_steps\": 2000, \"batch_size\": 4, \"save_steps\": 10");
    fixture_wait(f, job.id, job_has_trained);
    while (list.count == 0)
        fixture_ok(f,
                   service_job_checkpoints(f->service, job.id, &page, f->arena, &list, &f->faults));
    kill(getpid(), SIGKILL);
}

/* The only job of the data directory. */
static struct job_info
only_job(struct service_fixture *f)
{
    struct job_list list = {0};
    struct page page = {.limit = 2};
    fixture_ok(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
    return list.items[0];
}

static void
job_of_a_killed_daemon_runs_to_its_end(void **state)
{
    struct service_fixture *f = *state;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        die_in_the_middle_of_a_job(f);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fixture_open(f);
    struct job_info job = only_job(f);
    assert_int_equal(job.status, JOB_QUEUED);
    assert_int_equal(job.attempt, 1);
    assert_int_equal(fixture_count_events(f, job.id, "interrupted"), 1);
    fixture_start(f);
    job = fixture_wait_success(f, job.id);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(fixture_count_events(f, job.id, "Attempt 2 goes on from step"), 1);
    struct metric_list points = {0};
    struct metric_query query = {.after_step = -1, .limit = 10000};
    fixture_ok(f, service_job_metrics(f->service, job.id, &query, f->arena, &points, &f->faults));
    assert_int_equal(points.count, job.progress.total_steps);
}

static void
stop_puts_the_running_job_back_into_the_queue(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    service_stop(f->service);
    job = fixture_get(f, job.id);
    assert_int_equal(job.status, JOB_QUEUED);
    assert_int_equal(fixture_count_events(f, job.id, "back in the queue"), 1);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(fixture_get(f, job.id).status, JOB_QUEUED);
    assert_int_equal(fixture_count_events(f, job.id, "interrupted"), 0);
    fixture_start(f);
    job = fixture_wait(f, job.id, job_is_running_anew);
    assert_int_equal(job.status, JOB_RUNNING);
    assert_int_equal(job.attempt, 2);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
}

/* The end cannot be written, not even that the job waits again: the next start puts it right. */
static void
stop_on_a_full_disk_loses_no_job(void **state)
{
    struct service_fixture *f = *state;
    struct rlimit before;
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    service_stop(f->service);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(fixture_get(f, job.id).status, JOB_RUNNING);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(fixture_get(f, job.id).status, JOB_QUEUED);
    assert_int_equal(fixture_count_events(f, job.id, "interrupted"), 1);
}

static void
stopped_service_still_answers(void **state)
{
    struct service_fixture *f = *state;
    struct health health;
    service_health(f->service, f->arena, &health);
    assert_true(health.ready);
    service_stop(f->service);
    service_stop(f->service);
    service_health(f->service, f->arena, &health);
    assert_false(health.ready);
    struct job_info job = fixture_create(f, 20, "");
    assert_int_equal(fixture_get(f, job.id).status, JOB_QUEUED);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
}

static void
service_is_not_ready_before_its_start(void **state)
{
    struct service_fixture *f = *state;
    struct health health;
    service_health(f->service, f->arena, &health);
    assert_false(health.ready);
    for (size_t i = 0; i < health.count; i++)
        if (strcmp(health.checks[i].name, "worker") == 0)
            assert_string_not_equal(health.checks[i].state, "ok");
}

static void
second_service_on_the_directory_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct service *second = NULL;
    struct service_options options = fixture_options(f);
    assert_int_equal(service_open(&options, &second, &f->err), ERR_CONFLICT);
    assert_null(second);
}

/* A trained model becomes a base model, so that there are weights to change. */
static void
make_base_of_trained_model(struct service_fixture *f)
{
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 1");
    job = fixture_wait_success(f, job.id);
    fixture_copy_to_bases(f, job.id);
    fixture_close(f);
    fixture_open(f);
    fixture_start(f);
}

static void
base_model_that_changed_fails_the_job(void **state)
{
    struct service_fixture *f = *state;
    make_base_of_trained_model(f);
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 40));
    struct job_info job = {0};
    fixture_ok(f, fixture_try_create(f,
                                     arena_printf(f->arena,
                                                  "{\"model\": \"trained\", \"training_file\": "
                                                  "\"%s\", \"max_steps\": 1000000}",
                                                  file.id),
                                     &job));
    fixture_wait(f, job.id, job_has_trained);
    fixture_close(f);
    FILE *weights =
        fopen(arena_printf(f->arena, "%s/trained/model.safetensors", f->models_dir), "r+");
    assert_non_null(weights);
    assert_int_equal(fseek(weights, -1, SEEK_END), 0);
    int last = fgetc(weights);
    assert_int_equal(fseek(weights, -1, SEEK_END), 0);
    assert_int_equal(fputc(last ^ 1, weights), last ^ 1);
    fclose(weights);
    fixture_open(f);
    fixture_start(f);
    job = fixture_wait(f, job.id, job_has_ended);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error_code, "base_model_changed");
    assert_string_equal(job.error_param, "model");
    assert_int_equal(fixture_count_events(f, job.id, "base_model_changed"), 1);
}

static void
base_model_that_went_away_fails_the_job(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, "");
    fixture_close(f);
    if (fileio_remove_tree(arena_printf(f->arena, "%s/tiny", f->models_dir), &f->err) != 0)
        fail_msg("%s", f->err.message);
    fixture_open(f);
    fixture_start(f);
    job = fixture_wait(f, job.id, job_has_ended);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error_code, "invalid_model");
}

/* Rates beyond reason, as far as the parameters allow: the weights leave the floats. */
static void
diverging_job_fails_with_its_reason(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 40));
    struct job_info job = {0};
    fixture_ok(f,
               fixture_try_create(f,
                                  arena_printf(f->arena,
                                               "{\"model\": \"tiny\", \"training_file\": \"%s\", "
                                               "\"optimizer\": \"sgd\", \"learning_rate\": 1, "
                                               "\"learning_rate_multiplier\": 1000, "
                                               "\"weight_decay\": 1, \"max_grad_norm\": 0, "
                                               "\"max_steps\": 100}",
                                               file.id),
                                  &job));
    job = fixture_wait(f, job.id, job_has_ended);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error_code, "diverged");
    assert_non_null(strstr(job.error_message, "learning_rate"));
    assert_true(job.finished_at > 0);
    assert_int_equal(job.trained_tokens, -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PREPARED_TEST(job_of_a_killed_daemon_runs_to_its_end),
        RUNNING_TEST(stop_puts_the_running_job_back_into_the_queue),
        RUNNING_TEST(stop_on_a_full_disk_loses_no_job),
        RUNNING_TEST(stopped_service_still_answers),
        IDLE_TEST(service_is_not_ready_before_its_start),
        IDLE_TEST(second_service_on_the_directory_is_refused),
        RUNNING_TEST(base_model_that_changed_fails_the_job),
        IDLE_TEST(base_model_that_went_away_fails_the_job),
        RUNNING_TEST(diverging_job_fails_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
