/* Rows of resume states: how many stay, what a start leaves of them, and names of their folders. */
#include "core/base/fileio.h"
#include "daemon/store/resume_states.h"
#include "store_fixture.h"

static struct resume_state_rows
list(struct fixture *f, const struct job_row *job)
{
    struct resume_state_rows rows;
    fixture_ok(f, resume_states_list(f->db, job->seq, f->arena, &rows, &f->err));
    return rows;
}

/* Add a state; how many had to go for it. */
static struct resume_state_rows
add(struct fixture *f, const struct job_row *job, int64_t step, bool pending)
{
    const struct resume_state_row row = {.step = step, .pending = pending};
    struct resume_state_rows gone;
    fixture_ok(f, resume_states_add(f->db, fixture_lease(job), &row, f->arena, &gone, &f->err));
    return gone;
}

static void
newest_two_stay(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    assert_int_equal(list(f, &job).count, 0);
    assert_int_equal(add(f, &job, 10, false).count, 0);
    assert_int_equal(add(f, &job, 20, true).count, 0);
    struct resume_state_rows gone = add(f, &job, 20, false);
    assert_int_equal(gone.count, 1);
    assert_string_equal(gone.items[0].name, "step-10");
    gone = add(f, &job, 30, false);
    assert_int_equal(gone.count, 1);
    assert_string_equal(gone.items[0].name, "step-20-pending");
    struct resume_state_rows rows = list(f, &job);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.items[0].name, "step-30");
    assert_string_equal(rows.items[1].name, "step-20");
    assert_int_equal(resume_states_find(f->db, job.seq, 20, false, &f->err), 1);
    assert_int_equal(resume_states_find(f->db, job.seq, 20, true, &f->err), 0);
}

static void
states_of_a_job_are_its_own(void **state)
{
    struct fixture *f = *state;
    struct job_row one = fixture_start_job(f);
    struct job_row two = fixture_start_job(f);
    add(f, &one, 10, false);
    add(f, &two, 10, false);
    add(f, &two, 20, false);
    assert_int_equal(add(f, &two, 30, false).count, 1);
    assert_int_equal(list(f, &one).count, 1);
    fixture_ok(f, resume_states_delete_all(f->db, two.seq, &f->err));
    assert_int_equal(list(f, &two).count, 0);
    assert_int_equal(list(f, &one).count, 1);
}

static void
lost_lease_adds_nothing(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add(f, &job, 10, false);
    add(f, &job, 20, false);
    const struct job_lease stale = {job.seq, job.attempt + 1};
    const struct resume_state_row row = {.step = 30};
    const struct resume_start start = {0};
    struct resume_state_rows gone;
    assert_int_equal(resume_states_add(f->db, stale, &row, f->arena, &gone, &f->err), ERR_CONFLICT);
    assert_int_equal(gone.count, 0);
    assert_int_equal(resume_states_start(f->db, stale, &start, &f->err), ERR_CONFLICT);
    assert_int_equal(list(f, &job).count, 2);
}

static struct point_row
point(int64_t step, const struct measure *measures, size_t count)
{
    return (struct point_row){.step = step, .measures = measures, .measure_count = count};
}

static int64_t
last_point(struct fixture *f, const struct job_row *job)
{
    struct point_rows rows = {0};
    const struct point_query all = {.after_step = -1, .limit = 100};
    fixture_ok(f, metrics_query(f->db, job->seq, &all, f->arena, &rows, &f->err));
    return rows.count > 0 ? rows.items[rows.count - 1].step : 0;
}

/* A job at step 4 with two states, of step 2 and 3; the measures say which step they are of. */
static struct job_row
job_at_step_four(struct fixture *f, bool pending)
{
    struct job_row job = fixture_start_job(f);
    struct point_row points[4];
    struct measure measures[4];
    for (size_t i = 0; i < 4; i++) {
        measures[i] = (struct measure){i == 3 ? "valid_loss" : "train_loss", (double)i + 1};
        points[i] = point((int64_t)i + 1, &measures[i], 1);
    }
    const struct job_progress_row progress = {.step = 4, .total_steps = 9};
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&job), &progress, points, 4, &f->err));
    add(f, &job, 2, false);
    add(f, &job, 3, pending);
    return job;
}

