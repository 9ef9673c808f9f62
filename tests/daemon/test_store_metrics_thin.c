/* Long series in few points: the extremes stay, whatever is added, patched or cut off. */
#include "daemon/store/metric_buckets.h"
#include "daemon/store/migrate.h"
#include "daemon/store/query.h"
#include "store_fixture.h"

#include <math.h>

/* A value that jumps about but is the same for the same step. */
static double
jumpy(int64_t step)
{
    return (double)((step * 7919) % 104729) / 1000 + 1.0 / (double)(step + 1);
}

static bool
has_valid(int64_t step)
{
    return step % 97 == 0;
}

/* Points of the steps from..to, in batches of a size. */
static void
add_points(struct fixture *f, int64_t job_seq, int64_t from, int64_t to, size_t batch)
{
    struct point_row *points = arena_array(f->arena, batch, sizeof *points);
    size_t count = 0;
    for (int64_t step = from; step <= to; step++) {
        struct measure *measures = arena_array(f->arena, 3, sizeof *measures);
        measures[0] = (struct measure){"train_loss", jumpy(step)};
        measures[1] = (struct measure){"learning_rate", 1.0 / (double)(step + 1)};
        measures[2] = (struct measure){"valid_loss", has_valid(step) ? -jumpy(step) : NAN};
        points[count++] = (struct point_row){
            .step = step, .epoch = (double)step / 10, .measures = measures, .measure_count = 3};
        if (count < batch && step < to)
            continue;
        fixture_ok(f, metrics_insert(f->db, job_seq, points, count, &f->err));
        count = 0;
    }
}

static struct point_rows
thin(struct fixture *f, int64_t job_seq, const struct point_query *query)
{
    struct point_rows rows;
    fixture_ok(f, metrics_thin(f->db, job_seq, query, f->arena, &rows, &f->err));
    assert_true(rows.count <= query->limit);
    assert_false(rows.has_more);
    for (size_t i = 1; i < rows.count; i++)
        assert_true(rows.items[i - 1].step < rows.items[i].step);
    return rows;
}

static bool
has_step(const struct point_rows *rows, int64_t step)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].step == step)
            return true;
    return false;
}

/* The naive twin: every group of equal width keeps its least and greatest train_loss. */
static void
assert_extremes_of_groups(const struct point_rows *rows, int64_t first, int64_t last,
                          int64_t groups)
{
    int64_t width = (last - first + groups) / groups;
    for (int64_t start = first; start <= last; start += width) {
        int64_t end = start + width - 1 < last ? start + width - 1 : last;
        int64_t low = start;
        int64_t high = start;
        for (int64_t step = start; step <= end; step++) {
            low = jumpy(step) < jumpy(low) ? step : low;
            high = jumpy(step) > jumpy(high) ? step : high;
        }
        assert_true(has_step(rows, low));
        assert_true(has_step(rows, high));
    }
}

static void
thinned_series_keeps_the_extremes_of_every_group(void **state)
{
    static const char *const names[] = {"train_loss"};
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add_points(f, job.seq, 0, 1023, 25);
    struct point_query query = {.after_step = -1, .limit = 130, .names = names, .name_count = 1};
    struct point_rows rows = thin(f, job.seq, &query);
    assert_extremes_of_groups(&rows, 0, 1023, 64); /* groups of 16: buckets fit them exactly */
    assert_int_equal(rows.items[0].step, 0);
    assert_int_equal(rows.items[rows.count - 1].step, 1023);
    assert_int_equal(rows.last_step, 1023);
    assert_true(rows.count > 100);
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.items[i].measure_count, 1);
        assert_true(rows.items[i].measures[0].value == jumpy(rows.items[i].step));
        assert_true(rows.items[i].epoch == (double)rows.items[i].step / 10);
    }
}

static int64_t
extreme_step(int64_t first, int64_t last, double sign)
{
    int64_t found = first;
    for (int64_t step = first; step <= last; step++)
        found = sign * jumpy(step) < sign * jumpy(found) ? step : found;
    return found;
}

static void
extremes_of_the_whole_stay_at_any_number_of_points(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    static const char *const names[] = {"train_loss"};
    static const int64_t afters[] = {-1, 0, 3, 7, 8, 30, 777, 2999};
    add_points(f, job.seq, 1, 3000, 1000);
    for (size_t i = 0; i < sizeof afters / sizeof afters[0]; i++)
        for (size_t limit = 4; limit < 600; limit += 37) {
            struct point_query query = {
                .after_step = afters[i], .limit = limit, .names = names, .name_count = 1};
            struct point_rows rows = thin(f, job.seq, &query);
            int64_t first = afters[i] < 1 ? 1 : afters[i] + 1;
            assert_int_equal(rows.items[0].step, first);
            assert_int_equal(rows.items[rows.count - 1].step, 3000);
            assert_true(has_step(&rows, extreme_step(first, 3000, 1)));
            assert_true(has_step(&rows, extreme_step(first, 3000, -1)));
        }
    struct point_query past = {.after_step = 3000, .limit = 10};
    assert_int_equal(thin(f, job.seq, &past).count, 0);
}

