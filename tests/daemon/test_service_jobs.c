/*
 * Jobs through the seam, from their creation to their end.
 */
#include "tests/daemon/service_fixture.h"

#include <dirent.h>
#include <math.h>

static void
job_trains_to_success(void **state)
{
    struct service_fixture *f = *state;
    struct file_info test = fixture_upload(f, "test.jsonl", fixture_rows(f, 12));
    struct job_info job = fixture_create(
        f, 60,
        arena_printf(f->arena, ", \"n_epochs\": 4, \"seed\": 7, \"test_file\": \"%s\"", test.id));
    assert_int_equal(job.status, JOB_QUEUED);
    assert_string_equal(job.model, "tiny");
    assert_int_equal(job.seed, 7);
    assert_string_equal(job.labels_json, "[\"negative\",\"positive\"]");
    assert_int_equal(job.trained_tokens, -1);
    job = fixture_wait_success(f, job.id);
    assert_string_equal(job.fine_tuned_model,
                        arena_printf(f->arena, "ft:tiny:local::%.8s", job.id + strlen("ftjob-")));
    assert_true(job.trained_tokens > 0);
    assert_true(job.finished_at >= job.started_at);
    assert_int_equal(job.attempt, 1);
    assert_int_equal(job.threads, 2);
    assert_string_equal(job.precision, gemm_engine_has_bf16(f->engine) ? "bf16" : "fp32");
    assert_string_equal(job.engine, gemm_engine_name(f->engine));
    assert_true(job.peak_memory_bytes > 0);
    assert_int_equal(job.progress.step, job.progress.total_steps);
    assert_true(fabs(job.progress.percent - 100) < 1e-9);
    assert_true(job.progress.seconds_left == 0);
    assert_true(fabs(job.progress.epoch - 4) < 1e-9);
    assert_true(isfinite(fixture_value(job.metrics, job.metric_count, "train_loss")));
    assert_true(isfinite(fixture_value(job.metrics, job.metric_count, "valid_accuracy")));
    assert_true(isfinite(fixture_value(job.metrics, job.metric_count, "test_accuracy")));
}

static void
events_tell_the_story(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 40, ", \"n_epochs\": 2");
    fixture_wait_success(f, job.id);
    struct event_list events = fixture_events(f, job.id);
    assert_non_null(strstr(events.items[0].message, "Job created"));
    assert_non_null(strstr(events.items[1].message, "optimizer = adamw"));
    assert_non_null(strstr(events.items[1].message, "drawn at random"));
    assert_non_null(strstr(events.items[events.count - 1].message, "succeeded"));
    assert_int_equal(fixture_count_events(f, job.id, "no weights file"), 1);
    size_t metrics = 0;
    for (size_t i = 0; i < events.count; i++) {
        if (strcmp(events.items[i].type, "metrics") != 0)
            continue;
        metrics++;
        assert_non_null(strstr(events.items[i].data_json, "\"full_valid_loss\""));
        assert_non_null(strstr(events.items[i].data_json, "\"total_steps\""));
    }
    assert_int_equal(metrics, 2);
}

