/*
 * Runs of every task: dropped after any step they go on to the same end, on any number of threads;
 * a saved regression answers in the data's units and goes on from them; options of the loss count.
 */
#include "resume_fixture.h"

#include "core/hub/model_map.h"

static const enum task tasks[] = {TASK_MULTI_LABEL, TASK_REGRESSION, TASK_TOKEN_CLASSIFICATION};
enum { TASKS = sizeof tasks / sizeof tasks[0] };

/* Rows as resume_rows makes them, with the labels of a task. */
static struct train_file
task_rows(struct resume_fixture *f, const char *name, enum task task, size_t rows, size_t shift)
{
    struct buf text = {0};
    for (size_t row = 0; row < rows; row++) {
        size_t words = 1 + row * 7 % 12;
        bool tokens = task == TASK_TOKEN_CLASSIFICATION;
        buf_printf(&text, "{\"%s\":%s", tokens ? "tokens" : "text", tokens ? "[" : "\"");
        for (size_t i = 0; i < words; i++)
            buf_printf(&text, tokens ? "%s\"w%zu\"" : "%sw%zu",
                       i == 0   ? ""
                       : tokens ? ","
                                : " ",
                       (row * 2 + i * 5 + shift) % RESUME_WORDS);
        buf_append_string(&text, tokens ? "],\"labels\":[" : "\",");
        for (size_t i = 0; tokens && i < words; i++)
            buf_printf(&text, "%s\"%s\"", i > 0 ? "," : "",
                       (row * 2 + i * 5 + shift) % 3 == 0 ? "B-a" : "O");
        if (tokens)
            buf_append_string(&text, "]}\n");
        else if (task == TASK_REGRESSION)
            buf_printf(&text, "\"label\":%g}\n", 100.0 + 7.5 * (double)(row % 5));
        else
            buf_printf(&text, "\"labels\":[%s%s]}\n", row % 3 == 0 ? "\"x\"" : "",
                       row % 5 == 0 ? (row % 3 == 0 ? ",\"y\"" : "\"y\"") : "");
    }
    const char *path = scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
    return (struct train_file){path, name};
}

static void
use_task(struct resume_fixture *f, enum task task)
{
    f->request.task = TASK_AUTO;
    f->request.training = task_rows(f, "train.jsonl", task, RESUME_ROWS, 0);
    f->request.test = task_rows(f, "test.jsonl", task, 9, 40);
}

static void
every_task_goes_on_from_every_step_on_any_number_of_threads(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    for (size_t t = 0; t < TASKS; t++) {
        struct watch whole;
        const char *folder = scratch_folder(&f->scratch, "states");
        use_task(f, tasks[t]);
        resume_run_whole(f, 1, folder, &whole);
        for (size_t step = 1; step < RESUME_STEPS; step += 3) {
            struct watch rest = {.stop_after = -1};
            const char *path = resume_state_path(f, folder, step, false);
            if (resume_go_on(f, 1 + step % 4, path, &rest, &err) != 0)
                fail_msg("%s", err.message);
            assert_string_equal(buf_string(&rest.log), resume_log_from(&whole, step + 1));
            buf_fini(&rest.log);
        }
        buf_fini(&whole.log);
        assert_int_equal(fileio_remove_tree(folder, &err), 0);
    }
}

/* ---- what a run learns ----------------------------------------------------------------------- */

/* What is kept of a run's end. */
struct ending {
    struct resume_fixture *fixture;
    const char *folder; /* where the final model is saved, or NULL */
    double first_loss, test_loss, test_accuracy;
    size_t warnings;
};

static void
note_point(void *context, const struct train_point *point)
{
    struct ending *ending = context;
    if (point->progress.step == 1)
        ending->first_loss = point->values[METRIC_TRAIN_LOSS];
    ending->test_loss = point->values[METRIC_TEST_LOSS];
    ending->test_accuracy = point->values[METRIC_TEST_ACCURACY];
}

static int
save_final(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    const struct ending *ending = context;
    if (!snapshot->final || ending->folder == NULL)
        return 0;
    return model_dir_save(&snapshot->save, ending->folder, err);
}

static void
note_event(void *context, enum train_level level, const char *message)
{
    struct ending *ending = context;
    ending->warnings += level == TRAIN_WARN && strstr(message, "beyond max_seq_length") != NULL;
}

static void
run_to_end(struct resume_fixture *f, struct ending *ending)
{
    struct err err;
    struct train_fault fault = {0};
    struct train_plan plan;
    struct arena *arena = arena_new();
    struct pool *pool = pool_new(2, &err);
    const struct train_observer observer = {
        .context = ending, .on_event = note_event, .on_point = note_point, .on_model = save_final};
    if (train_plan_make(&f->request, arena, &plan, &fault, &err) != 0 ||
        train_run(&plan, &f->request, f->engine, pool, &observer, NULL, &err) != 0)
        fail_msg("%s", err.message);
    train_plan_fini(&plan);
    pool_free(pool);
    arena_free(arena);
}

