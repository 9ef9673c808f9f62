/*
 * A run that is dropped anywhere and goes on from a resume state ends as one that never was.
 */
#include "resume_fixture.h"

/* Go on after each step; every log must be the rest of the undisturbed one. */
static void
check_every_step(struct resume_fixture *f, size_t threads, const char *folder,
                 const struct watch *whole)
{
    struct err err;
    for (size_t step = 1; step < RESUME_STEPS; step++) {
        struct watch rest = {.stop_after = -1};
        if (resume_go_on(f, threads, resume_state_path(f, folder, step, false), &rest, &err) != 0)
            fail_msg("%s", err.message);
        assert_string_equal(buf_string(&rest.log), resume_log_from(whole, step + 1));
        assert_int_equal(rest.warnings, 0);
        buf_fini(&rest.log);
    }
}

/* The undisturbed run has one thread, those that go on have 1, 2, … up to `most`. */
static void
check_threads(struct resume_fixture *f, size_t most)
{
    struct err err;
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "states");
    resume_run_whole(f, 1, folder, &whole);
    assert_int_equal(whole.states, RESUME_STEPS - 1);
    for (size_t threads = 1; threads <= most; threads *= 2)
        check_every_step(f, threads, folder, &whole);
    buf_fini(&whole.log);
    assert_int_equal(fileio_remove_tree(folder, &err), 0);
}

static void
goes_on_from_every_step_with_every_optimizer_and_number_of_threads(void **state)
{
    struct resume_fixture *f = *state;
    static const enum optimizer optimizers[] = {OPTIMIZER_ADAMW, OPTIMIZER_ADAM, OPTIMIZER_SGD,
                                                OPTIMIZER_MOMENTUM};
    for (size_t i = 0; i < sizeof optimizers / sizeof optimizers[0]; i++) {
        f->request.params.optimizer = optimizers[i];
        f->request.params.precision = GEMM_FP32;
        check_threads(f, 4);
        f->request.params.precision = GEMM_BF16;
        if (gemm_engine_has_bf16(f->engine))
            check_threads(f, 4);
    }
}

static void
goes_on_with_weight_decay_batching_and_checkpointing(void **state)
{
    struct resume_fixture *f = *state;
    struct train_params *params = &f->request.params;
    params->weight_decay = 0.01;
    check_threads(f, 2);
    params->optimizer = OPTIMIZER_ADAM;
    params->batching = BATCHING_GROUPED;
    check_threads(f, 2);
    params->optimizer = OPTIMIZER_MOMENTUM;
    params->gradient_checkpointing = 1;
    check_threads(f, 2);
}

static void
goes_on_where_rows_are_repeated(void **state)
{
    struct resume_fixture *f = *state;
    struct train_params *params = &f->request.params;
    struct watch plain, repeated;
    resume_run_whole(f, 1, NULL, &plain);
    params->oversample = 1;
    resume_run_whole(f, 1, NULL, &repeated);
    assert_string_not_equal(buf_string(&plain.log), buf_string(&repeated.log));
    buf_fini(&plain.log);
    buf_fini(&repeated.log);
    check_threads(f, 2);
    params->oversample = 0.7;
    params->batching = BATCHING_GROUPED;
    check_threads(f, 2);
}

/* What a run keeps after it went on is what it would have kept undisturbed. */
static void
states_after_going_on_are_the_same_bytes(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch whole;
    const char *first = scratch_folder(&f->scratch, "first");
    const char *second = scratch_folder(&f->scratch, "second");
    resume_run_whole(f, 1, first, &whole);
    struct watch rest = {.stop_after = -1, .every = true, .folder = second};
    assert_int_equal(resume_go_on(f, 2, resume_state_path(f, first, 3, false), &rest, &err), 0);
    for (size_t step = 4; step < RESUME_STEPS; step++) {
        char sums[2][65];
        const char *folders[] = {first, second};
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(
                fileio_sha256(arena_printf(f->scratch.arena, "%s/state.safetensors",
                                           resume_state_path(f, folders[i], step, false)),
                              sums[i], &err),
                0);
        assert_string_equal(sums[0], sums[1]);
    }
    buf_fini(&whole.log);
    buf_fini(&rest.log);
}

