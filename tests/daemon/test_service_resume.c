/*
 * Jobs that are interrupted go on: the model and every metric but times are those of a job that
 * never was, and damaged states are passed by.
 */
#include "tests/daemon/same_job.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 330, ROWS = 180 };

/* A job that must be the same whenever it runs; the file is uploaded once for each. */
static struct job_info
create(struct service_fixture *f)
{
    return fixture_create(
        f, ROWS,
        arena_printf(f->arena, ", \"max_steps\": %d, \"batch_size\": 4, \"seed\": 9", STEPS));
}

/* Start with states so often; below 0: after each step. */
static void
start_with_interval(struct service_fixture *f, double seconds)
{
    struct service_options options = fixture_options(f);
    options.resume_interval = seconds;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    fixture_start(f);
}

static void
start_again(struct service_fixture *f)
{
    fixture_close(f);
    fixture_open(f);
    fixture_start(f);
}

static bool
is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static const char *
states_folder(struct service_fixture *f, const char *id)
{
    return arena_printf(f->arena, "%s/jobs/%s/resume", f->data_dir, id);
}

/* Stop the service when the job has got some steps further, and start it anew; until it is done. */
static struct job_info
run_in_pieces(struct service_fixture *f, const char *id, int64_t stride)
{
    struct timespec pause = {.tv_nsec = 1000000L};
    int64_t aim = stride;
    struct job_info job = fixture_get(f, id);
    while (!job_has_ended(&job)) {
        if (job.progress.step >= aim && job.status == JOB_RUNNING) {
            start_again(f);
            aim = job.progress.step + stride;
        }
        nanosleep(&pause, NULL);
        job = fixture_get(f, id);
    }
    assert_int_equal(job.status, JOB_SUCCEEDED);
    return job;
}

static void
stopped_job_ends_as_an_undisturbed_one(void **state)
{
    struct service_fixture *f = *state;
    struct job_info whole = create(f);
    fixture_wait_success(f, whole.id);
    struct job_info pieces = create(f);
    pieces = run_in_pieces(f, pieces.id, 40);
    assert_true(pieces.attempt > 3);
    assert_true(fixture_count_events(f, pieces.id, "goes on from step") > 2);
    assert_int_equal(fixture_count_events(f, pieces.id, "from its beginning"), 0);
    check_same_job(f, whole.id, pieces.id, STEPS);
    fixture_close(f); /* its thread may be removing them yet */
    assert_false(is_there(states_folder(f, pieces.id)));
}

static bool
job_is_paused(const struct job_info *job)
{
    return job->status != JOB_QUEUED && job->status != JOB_RUNNING && job->status != JOB_PAUSING;
}

