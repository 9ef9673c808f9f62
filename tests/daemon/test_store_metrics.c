/* Metric points: ascending, exact, picked by name, cut off behind a step. */
#include "store_fixture.h"

#include <math.h>

static void
add_points(struct fixture *f, int64_t job_seq, int64_t from, int64_t to)
{
    for (int64_t step = from; step <= to; step++) {
        struct measure measures[] = {
            {"train_loss", 1.0 / (double)step},
            {"valid_loss", step % 5 == 0 ? 0.1 + 0.2 : NAN},
        };
        struct point_row point = {
            .step = step, .epoch = (double)step / 10, .measures = measures, .measure_count = 2};
        fixture_ok(f, metrics_insert(f->db, job_seq, &point, 1, &f->err));
    }
}

static struct point_rows
query_points(struct fixture *f, int64_t job_seq, const struct point_query *query)
{
    struct point_rows rows;
    fixture_ok(f, metrics_query(f->db, job_seq, query, f->arena, &rows, &f->err));
    return rows;
}

static void
points_read_back_to_the_bit(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add_points(f, job.seq, 1, 20);
    struct point_rows rows =
        query_points(f, job.seq, &(struct point_query){.after_step = -1, .limit = 100});
    assert_int_equal(rows.count, 20);
    assert_false(rows.has_more);
    assert_int_equal(rows.last_step, 20);
    for (size_t i = 0; i < rows.count; i++) {
        const struct point_row *point = &rows.items[i];
        assert_int_equal(point->step, i + 1);
        assert_true(point->epoch == (double)(i + 1) / 10);
        assert_true(point->created_at > 1600000000);
        assert_int_equal(point->measure_count, (i + 1) % 5 == 0 ? 2 : 1);
        assert_string_equal(point->measures[0].name, "train_loss");
        assert_true(point->measures[0].value == 1.0 / (double)(i + 1));
    }
    assert_true(rows.items[4].measures[1].value == 0.1 + 0.2);
}

static void
points_are_polled_after_a_step(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_row other = fixture_start_job(f);
    add_points(f, job.seq, 1, 10);
    add_points(f, other.seq, 1, 30);
    struct point_query query = {.after_step = 4, .limit = 3};
    struct point_rows rows = query_points(f, job.seq, &query);
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.items[0].step, 5);
    assert_true(rows.has_more);
    assert_int_equal(rows.last_step, 10);
    query.after_step = 10;
    rows = query_points(f, job.seq, &query);
    assert_int_equal(rows.count, 0);
    assert_false(rows.has_more);
    assert_int_equal(rows.last_step, 10);
}

static void
names_pick_measures_and_points_that_have_them(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add_points(f, job.seq, 1, 12);
    const char *const names[] = {"valid_loss", "no_such_measure"};
    struct point_query query = {.after_step = -1, .limit = 1, .names = names, .name_count = 2};
    struct point_rows rows = query_points(f, job.seq, &query);
    assert_int_equal(rows.count, 1);
    assert_true(rows.has_more);
    assert_int_equal(rows.items[0].step, 5);
    assert_int_equal(rows.items[0].measure_count, 1);
    assert_string_equal(rows.items[0].measures[0].name, "valid_loss");
    query.after_step = 5;
    rows = query_points(f, job.seq, &query);
    assert_int_equal(rows.items[0].step, 10);
    assert_false(rows.has_more);
    assert_int_equal(rows.last_step, 12);
}

static void
empty_series_has_no_last_step(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct point_rows rows =
        query_points(f, job.seq, &(struct point_query){.after_step = -1, .limit = 5});
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.last_step, -1);
}

static void
second_point_of_a_step_adds_its_measures(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add_points(f, job.seq, 3, 3);
    struct measure more[] = {{"test_accuracy", 0.75}};
    struct point_row point = {.step = 3, .measures = more, .measure_count = 1};
    fixture_ok(f, metrics_insert(f->db, job.seq, &point, 1, &f->err));
    struct point_rows rows =
        query_points(f, job.seq, &(struct point_query){.after_step = -1, .limit = 5});
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.items[0].measure_count, 2);
}

static void
points_behind_a_step_are_deleted_for_one_job(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_row other = fixture_start_job(f);
    add_points(f, job.seq, 1, 10);
    add_points(f, other.seq, 1, 10);
    fixture_ok(f, metrics_delete_after(f->db, job.seq, 6, &f->err));
    const struct point_query query = {.after_step = -1, .limit = 50};
    assert_int_equal(query_points(f, job.seq, &query).last_step, 6);
    assert_int_equal(query_points(f, job.seq, &query).count, 6);
    assert_int_equal(query_points(f, other.seq, &query).count, 10);
}

static void
bad_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct point_rows rows;
    const struct point_query query = {.after_step = -1, .limit = 0};
    assert_int_equal(metrics_query(f->db, 1, &query, f->arena, &rows, &f->err), ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(points_read_back_to_the_bit),
        STORE_TEST(points_are_polled_after_a_step),
        STORE_TEST(names_pick_measures_and_points_that_have_them),
        STORE_TEST(empty_series_has_no_last_step),
        STORE_TEST(second_point_of_a_step_adds_its_measures),
        STORE_TEST(points_behind_a_step_are_deleted_for_one_job),
        STORE_TEST(bad_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