static void
rare_measures_are_found_too(void **state)
{
    static const char *const names[] = {"valid_loss"};
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add_points(f, job.seq, 1, 5000, 100);
    struct point_query query = {.after_step = -1, .limit = 400, .names = names, .name_count = 1};
    struct point_rows rows = thin(f, job.seq, &query);
    assert_int_equal(rows.count, 5000 / 97); /* groups are narrower than the gaps: all of them */
    query.names = NULL;
    rows = thin(f, job.seq, &query);
    assert_true(rows.count > 200);
    query.limit = 2;
    rows = thin(f, job.seq, &query);
    assert_int_equal(rows.count, 2);
    query.limit = 1;
    assert_int_equal(metrics_thin(f->db, job.seq, &query, f->arena, &rows, &f->err), ERR_INVALID);
}

/* All buckets of a job as text, to compare two ways to the same series. */
struct dump {
    struct fixture *f;
    const char *text;
};

static void
add_to_dump(void *context, int64_t first_step, const struct extremes *set)
{
    struct dump *dump = context;
    dump->text = arena_printf(dump->f->arena, "%s%lld:%s\n", dump->text, (long long)first_step,
                              extremes_text(set, dump->f->arena));
}

static const char *
dump_buckets(struct fixture *f, int64_t job_seq)
{
    struct dump dump = {f, ""};
    for (int level = 0; level < BUCKET_LEVELS; level++) {
        const struct bucket_range all = {job_seq, level, 0, INT64_MAX};
        fixture_ok(f, metric_buckets_visit(f->db, &all, f->arena, add_to_dump, &dump, &f->err));
    }
    return dump.text;
}

static int
compare_names(const void *a, const void *b)
{
    const struct extreme *x = a;
    const struct extreme *y = b;
    return strcmp(x->name, y->name);
}

/* Without the values, which SQL rounds to 15 digits: steps are all that they are for. */
static void
add_sorted(void *context, int64_t first_step, const struct extremes *set)
{
    struct extremes sorted = *set;
    struct dump *dump = context;
    qsort(sorted.items, sorted.count, sizeof *sorted.items, compare_names);
    for (size_t i = 0; i < sorted.count; i++)
        dump->text =
            arena_printf(dump->f->arena, "%s%lld:%s %lld %lld\n", dump->text, (long long)first_step,
                         sorted.items[i].name, (long long)sorted.items[i].low_step,
                         (long long)sorted.items[i].high_step);
}

static const char *
dump_sorted(struct fixture *f, int64_t job_seq)
{
    struct dump dump = {f, ""};
    for (int level = 0; level < BUCKET_LEVELS; level++) {
        const struct bucket_range all = {job_seq, level, 0, INT64_MAX};
        fixture_ok(f, metric_buckets_visit(f->db, &all, f->arena, add_sorted, &dump, &f->err));
    }
    return dump.text;
}

/* The migration's own text, run on points that are there. */
static void
run_migration(struct fixture *f, const char *name)
{
    const struct migration_list all = migrate_embedded();
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.items[i].name, name) != 0)
            continue;
        const char *sql =
            arena_copy_bytes(f->arena, (const char *)all.items[i].text, all.items[i].length);
        fixture_close_store(f);
        fixture_open_store(f); /* nothing is prepared that knows the table */
        char *message = NULL;
        sqlite3_exec(f->db->connection, "DROP TABLE metric_buckets", NULL, NULL, NULL);
        if (sqlite3_exec(f->db->connection, sql, NULL, NULL, &message) != SQLITE_OK)
            fail_msg("%s", message);
        return;
    }
    fail_msg("there is no migration %s", name);
}

static void
migration_makes_the_buckets_of_points_that_are_there(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_row other = fixture_start_job(f);
    add_points(f, job.seq, 1, 1000, 100);
    add_points(f, other.seq, 500, 600, 100);
    const char *wanted = dump_sorted(f, job.seq);
    const char *wanted_of_other = dump_sorted(f, other.seq);
    run_migration(f, "0005_metric_buckets");
    assert_string_equal(dump_sorted(f, job.seq), wanted);
    assert_string_equal(dump_sorted(f, other.seq), wanted_of_other);
}

static void
buckets_do_not_depend_on_batches_or_on_what_was_cut_off(void **state)
{
    static const int64_t cuts[] = {0, 1, 7, 8, 31, 32, 500, 511, 512, 699, 700};
    struct fixture *f = *state;
    struct job_row straight = fixture_start_job(f);
    add_points(f, straight.seq, 1, 700, 700);
    const char *wanted = dump_buckets(f, straight.seq);
    assert_true(strlen(wanted) > 1000);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct job_row job = fixture_start_job(f);
        add_points(f, job.seq, 1, 700, 1 + i * 13);
        assert_string_equal(dump_buckets(f, job.seq), wanted);
        fixture_ok(f, metrics_delete_after(f->db, job.seq, cuts[i], &f->err));
        add_points(f, job.seq, cuts[i] + 1, 700, 50);
        assert_string_equal(dump_buckets(f, job.seq), wanted);
        fixture_ok(f, metrics_delete_after(f->db, job.seq, 0, &f->err));
        assert_string_equal(dump_buckets(f, job.seq), "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(thinned_series_keeps_the_extremes_of_every_group),
        STORE_TEST(extremes_of_the_whole_stay_at_any_number_of_points),
        STORE_TEST(rare_measures_are_found_too),
        STORE_TEST(migration_makes_the_buckets_of_points_that_are_there),
        STORE_TEST(buckets_do_not_depend_on_batches_or_on_what_was_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