static void
start_from_a_state_forgets_what_is_beyond(void **state)
{
    struct fixture *f = *state;
    struct job_row job = job_at_step_four(f, false);
    struct resume_state_rows rows = list(f, &job);
    const struct measure latest[] = {{"train_loss", 2.5}};
    const struct resume_start start = {&rows.items[1], latest, 1};
    fixture_ok(f, resume_states_start(f->db, fixture_lease(&job), &start, &f->err));
    rows = list(f, &job);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.items[0].step, 2);
    assert_int_equal(last_point(f, &job), 2);
    struct job_row after = fixture_get_job(f, job.id);
    assert_int_equal(after.measure_count, 1);
    assert_string_equal(after.measures[0].name, "train_loss");
    assert_true(after.measures[0].value == 2.5);
}

/* Its point will come again. */
static void
start_from_a_pending_state_forgets_the_point_of_its_step(void **state)
{
    struct fixture *f = *state;
    struct job_row job = job_at_step_four(f, true);
    struct resume_state_rows rows = list(f, &job);
    const struct resume_start start = {.from = &rows.items[0]};
    fixture_ok(f, resume_states_start(f->db, fixture_lease(&job), &start, &f->err));
    assert_int_equal(list(f, &job).count, 2);
    assert_int_equal(last_point(f, &job), 2);
    assert_int_equal(fixture_get_job(f, job.id).measure_count, 0);
}

static void
start_from_the_beginning_forgets_everything(void **state)
{
    struct fixture *f = *state;
    struct job_row job = job_at_step_four(f, false);
    const struct resume_start start = {0};
    fixture_ok(f, resume_states_start(f->db, fixture_lease(&job), &start, &f->err));
    assert_int_equal(list(f, &job).count, 0);
    assert_int_equal(last_point(f, &job), 0);
}

static void
names_are_read_as_they_are_written_and_no_others(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {"step-0",
                                         "step-",
                                         "step--3",
                                         "step-010",
                                         "step-10-pend",
                                         "step-10 ",
                                         "10",
                                         "step-10-pendingx",
                                         "step-99999999999999999999999"};
    int64_t step = 0;
    bool pending = true;
    assert_true(resume_states_parse_name(resume_states_name(12, false, f->arena), &step, &pending));
    assert_true(step == 12 && !pending);
    assert_true(resume_states_parse_name(resume_states_name(7, true, f->arena), &step, &pending));
    assert_true(step == 7 && pending);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (resume_states_parse_name(others[i], &step, &pending))
            fail_msg("'%s' is taken for a name", others[i]);
}

static const char *
make_folder(struct fixture *f, const struct job_row *job, const char *name)
{
    const char *path = data_dir_resume_state_path(f->store.dir, job->id, name, f->arena);
    fixture_ok(f, fileio_make_folder(path, &f->err));
    const char *file = arena_printf(f->arena, "%s/state.json", path);
    fixture_ok(f, fileio_write(file, "x", 1, &f->err));
    return file;
}

static void
folders_without_a_row_are_swept(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add(f, &job, 10, false);
    const char *kept[] = {make_folder(f, &job, "step-10"), make_folder(f, &job, "notes")};
    const char *swept[] = {make_folder(f, &job, "step-10-pending"),
                           make_folder(f, &job, "step-20")};
    fixture_close_store(f);
    fixture_open_store(f);
    for (size_t i = 0; i < 2; i++) {
        assert_true(fileio_exists(kept[i]));
        assert_false(fileio_exists(swept[i]));
    }
    assert_int_equal(f->store.swept.resume_states, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(newest_two_stay),
        STORE_TEST(states_of_a_job_are_its_own),
        STORE_TEST(lost_lease_adds_nothing),
        STORE_TEST(start_from_a_state_forgets_what_is_beyond),
        STORE_TEST(start_from_a_pending_state_forgets_the_point_of_its_step),
        STORE_TEST(start_from_the_beginning_forgets_everything),
        STORE_TEST(names_are_read_as_they_are_written_and_no_others),
        STORE_TEST(folders_without_a_row_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