/* Run the job, stopped after every `calls` questions whether to stop, until it is done. */
static size_t
run_in_pieces(struct resume_fixture *f, size_t threads, long calls, const struct watch *whole)
{
    struct err err;
    struct watch pieces = {.folder = scratch_folder(&f->scratch, "pieces"),
                           .models = scratch_folder(&f->scratch, "pieces-models")};
    size_t stops = 0;
    int rc = ERR_STOPPED;
    while (rc == ERR_STOPPED) {
        atomic_store(&pieces.stop_after, calls);
        rc = pieces.newest == NULL
                 ? resume_run(f, threads, &(struct train_resume){.interval = 1e9}, &pieces, &err)
                 : resume_go_on(f, threads, pieces.newest, &pieces, &err);
        stops += rc == ERR_STOPPED;
        calls += calls / 16 + 1; /* lest a step that is longer than that be never done */
    }
    if (rc != 0)
        fail_msg("%s", err.message);
    assert_string_equal(buf_string(&pieces.log), buf_string(&whole->log));
    buf_fini(&pieces.log);
    assert_int_equal(fileio_remove_tree(pieces.folder, &err), 0);
    assert_int_equal(fileio_remove_tree(pieces.models, &err), 0);
    return stops;
}

static void
stopped_anywhere_any_number_of_times_it_ends_the_same(void **state)
{
    struct resume_fixture *f = *state;
    struct watch whole;
    size_t stops = 0;
    resume_run_whole(f, 1, NULL, &whole);
    for (long calls = 1; calls < 400; calls += 1 + calls / 6)
        stops += run_in_pieces(f, 1 + (size_t)calls % 3, calls, &whole);
    assert_true(stops > 100);
    buf_fini(&whole.log);
}

/* Every question of the last step and of the evaluations behind it: the state is a pending one. */
static void
stopped_within_an_evaluation_it_evaluates_again(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch whole;
    size_t pending = 0;
    f->request.params.max_steps = 2;
    resume_run_whole(f, 1, NULL, &whole);
    for (long calls = 0;; calls++) {
        struct watch run = {.stop_after = calls, .folder = scratch_folder(&f->scratch, "stop")};
        int rc = resume_run(f, 1, &(struct train_resume){.interval = 1e9}, &run, &err);
        if (rc == 0) {
            buf_fini(&run.log);
            break;
        }
        assert_int_equal(rc, ERR_STOPPED);
        if (run.newest != NULL && strstr(run.newest, "2-pending") != NULL) {
            pending++;
            atomic_store(&run.stop_after, -1);
            assert_int_equal(resume_go_on(f, 2, run.newest, &run, &err), 0);
            assert_string_equal(buf_string(&run.log), buf_string(&whole.log));
        }
        buf_fini(&run.log);
        assert_int_equal(fileio_remove_tree(run.folder, &err), 0);
    }
    assert_true(pending > 4);
    buf_fini(&whole.log);
}

/* ---- the best model -------------------------------------------------------------------------- */

/* Rates so high that a model of the middle is the best, and validation between epochs. */
static void
ask_for_the_best(struct resume_fixture *f, int64_t patience)
{
    struct train_params *params = &f->request.params;
    params->lr_scheduler = SCHEDULER_CONSTANT;
    params->learning_rate = 3e-2;
    params->eval_steps = 3;
    params->load_best_model = 1;
    params->early_stopping.patience = patience;
}

/* The number behind the log's last `word`. */
static size_t
last_step_of(const struct watch *watch, const char *word)
{
    const char *found = NULL;
    for (const char *at = watch->log.data; (at = strstr(at, word)) != NULL; at++)
        found = at;
    assert_non_null(found);
    return strtoul(strchr(found + strlen(word) + 1, ' '), NULL, 10);
}

