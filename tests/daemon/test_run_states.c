/* States of `finetuned run`: which of a folder's is the newest, and what becomes of bad ones. */
#include "daemon/run_states.h"
#include "tests/core/resume_fixture.h"

#include <sys/stat.h>

/* A fixture whose folder out.resume holds the states of these steps. */
static struct run_states
states_of_steps(struct resume_fixture *f, const size_t *steps, size_t count)
{
    struct err err;
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "made");
    scratch_folder(&f->scratch, "out.resume");
    resume_run_whole(f, 1, folder, &whole);
    buf_fini(&whole.log);
    for (size_t i = 0; i < count; i++) {
        const char *name = arena_printf(f->scratch.arena, "out.resume/step-%zu", steps[i]);
        assert_int_equal(fileio_rename(resume_state_path(f, folder, steps[i], false),
                                       scratch_path(&f->scratch, name), &err),
                         0);
    }
    return run_states_of(scratch_path(&f->scratch, "out"), f->scratch.arena);
}

static bool
is_there(struct resume_fixture *f, const char *name)
{
    struct stat status;
    return lstat(scratch_path(&f->scratch, name), &status) == 0;
}

/* The step of the chosen state, 0 when there is none. */
static size_t
choose(struct run_states *states, const char **damage)
{
    struct err err;
    struct resume_file *file = NULL;
    if (run_states_choose(states, &file, damage, &err) != 0)
        fail_msg("%s", err.message);
    size_t step = file != NULL ? resume_state_facts(file)->step : 0;
    resume_state_close(file);
    assert_int_equal(states->newest_step, step);
    return step;
}

/* By number, not by the order of letters. */
static void
newest_is_the_one_of_the_greatest_step(void **state)
{
    struct resume_fixture *f = *state;
    const char *damage = NULL;
    struct run_states states = states_of_steps(f, (const size_t[]){9, 10, 8}, 3);
    assert_true(run_states_exist(&states));
    assert_int_equal(choose(&states, &damage), 10);
    assert_null(damage);
}

static void
damaged_states_are_removed_and_told_of(void **state)
{
    struct resume_fixture *f = *state;
    const char *damage = NULL;
    struct run_states states = states_of_steps(f, (const size_t[]){5, 7}, 2);
    scratch_folder(&f->scratch, "out.resume/step-7-pending");
    scratch_folder(&f->scratch, "out.resume/unfinished");
    scratch_write_text(&f->scratch, "out.resume/step-7/state.json", "{}");
    assert_int_equal(choose(&states, &damage), 5);
    assert_non_null(strstr(damage, "step-7 is damaged and was removed: state.json"));
    assert_false(is_there(f, "out.resume/step-7"));
    assert_false(is_there(f, "out.resume/step-7-pending"));
    assert_true(is_there(f, "out.resume/step-5"));
    scratch_write_text(&f->scratch, "out.resume/step-5/SHA256SUMS", "");
    assert_int_equal(choose(&states, &damage), 0);
}

static void
state_of_a_newer_program_stays(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    char sum[65];
    const char *damage = NULL;
    struct resume_file *file = NULL;
    struct run_states states = states_of_steps(f, (const size_t[]){5, 7}, 2);
    const char *newer = arena_printf(f->scratch.arena, "{\"format\":%d}", RESUME_STATE_FORMAT + 1);
    fileio_sha256_bytes(newer, strlen(newer), sum);
    scratch_write_text(&f->scratch, "out.resume/step-7/state.json", newer);
    scratch_write_text(&f->scratch, "out.resume/step-7/SHA256SUMS",
                       arena_printf(f->scratch.arena, "%s  state.json\n", sum));
    assert_int_equal(run_states_choose(&states, &file, &damage, &err), ERR_UNSUPPORTED);
    assert_null(file);
    assert_null(damage);
    assert_true(is_there(f, "out.resume/step-7"));
}

static void
folder_belongs_to_one_run_at_a_time(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct run_states states = states_of_steps(f, (const size_t[]){5}, 1);
    struct run_states other = run_states_of(scratch_path(&f->scratch, "out"), f->scratch.arena);
    assert_int_equal(run_states_lock(&states, &err), 0);
    assert_int_equal(run_states_lock(&states, &err), 0);
    assert_int_equal(run_states_lock(&other, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "another run works with the states in"));
    run_states_unlock(&states);
    assert_int_equal(run_states_lock(&other, &err), 0);
    run_states_unlock(&other);
    struct run_states nowhere = run_states_of(scratch_path(&f->scratch, "none"), f->scratch.arena);
    assert_int_equal(run_states_lock(&nowhere, &err), 0);
}

static void
without_an_output_there_are_none(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *damage = NULL;
    struct run_states states = run_states_of(NULL, f->scratch.arena);
    assert_false(run_states_exist(&states));
    assert_int_equal(choose(&states, &damage), 0);
    assert_int_equal(run_states_remove(&states, &err), 0);
    states = run_states_of("some/where//", f->scratch.arena);
    assert_string_equal(states.folder, "some/where.resume");
}

#define STATES_TEST(test) cmocka_unit_test_setup_teardown(test, resume_setup, resume_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STATES_TEST(newest_is_the_one_of_the_greatest_step),
        STATES_TEST(damaged_states_are_removed_and_told_of),
        STATES_TEST(state_of_a_newer_program_stays),
        STATES_TEST(folder_belongs_to_one_run_at_a_time),
        STATES_TEST(without_an_output_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