/* The bias of a saved classifier of one output. */
static double
saved_bias(struct resume_fixture *f, const char *folder)
{
    struct err err;
    struct model_summary summary;
    struct tensor_layout layout;
    struct model_load_report report;
    struct model_map map = {0};
    const struct model_map_source from = {.folder = folder};
    if (model_dir_summarize(folder, false, f->scratch.arena, &summary, &err) != 0 ||
        tensor_layout_build(&summary.config, f->scratch.arena, &layout, &err) != 0 ||
        model_map_load(&from, &layout, &map, &report, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(summary.config.task, TASK_REGRESSION);
    double bias =
        (double)model_map_parameters(&map)[tensor_offset(&layout, TENSOR_CLASSIFIER_BIAS, 0)];
    model_map_unload(&map);
    return bias;
}

/* Labels are 100 to 130: a bias near 0 would be one of standardised units. */
static void
a_saved_regression_answers_in_the_units_of_the_data_and_goes_on_from_them(void **state)
{
    struct resume_fixture *f = *state;
    const char *first = arena_printf(f->scratch.arena, "%s/first", f->scratch.folder);
    struct ending ending = {.folder = first};
    struct ending next = {0};
    use_task(f, TASK_REGRESSION);
    f->request.test = f->request.training; /* all rows: nothing is lost by chance */
    run_to_end(f, &ending);
    double bias = saved_bias(f, first);
    assert_true(bias > 100 && bias < 130);
    /* One step of the rate 1e-12 changes nothing: the test is that of the first run's end. */
    f->request.base_folder = first;
    f->request.params.max_steps = 1;
    f->request.params.learning_rate = 1e-12;
    run_to_end(f, &next);
    assert_true(fabs(next.test_loss - ending.test_loss) < 1e-4 * ending.test_loss);
    assert_true(ending.test_loss < 1.5);
}

static void
every_task_learns_its_rows(void **state)
{
    struct resume_fixture *f = *state;
    for (size_t t = 0; t < TASKS; t++) {
        struct ending ending = {0};
        use_task(f, tasks[t]);
        f->request.test = f->request.training;
        f->request.params.max_steps = 150;
        f->request.params.batch_size = 16;
        f->request.params.learning_rate = 5e-3;
        f->request.params.hidden_dropout = f->request.params.attention_dropout = 0;
        run_to_end(f, &ending);
        printf("  %s: loss from %.3f to %.3f\n", task_name(tasks[t]), ending.first_loss,
               ending.test_loss);
        assert_true(ending.test_loss < ending.first_loss / 2);
        assert_true(isnan(ending.test_accuracy) == (tasks[t] == TASK_REGRESSION));
    }
}

static void
words_that_are_cut_off_are_told_once_for_each_file(void **state)
{
    struct resume_fixture *f = *state;
    struct ending ending = {0};
    use_task(f, TASK_TOKEN_CLASSIFICATION);
    f->request.params.max_steps = 1;
    run_to_end(f, &ending);
    assert_int_equal(ending.warnings, 0);
    f->request.params.max_seq_length = 8;
    run_to_end(f, &ending);
    assert_int_equal(ending.warnings, 2);
}

/* ---- options of the loss --------------------------------------------------------------------- */

static double
first_loss(struct resume_fixture *f)
{
    struct ending ending = {0};
    run_to_end(f, &ending);
    return ending.first_loss;
}

static void
options_of_the_loss_change_training_and_resume_states_know_them(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "states");
    f->request.params.max_steps = 2;
    double plain = first_loss(f);
    f->request.class_weights = "{\"no\":1,\"yes\":1}";
    assert_true(fabs(first_loss(f) - plain) < 1e-9);
    f->request.class_weights = "{\"no\":1,\"yes\":50}";
    assert_true(fabs(first_loss(f) - plain) > 1e-4);
    f->request.class_weights = NULL;
    f->request.params.label_smoothing = 0.2;
    assert_true(fabs(first_loss(f) - plain) > 1e-6);
    f->request.params.label_smoothing = 0;
    f->request.params.focal_gamma = 2;
    assert_true(first_loss(f) < plain / 2);
    resume_run_whole(f, 1, folder, &whole);
    buf_fini(&whole.log);
    static const char *const reasons[] = {"focal_gamma", "class_weights"};
    for (size_t i = 0; i < 2; i++) {
        struct watch run = {.stop_after = -1};
        f->request.params.focal_gamma = i == 0 ? 0 : 2;
        f->request.class_weights = i == 0 ? NULL : "balanced";
        const char *path = resume_state_path(f, folder, 1, false);
        assert_int_equal(resume_go_on(f, 1, path, &run, &err), ERR_CONFLICT);
        assert_non_null(strstr(err.message, reasons[i]));
    }
}

static void
a_state_of_other_repeats_is_refused(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct watch whole;
    struct watch run = {.stop_after = -1};
    const char *folder = scratch_folder(&f->scratch, "states");
    f->request.params.max_steps = 2;
    f->request.params.oversample = 1;
    resume_run_whole(f, 1, folder, &whole);
    buf_fini(&whole.log);
    const char *path = resume_state_path(f, folder, 1, false);
    for (int i = 0; i < 2; i++) {
        f->request.params.oversample = i == 0 ? 0.5 : NAN;
        assert_int_equal(resume_go_on(f, 1, path, &run, &err), ERR_CONFLICT);
        assert_non_null(strstr(err.message, "oversample"));
    }
}

#define RESUME_TEST(test) cmocka_unit_test_setup_teardown(test, resume_setup, resume_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RESUME_TEST(every_task_goes_on_from_every_step_on_any_number_of_threads),
        RESUME_TEST(a_saved_regression_answers_in_the_units_of_the_data_and_goes_on_from_them),
        RESUME_TEST(every_task_learns_its_rows),
        RESUME_TEST(words_that_are_cut_off_are_told_once_for_each_file),
        RESUME_TEST(options_of_the_loss_change_training_and_resume_states_know_them),
        RESUME_TEST(a_state_of_other_repeats_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