static void
the_best_model_is_the_final_one_wherever_the_run_was_dropped(void **state)
{
    struct resume_fixture *f = *state;
    struct watch whole;
    size_t stops = 0;
    ask_for_the_best(f, 0);
    const char *models = scratch_folder(&f->scratch, "models");
    resume_run_best(f, 1, NULL, models, &whole);
    assert_int_equal(last_step_of(&whole, "final"), RESUME_STEPS);
    /* The bytes of the final model are those of the best checkpoint, of an earlier step. */
    const char *final = strstr(whole.log.data, "final ");
    char checkpoint[96];
    snprintf(checkpoint, sizeof checkpoint, "checkpoint %.64s", final + strlen("final "));
    assert_non_null(strstr(whole.log.data, checkpoint));
    const char *last = NULL;
    for (const char *at = whole.log.data; (at = strstr(at, "checkpoint ")) != NULL; at++)
        last = at;
    assert_int_not_equal(strncmp(last, checkpoint, strlen(checkpoint)), 0);
    for (long calls = 8; calls < 400; calls += 1 + calls / 4)
        stops += run_in_pieces(f, 1 + (size_t)calls % 3, calls, &whole);
    assert_true(stops > 50);
    buf_fini(&whole.log);
}

static void
early_stopping_ends_the_same_wherever_the_run_was_dropped(void **state)
{
    struct resume_fixture *f = *state;
    struct watch whole;
    size_t stops = 0;
    ask_for_the_best(f, 2);
    const char *models = scratch_folder(&f->scratch, "models");
    resume_run_best(f, 1, NULL, models, &whole);
    size_t end = last_step_of(&whole, "final");
    assert_in_range(end, 6, RESUME_STEPS - 1);
    for (long calls = 8; calls < 400; calls += 1 + calls / 4)
        stops += run_in_pieces(f, 1 + (size_t)calls % 3, calls, &whole);
    assert_true(stops > 30);
    f->request.params.load_best_model = 0;
    struct watch last;
    resume_run_whole(f, 1, NULL, &last);
    assert_int_equal(last_step_of(&last, "final"), end);
    buf_fini(&last.log);
    buf_fini(&whole.log);
}

static void
nothing_is_offered_before_the_first_step_or_twice(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch early = {.stop_after = 2, .folder = scratch_folder(&f->scratch, "none")};
    assert_int_equal(resume_run(f, 1, NULL, &early, &err), ERR_STOPPED);
    assert_int_equal(early.states, 0);
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "states");
    resume_run_whole(f, 1, folder, &whole);
    struct watch again = {.stop_after = 20};
    const char *path = resume_state_path(f, folder, 6, false);
    assert_int_equal(resume_go_on(f, 1, path, &again, &err), ERR_STOPPED);
    assert_int_equal(again.line_count, 0); /* stopped within step 7 */
    assert_int_equal(again.states, 0);
    buf_fini(&whole.log);
}

/* ---- half the learning rate ------------------------------------------------------------------ */

static void
halved_run_is_one_with_half_the_learning_rate(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch half;
    struct watch halved = {.stop_after = -1, .every = true};
    const char *folder = scratch_folder(&f->scratch, "states");
    halved.folder = folder;
    assert_int_equal(
        resume_run(f, 1, &(struct train_resume){.interval = -1, .halved = true}, &halved, &err), 0);
    /* The state remembers. */
    struct watch rest = {.stop_after = -1};
    assert_int_equal(resume_go_on(f, 1, resume_state_path(f, folder, 8, false), &rest, &err), 0);
    assert_string_equal(buf_string(&rest.log), resume_log_from(&halved, 9));
    f->request.params.learning_rate /= 2;
    resume_run_whole(f, 1, NULL, &half);
    assert_string_equal(buf_string(&halved.log), buf_string(&half.log));
    buf_fini(&half.log);
    buf_fini(&halved.log);
    buf_fini(&rest.log);
}