static void
paused_job_ends_as_an_undisturbed_one(void **state)
{
    struct service_fixture *f = *state;
    struct job_info whole = create(f);
    fixture_wait_success(f, whole.id);
    struct job_info job = create(f);
    fixture_wait(f, job.id, job_has_trained);
    fixture_ok(f, service_job_pause(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait(f, job.id, job_is_paused);
    assert_int_equal(job.status, JOB_PAUSED);
    assert_int_equal(fixture_count_events(f, job.id, "resumed, it will go on from step"), 1);
    assert_true(is_there(states_folder(f, job.id)));
    start_again(f);
    fixture_ok(f, service_job_resume(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait_success(f, job.id);
    assert_int_equal(job.attempt, 2);
    check_same_job(f, whole.id, job.id, STEPS);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static bool
job_is_at_step_twelve(const struct job_info *job)
{
    return job_has_ended(job) || job->progress.step >= 12;
}

/* In a child: save a state after each step, and die without a word after some. */
static void
run_and_die(struct service_fixture *f, int answer)
{
    start_with_interval(f, -1);
    struct job_info job = create(f);
    fixture_wait(f, job.id, job_is_at_step_twelve);
    if (write(answer, job.id, strlen(job.id)) < 0)
        _exit(1);
    kill(getpid(), SIGKILL);
}

static bool
job_has_failed(const struct job_info *job)
{
    return job->status == JOB_FAILED;
}

/* A data directory whose job has two states, opened; the id of the job. */
static const char *
open_with_two_states(struct service_fixture *f)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0)
        run_and_die(f, pipes[1]);
    int status = 0;
    char id[64] = "";
    close(pipes[1]);
    assert_true(read(pipes[0], id, sizeof id - 1) > 0);
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fixture_open(f); /* sweeps what has no row */
    return arena_copy_string(f->arena, id);
}

/* The folders that are there, by increasing step. */
static void
list_states(struct service_fixture *f, const char *id, const char *paths[2])
{
    size_t count = 0;
    for (int step = 1; step <= STEPS; step++) {
        const char *path = arena_printf(f->arena, "%s/step-%d", states_folder(f, id), step);
        if (is_there(path)) {
            assert_true(count < 2);
            paths[count++] = path;
        }
    }
    assert_int_equal(count, 2);
}

static void
spoil(struct service_fixture *f, const char *folder, size_t way)
{
    static const char *const names[] = {"state.json", "state.safetensors", "SHA256SUMS"};
    struct buf bytes = {0};
    const char *path = arena_printf(f->arena, "%s/%s", folder, names[way % 3]);
    assert_int_equal(fileio_read(path, 10 << 20, &bytes, &f->err), 0);
    if (way / 3 == 0) /* cut short */
        assert_int_equal(fileio_write(path, bytes.data, bytes.length - 1, &f->err), 0);
    else if (way / 3 == 1) /* emptied */
        assert_int_equal(fileio_write(path, "", 0, &f->err), 0);
    else if (way / 3 == 2) /* gone */
        assert_int_equal(fileio_remove_tree(path, &f->err), 0);
    else { /* one bit */
        bytes.data[bytes.length / 2] = (char)(bytes.data[bytes.length / 2] ^ 1);
        assert_int_equal(fileio_write(path, bytes.data, bytes.length, &f->err), 0);
    }
    buf_fini(&bytes);
}

enum { WAYS = 12 };

/* Each file of the newest state in each way: the older one is used, and the end is the same. */
static void
damaged_newest_state_is_passed_by(void **state)
{
    struct service_fixture *f = *state;
    const char *paths[2];
    for (size_t way = 0; way < WAYS; way++) {
        const char *id = open_with_two_states(f);
        list_states(f, id, paths);
        spoil(f, paths[1], way);
        fixture_start(f);
        fixture_wait_success(f, id);
        assert_int_equal(fixture_count_events(f, id, "is damaged and is not used"), 1);
        assert_int_equal(fixture_count_events(f, id, "Attempt 2 goes on from step"), 1);
        struct job_info whole = create(f);
        fixture_wait_success(f, whole.id);
        check_same_job(f, whole.id, id, STEPS);
        fixture_close(f);
        assert_int_equal(fileio_remove_tree(f->data_dir, &f->err), 0);
    }
}

/* Its file is a link to itself: the system's refusal, which says nothing of the bytes. */
static void
state_that_cannot_be_read_fails_the_job_and_is_kept(void **state)
{
    struct service_fixture *f = *state;
    const char *paths[2];
    const char *id = open_with_two_states(f);
    list_states(f, id, paths);
    const char *file = arena_printf(f->arena, "%s/state.safetensors", paths[1]);
    const char *aside = scratch_path(&f->scratch, "aside");
    assert_int_equal(rename(file, aside), 0);
    assert_int_equal(symlink("state.safetensors", file), 0);
    fixture_start(f);
    struct job_info job = fixture_wait(f, id, job_has_failed);
    assert_string_equal(job.error_code, "resume_state_unreadable");
    assert_int_equal(fixture_count_events(f, id, "is damaged"), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rename(aside, file), 0);
    fixture_ok(f, service_job_retry(f->service, id, f->arena, &job, &f->faults));
    fixture_wait_success(f, id);
    assert_int_equal(fixture_count_events(f, id, "Attempt 3 goes on from step"), 1);
}

static void
job_without_a_good_state_starts_from_its_beginning(void **state)
{
    struct service_fixture *f = *state;
    const char *paths[2];
    const char *id = open_with_two_states(f);
    list_states(f, id, paths);
    spoil(f, paths[0], 1);
    assert_int_equal(fileio_remove_tree(paths[1], &f->err), 0);
    fixture_start(f);
    fixture_wait_success(f, id);
    assert_int_equal(fixture_count_events(f, id, "is damaged and is not used"), 2);
    assert_int_equal(fixture_count_events(f, id, "Attempt 2 starts the job from its beginning"), 1);
    struct job_info whole = create(f);
    fixture_wait_success(f, whole.id);
    check_same_job(f, whole.id, id, STEPS);
}

static void
state_of_a_newer_program_is_left_untouched(void **state)
{
    struct service_fixture *f = *state;
    const char *paths[2];
    char sums[2][65];
    const char *id = open_with_two_states(f);
    list_states(f, id, paths);
    const char *json = arena_printf(f->arena, "%s/state.json", paths[1]);
    const char *newer = "{\"format\":1000,\"facts\":[]}";
    assert_int_equal(fileio_write(json, newer, strlen(newer), &f->err), 0);
    assert_int_equal(fileio_sha256(json, sums[0], &f->err), 0);
    const char *line = arena_printf(f->arena, "%s  state.json\n", sums[0]);
    assert_int_equal(fileio_write(arena_printf(f->arena, "%s/SHA256SUMS", paths[1]), line,
                                  strlen(line), &f->err),
                     0);
    fixture_start(f);
    struct job_info job = fixture_wait(f, id, job_has_ended);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error_code, "resume_state_unsupported");
    assert_non_null(strstr(job.error_message, "newer finetuned"));
    assert_int_equal(fileio_sha256(json, sums[1], &f->err), 0);
    assert_string_equal(sums[0], sums[1]);
}

/* ---- a new beginning ------------------------------------------------------------------------- */

/* The newest checkpoint of a job, once it has one. */
static struct checkpoint_info
wait_for_checkpoint(struct service_fixture *f, const char *id)
{
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    const struct page page = {.limit = 1};
    struct checkpoint_list list = {0};
    struct job_info job = fixture_get(f, id);
    for (;;) {
        fixture_ok(f, service_job_checkpoints(f->service, id, &page, f->arena, &list, &f->faults));
        if (list.count > 0)
            return list.items[0];
        job = fixture_ask_again(f, &job, deadline);
    }
}

/* A job on a checkpoint of another, which does not run. */
static void
create_on_checkpoint(struct service_fixture *f, const struct job_info *of, const char *model)
{
    struct queue_info queue;
    struct job_info job;
    const char *body = arena_printf(f->arena, "{\"model\": \"%s\", \"training_file\": \"%s\"}",
                                    model, of->training_file);
    fixture_ok(f, service_queue_set_paused(f->service, true, &queue, &f->faults));
    fixture_ok(f, fixture_try_create(f, body, &job));
    fixture_ok(f, service_job_pause(f->service, job.id, f->arena, &job, &f->faults));
    fixture_ok(f, service_queue_set_paused(f->service, false, &queue, &f->faults));
}

static void
checkpoint_that_another_job_starts_from_outlives_a_new_beginning(void **state)
{
    struct service_fixture *f = *state;
    start_with_interval(f, 1e6);
    struct job_info job =
        fixture_create(f, 40, ", \"max_steps\": 1000000, \"batch_size\": 4, \"save_steps\": 5");
    wait_for_checkpoint(f, job.id);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    struct checkpoint_info checkpoint = wait_for_checkpoint(f, job.id);
    create_on_checkpoint(f, &job, checkpoint.model);
    fixture_ok(f, service_job_retry(f->service, job.id, f->arena, &job, &f->faults));
    fixture_wait_event(f, job.id, "Attempt 2 starts the job from its beginning");
    assert_true(is_there(arena_printf(f->arena, "%s/jobs/%s/checkpoints/step-%lld/config.json",
                                      f->data_dir, job.id, (long long)checkpoint.step)));
}

/* ---- divergence ------------------------------------------------------------------------------ */

static struct checkpoint_list
checkpoints_of(struct service_fixture *f, const char *id)
{
    const struct page page = {.limit = 100};
    struct checkpoint_list list = {0};
    fixture_ok(f, service_job_checkpoints(f->service, id, &page, f->arena, &list, &f->faults));
    return list;
}

/* The one of the least validation loss. */
static int64_t
best_step_of(struct service_fixture *f, const char *id)
{
    struct checkpoint_list list = checkpoints_of(f, id);
    size_t best = 0;
    assert_true(list.count > 0);
    for (size_t i = 1; i < list.count; i++) /* newest first: of equals the first is the best */
        if (fixture_value(list.items[i].metrics, list.items[i].metric_count, "valid_loss") <=
            fixture_value(list.items[best].metrics, list.items[best].metric_count, "valid_loss"))
            best = i;
    return list.items[best].step;
}

/* Better ones come, but a run that diverges would go back to the state, where it is the best. */
static void
best_checkpoint_of_the_newest_state_stays(void **state)
{
    struct service_fixture *f = *state;
    start_with_interval(f, 1e6);
    struct job_info job =
        fixture_create(f, 40,
                       ", \"max_steps\": 1000000, \"batch_size\": 4, \"seed\": 9,"
                       " \"eval_steps\": 1, \"save_steps\": 1, \"validation_split\": 0.3,"
                       " \"metric_for_best_model\": \"valid_loss\","
                       " \"learning_rate_multiplier\": 0.1");
    fixture_wait_beyond(f, job.id, 3);
    fixture_ok(f, service_job_pause(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait(f, job.id, job_is_paused);
    int64_t step = best_step_of(f, job.id);
    fixture_ok(f, service_job_resume(f->service, job.id, f->arena, &job, &f->faults));
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    while (best_step_of(f, job.id) == step)
        job = fixture_ask_again(f, &job, deadline);
    fixture_wait_beyond(f, job.id, job.progress.step + 10);
    struct checkpoint_list list = checkpoints_of(f, job.id);
    size_t found = 0;
    for (size_t i = 0; i < list.count; i++)
        found += list.items[i].step == step;
    assert_int_equal(found, 1);
}

/*
 * Weight decay multiplies the weights by 1 - 2.5 at each step, so that they overflow; with half the
 * learning rate by 1 - 1.25, and they shrink.
 */
static void
diverging_job_goes_back_once_with_half_the_learning_rate(void **state)
{
    struct service_fixture *f = *state;
    start_with_interval(f, 1e6);
    struct job_info job =
        fixture_create(f, ROWS,
                       ", \"max_steps\": 400, \"batch_size\": 4, \"seed\": 9, \"weight_decay\": 1,"
                       " \"learning_rate_multiplier\": 250, \"lr_scheduler\": \"constant\","
                       " \"warmup_steps\": 0");
    fixture_wait_success(f, job.id);
    assert_int_equal(fixture_count_kind(f, job.id, "rate_halved"), 1);
    assert_int_equal(fixture_count_events(f, job.id,
                                          "goes back to its beginning and goes on with "
                                          "half the learning rate"),
                     1);
    struct metric_list points = points_of(f, job.id);
    assert_int_equal(points.count, 400);
    for (size_t i = 0; i < points.count; i++) {
        const struct metric_point *point = &points.items[i];
        assert_true(fixture_value(point->values, point->value_count, "learning_rate") == 1.25);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RUNNING_TEST(stopped_job_ends_as_an_undisturbed_one),
        RUNNING_TEST(paused_job_ends_as_an_undisturbed_one),
        PREPARED_TEST(damaged_newest_state_is_passed_by),
        PREPARED_TEST(state_that_cannot_be_read_fails_the_job_and_is_kept),
        PREPARED_TEST(job_without_a_good_state_starts_from_its_beginning),
        PREPARED_TEST(state_of_a_newer_program_is_left_untouched),
        PREPARED_TEST(checkpoint_that_another_job_starts_from_outlives_a_new_beginning),
        PREPARED_TEST(best_checkpoint_of_the_newest_state_stays),
        PREPARED_TEST(diverging_job_goes_back_once_with_half_the_learning_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
