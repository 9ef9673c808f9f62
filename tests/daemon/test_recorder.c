/*
 * What a run reports on its way into the database.
 */
#include "daemon/work/recorder.h"
#include "daemon/work/clock.h"
#include "daemon/work/measures.h"
#include "tests/daemon/store_fixture.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct train_point
point_of(size_t step, double loss)
{
    struct train_point point = {.progress = {.step = step, .total_steps = 10, .epoch = 0.5}};
    for (size_t m = 0; m < METRIC_COUNT; m++)
        point.values[m] = NAN;
    point.values[METRIC_TRAIN_LOSS] = loss;
    return point;
}

static size_t
stored_points(struct fixture *f, int64_t seq)
{
    struct point_rows rows = {0};
    struct point_query query = {.after_step = -1, .limit = 100};
    fixture_ok(f, metrics_query(f->db, seq, &query, f->arena, &rows, &f->err));
    return rows.count;
}

static void
points_wait_for_the_interval_and_events_do_not(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct recorder recorder;
    recorder_init(&recorder, f->db, fixture_lease(&job), job.id);
    recorder.tried_at_ms = INT64_MAX; /* the interval never ends */
    for (size_t step = 1; step <= 5; step++) {
        struct train_point point = point_of(step, 1.0 / (double)step);
        recorder_add_point(&recorder, &point);
    }
    assert_int_equal(stored_points(f, job.seq), 0);
    size_t before = fixture_events(f, job.seq).count;
    struct event_new event = {.level = EVENT_WARN, .message = "look here"};
    recorder_add_event(&recorder, &event);
    assert_int_equal(stored_points(f, job.seq), 5);
    struct event_rows events = fixture_events(f, job.seq);
    assert_int_equal(events.count, before + 1);
    assert_string_equal(events.items[before].message, "look here");
    assert_string_equal(events.items[before].level, "warn");
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.progress.step, 5);
    assert_int_equal(row.progress.total_steps, 10);
    assert_true(row.progress.peak_memory_bytes > 0);
    assert_int_equal(row.measure_count, 1);
    assert_true(row.measures[0].value == 0.2);
    recorder_fini(&recorder);
}

static void
tick_writes_when_the_interval_is_over(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct recorder recorder;
    struct train_point point = point_of(1, 0.5);
    recorder_init(&recorder, f->db, fixture_lease(&job), job.id);
    recorder.tried_at_ms = INT64_MAX;
    recorder_add_point(&recorder, &point);
    recorder_tick(&recorder);
    assert_int_equal(stored_points(f, job.seq), 0);
    recorder.tried_at_ms = clock_now_ms() - RECORDER_INTERVAL_MS;
    recorder_tick(&recorder);
    assert_int_equal(stored_points(f, job.seq), 1);
    recorder_fini(&recorder);
}

static void
cancelled_job_takes_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct recorder recorder;
    struct train_point point = point_of(1, 0.5);
    struct event_new event = {.message = "too late"};
    const struct job_change change = {.from = 1u << JOB_STATE_RUNNING,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    recorder_init(&recorder, f->db, fixture_lease(&job), job.id);
    fixture_ok(f, jobs_change(f->db, job.id, &change, &f->err));
    assert_false(recorder_is_broken(&recorder));
    recorder_add_point(&recorder, &point);
    assert_true(recorder_is_broken(&recorder));
    assert_true(recorder.lost);
    recorder_add_event(&recorder, &event);
    assert_int_equal(recorder_flush(&recorder, &f->err), ERR_CONFLICT);
    assert_int_equal(stored_points(f, job.seq), 0);
    struct event_rows events = fixture_events(f, job.seq);
    assert_string_equal(events.items[events.count - 1].message, "Cancelled");
    recorder_fini(&recorder);
}

/* From now on the process can write nothing into files: the database refuses every write. */
static struct rlimit
refuse_writes(void)
{
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    return before;
}

static void
refused_points_are_kept_and_written_later(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct recorder recorder;
    struct train_point point = point_of(1, 0.5);
    recorder_init(&recorder, f->db, fixture_lease(&job), job.id);
    struct rlimit before = refuse_writes();
    recorder_add_point(&recorder, &point);
    bool refused = recorder.refused_since_ms != 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(refused);
    assert_false(recorder_is_broken(&recorder));
    assert_int_equal(recorder.point_count, 1);
    fixture_ok(f, recorder_flush(&recorder, &f->err));
    assert_int_equal(recorder.refused_since_ms, 0);
    assert_int_equal(recorder.point_count, 0);
    assert_int_equal(stored_points(f, job.seq), 1);
    recorder_fini(&recorder);
}

static void
patience_with_the_database_has_an_end(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct recorder recorder;
    struct train_point point = point_of(1, 0.5);
    recorder_init(&recorder, f->db, fixture_lease(&job), job.id);
    recorder.refused_since_ms = clock_now_ms() - RECORDER_PATIENCE_MS - 1;
    struct rlimit before = refuse_writes();
    recorder_add_point(&recorder, &point);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(recorder_is_broken(&recorder));
    assert_false(recorder.lost);
    assert_true(recorder.failure.code < 0);
    recorder_fini(&recorder);
}

/* SQLite writes with this; here it takes the place of the C library's. */
static atomic_bool disk_is_full;

ssize_t
pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    if (!atomic_load(&disk_is_full))
        return syscall(SYS_pwrite64, fd, bytes, length, offset);
    errno = ENOSPC;
    return -1;
}

static void
full_disk_has_all_the_time_there_is(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct recorder recorder;
    struct train_point point = point_of(1, 0.5);
    recorder_init(&recorder, f->db, fixture_lease(&job), job.id);
    recorder.refused_since_ms = clock_now_ms() - RECORDER_PATIENCE_MS - 1;
    atomic_store(&disk_is_full, true);
    recorder_add_point(&recorder, &point);
    int code = recorder_flush(&recorder, &f->err);
    atomic_store(&disk_is_full, false);
    assert_int_equal(code, ERR_FULL);
    assert_true(recorder.full);
    assert_false(recorder_is_broken(&recorder));
    fixture_ok(f, recorder_flush(&recorder, &f->err));
    assert_false(recorder.full);
    assert_int_equal(stored_points(f, job.seq), 1);
    recorder_fini(&recorder);
}

static void
measures_leave_out_what_is_absent(void **state)
{
    struct fixture *f = *state;
    struct train_point point = point_of(3, 0.25);
    size_t count = 0;
    point.values[METRIC_VALID_ACCURACY] = 0.875;
    const struct measure *measures = measures_from_values(point.values, f->arena, &count);
    assert_int_equal(count, 2);
    assert_string_equal(measures[0].name, "train_loss");
    assert_string_equal(measures[1].name, "valid_accuracy");
    assert_string_equal(measures_sentence(point.values, f->arena),
                        "train loss 0.2500, validation accuracy 0.8750");
    assert_string_equal(
        measures_event_data(3, 10, point.values, f->arena),
        "{\"step\":3,\"total_steps\":10,\"train_loss\":0.25,\"valid_accuracy\":0.875,"
        "\"valid_mean_token_accuracy\":0.875,"
        "\"full_valid_mean_token_accuracy\":0.875}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(points_wait_for_the_interval_and_events_do_not),
        STORE_TEST(tick_writes_when_the_interval_is_over),
        STORE_TEST(cancelled_job_takes_nothing_more),
        STORE_TEST(refused_points_are_kept_and_written_later),
        STORE_TEST(patience_with_the_database_has_an_end),
        STORE_TEST(full_disk_has_all_the_time_there_is),
        STORE_TEST(measures_leave_out_what_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