/* With such a rate the parameters are no numbers after one step, so no state of it is good. */
static void
divergence_is_told_and_its_numbers_are_not_kept(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch run = {.stop_after = -1, .every = true};
    f->request.params.learning_rate = 1e308;
    f->request.params.optimizer = OPTIMIZER_SGD;
    f->request.params.max_grad_norm = 0;
    f->request.params.warmup_steps = 3;
    struct train_resume resume = {.interval = -1, .halved = true};
    assert_int_equal(resume_run(f, 1, &resume, &run, &err), ERR_DIVERGED);
    assert_non_null(strstr(err.message, "even with half the learning rate"));
    assert_non_null(strstr(err.message, "below 5e+307"));
    assert_true(run.line_count > 0);
    assert_true(run.states < run.line_count);
    buf_fini(&run.log);
}

/* ---- states of another job ------------------------------------------------------------------- */

static void
refuse(struct resume_fixture *f, const char *path, const char *reason)
{
    struct err err;
    struct watch run = {.stop_after = -1};
    assert_int_equal(resume_go_on(f, 1, path, &run, &err), ERR_CONFLICT);
    if (strstr(err.message, reason) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, reason);
    assert_int_equal(run.line_count, 0);
}

static void
state_of_another_job_is_refused(void **state)
{
    struct resume_fixture *f = *state;
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "states");
    const char *path = resume_state_path(f, folder, 5, false);
    const struct train_request before = f->request;
    resume_run_whole(f, 1, folder, &whole);
    buf_fini(&whole.log);
    f->request.params.learning_rate = 1e-3;
    refuse(f, path, "learning_rate is 0.001 but was 0.002");
    f->request = before;
    f->request.params.method = METHOD_LINEAR_PROBE; /* which has no optimizer to put it into */
    refuse(f, path, "method is \"linear_probe\"");
    f->request = before;
    f->request.params.max_steps = 31;
    refuse(f, path, "max_steps is 31 but was 30");
    f->request = before;
    f->request.training = resume_rows(f, "other.jsonl", RESUME_ROWS, 1);
    refuse(f, path, "training file is not what this job started with");
    f->request = before;
    f->request.test = (struct train_file){NULL, NULL};
    refuse(f, path, "test file is not");
    f->request = before;
    f->base_sha256 = "00000000000000000000000000000000000000000000000000000000000000aa";
    refuse(f, path, "base model's weights are not");
    f->base_sha256 = NULL;
    f->request.params.threads = 3; /* of no matter */
    f->request.params.save_steps = 7;
    struct err err;
    struct watch run = {.stop_after = -1};
    assert_int_equal(resume_go_on(f, 1, path, &run, &err), 0);
    buf_fini(&run.log);
}

static void
other_numerics_are_a_warning(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "states");
    if (!gemm_engine_has_bf16(f->engine))
        skip();
    resume_run_whole(f, 1, folder, &whole);
    buf_fini(&whole.log);
    struct watch run = {.stop_after = -1};
    f->request.params.precision = GEMM_BF16;
    const char *path = resume_state_path(f, folder, 5, false);
    assert_int_equal(resume_go_on(f, 1, path, &run, &err), 0);
    assert_int_equal(run.warnings, 1);
    buf_fini(&run.log);
}

#define RESUME_TEST(test) cmocka_unit_test_setup_teardown(test, resume_setup, resume_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RESUME_TEST(goes_on_from_every_step_with_every_optimizer_and_number_of_threads),
        RESUME_TEST(goes_on_with_weight_decay_batching_and_checkpointing),
        RESUME_TEST(goes_on_where_rows_are_repeated),
        RESUME_TEST(states_after_going_on_are_the_same_bytes),
        RESUME_TEST(stopped_anywhere_any_number_of_times_it_ends_the_same),
        RESUME_TEST(stopped_within_an_evaluation_it_evaluates_again),
        RESUME_TEST(the_best_model_is_the_final_one_wherever_the_run_was_dropped),
        RESUME_TEST(early_stopping_ends_the_same_wherever_the_run_was_dropped),
        RESUME_TEST(nothing_is_offered_before_the_first_step_or_twice),
        RESUME_TEST(halved_run_is_one_with_half_the_learning_rate),
        RESUME_TEST(divergence_is_told_and_its_numbers_are_not_kept),
        RESUME_TEST(state_of_another_job_is_refused),
        RESUME_TEST(other_numerics_are_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