static void
metrics_have_a_point_for_each_step(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 40, ", \"n_epochs\": 2, \"batch_size\": 4");
    job = fixture_wait_success(f, job.id);
    struct metric_list list = {0};
    struct metric_query query = {.after_step = -1, .limit = 1000};
    fixture_ok(f, service_job_metrics(f->service, job.id, &query, f->arena, &list, &f->faults));
    assert_int_equal(list.count, job.progress.total_steps);
    assert_int_equal(list.last_step, job.progress.total_steps);
    assert_false(list.has_more);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.items[i].step, i + 1);
    const char *const names[] = {"valid_loss"};
    query = (struct metric_query){.after_step = 1, .limit = 1, .names = names, .name_count = 1};
    fixture_ok(f, service_job_metrics(f->service, job.id, &query, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
    assert_true(list.has_more);
    assert_int_equal(list.items[0].value_count, 1);
}

static struct checkpoint_list
checkpoints_of(struct service_fixture *f, const char *id)
{
    struct checkpoint_list list = {0};
    struct page page = {.limit = 100};
    fixture_ok(f, service_job_checkpoints(f->service, id, &page, f->arena, &list, &f->faults));
    return list;
}

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

/* The newest three stay, and the best of all epochs, whose loss the metric points still tell. */
static void
checkpoints_are_the_newest_three_and_the_best(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(
        f, 40, ", \"n_epochs\": 8, \"batch_size\": 4, \"lr_scheduler\": \"constant\"");
    job = fixture_wait_success(f, job.id);
    struct checkpoint_list list = checkpoints_of(f, job.id);
    int64_t epoch = job.progress.total_steps / 8;
    assert_in_range(list.count, 3, 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(list.items[i].step, job.progress.total_steps - (int64_t)i * epoch);
    struct metric_list points = {0};
    const char *const names[] = {"valid_loss"};
    struct metric_query query = {.after_step = -1, .limit = 1000, .names = names, .name_count = 1};
    fixture_ok(f, service_job_metrics(f->service, job.id, &query, f->arena, &points, &f->faults));
    assert_int_equal(points.count, 8);
    double lowest = INFINITY;
    for (size_t i = 0; i < points.count; i++)
        lowest = fmin(lowest, points.items[i].values[0].value);
    double kept = INFINITY;
    for (size_t i = 0; i < list.count; i++)
        kept = fmin(kept,
                    fixture_value(list.items[i].metrics, list.items[i].metric_count, "valid_loss"));
    assert_true(kept == lowest);
    for (size_t i = 0; i < list.count; i++) {
        const char *folder = arena_printf(f->arena, "%s/jobs/%s/checkpoints/step-%lld/config.json",
                                          f->data_dir, job.id, (long long)list.items[i].step);
        assert_true(fileio_exists(folder));
    }
    assert_int_equal(
        count_entries(arena_printf(f->arena, "%s/jobs/%s/checkpoints", f->data_dir, job.id)),
        list.count);
}

static void
same_seed_gives_the_same_bytes(void **state)
{
    struct service_fixture *f = *state;
    struct model_file_list first = {0};
    struct model_file_list second = {0};
    struct job_info one = fixture_create(f, 40, ", \"n_epochs\": 2, \"seed\": 3, \"threads\": 1");
    struct job_info two = fixture_create(f, 40, ", \"n_epochs\": 2, \"seed\": 3, \"threads\": 3");
    one = fixture_wait_success(f, one.id);
    two = fixture_wait_success(f, two.id);
    assert_int_equal(one.threads, 1);
    assert_int_equal(two.threads, 3);
    fixture_ok(f,
               service_model_files(f->service, one.fine_tuned_model, f->arena, &first, &f->faults));
    fixture_ok(
        f, service_model_files(f->service, two.fine_tuned_model, f->arena, &second, &f->faults));
    assert_int_equal(first.count, second.count);
    for (size_t i = 0; i < first.count; i++)
        assert_string_equal(first.items[i].sha256, second.items[i].sha256);
}

static void
cancel_of_queued_job_is_at_once(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, "");
    assert_int_equal(job.queue_position, 1);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_int_equal(job.queue_position, 0);
    assert_true(job.finished_at > 0);
}

static void
cancel_of_running_job_stops_it(void **state)
{
    struct service_fixture *f = *state;
    struct job_info endless = fixture_create_endless(f);
    struct job_info next = fixture_create(f, 20, ", \"n_epochs\": 1");
    struct job_info job = fixture_wait(f, endless.id, job_has_trained);
    assert_int_equal(job.status, JOB_RUNNING);
    fixture_ok(f, service_job_cancel(f->service, endless.id, f->arena, &job, &f->faults));
    assert_int_equal(job.status, JOB_CANCELLED);
    fixture_wait_success(f, next.id); /* so the worker is free again */
    job = fixture_get(f, endless.id);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_null(job.fine_tuned_model);
    struct event_list events = fixture_events(f, endless.id);
    assert_non_null(strstr(events.items[events.count - 1].message, "cancelled"));
    assert_false(
        fileio_exists(arena_printf(f->arena, "%s/models/%s/config.json", f->data_dir, endless.id)));
}

static void
cancel_of_finished_job_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 20, ", \"n_epochs\": 1");
    fixture_wait_success(f, job.id);
    fixture_refused(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults),
                    FAULT_CONFLICT, "id");
    assert_int_equal(fixture_get(f, job.id).status, JOB_SUCCEEDED);
}

static void
unknown_job_is_not_found(void **state)
{
    struct service_fixture *f = *state;
    const char *id = "ftjob-000000000000000000000000";
    struct job_info job;
    struct event_list events;
    struct metric_list metrics;
    struct metric_query query = {.after_step = -1, .limit = 1};
    struct page page = {.limit = 1};
    fixture_refused(f, service_job_get(f->service, id, f->arena, &job, &f->faults),
                    FAULT_JOB_NOT_FOUND, "id");
    fixture_refused(f, service_job_cancel(f->service, id, f->arena, &job, &f->faults),
                    FAULT_JOB_NOT_FOUND, "id");
    fixture_refused(f, service_job_events(f->service, id, &page, f->arena, &events, &f->faults),
                    FAULT_JOB_NOT_FOUND, "id");
    fixture_refused(f, service_job_metrics(f->service, id, &query, f->arena, &metrics, &f->faults),
                    FAULT_JOB_NOT_FOUND, "id");
}

static void
jobs_are_listed_newest_first_by_cursor(void **state)
{
    struct service_fixture *f = *state;
    struct job_info jobs[3];
    for (size_t i = 0; i < 3; i++)
        jobs[i] = fixture_create(
            f, 20, i == 1 ? ", \"metadata\": {\"team\": \"blue\"}, \"suffix\": \"mine\"" : "");
    struct job_list list = {0};
    struct page page = {.limit = 2};
    fixture_ok(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 2);
    assert_true(list.has_more);
    assert_string_equal(list.items[0].id, jobs[2].id);
    page.after = list.items[1].id;
    fixture_ok(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, jobs[0].id);
    struct metadata_filter filter = {"team", "blue"};
    page.after = NULL;
    fixture_ok(f, service_jobs_list(f->service, &page, &filter, 1, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, jobs[1].id);
    assert_string_equal(list.items[0].suffix, "mine");
    page.after = "ftjob-000000000000000000000000";
    fixture_refused(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &list, &f->faults),
                    FAULT_INVALID_CURSOR, "after");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RUNNING_TEST(job_trains_to_success),
        RUNNING_TEST(events_tell_the_story),
        RUNNING_TEST(metrics_have_a_point_for_each_step),
        RUNNING_TEST(checkpoints_are_the_newest_three_and_the_best),
        RUNNING_TEST(same_seed_gives_the_same_bytes),
        IDLE_TEST(cancel_of_queued_job_is_at_once),
        RUNNING_TEST(cancel_of_running_job_stops_it),
        RUNNING_TEST(cancel_of_finished_job_is_refused),
        IDLE_TEST(unknown_job_is_not_found),
        IDLE_TEST(jobs_are_listed_newest_first_by_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
