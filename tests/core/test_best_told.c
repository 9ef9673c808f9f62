/* What a run says where no validation could tell which of its models is the best. */
#include "tests/core/resume_fixture.h"

struct told {
    size_t warnings, early_ends; /* that say so */
    size_t models;
};

static void
note_event(void *context, enum train_level level, const char *message)
{
    struct told *told = context;
    bool unjudged = strstr(message, "valid_pearson was no number") != NULL;
    told->warnings += level == TRAIN_WARN && unjudged;
    told->early_ends += level == TRAIN_INFO && unjudged;
    assert_null(strstr(message, "nan"));
}

static int
count_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct told *told = context;
    (void)err;
    told->models += snapshot->final;
    return 0;
}

static struct train_file
numbers(struct resume_fixture *f, const char *name, size_t different)
{
    struct buf text = {0};
    for (size_t row = 0; row < 24; row++)
        buf_printf(&text, "{\"text\":\"w%zu\",\"label\":%zu.5}\n", row, row % different);
    const char *path = scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
    return (struct train_file){path, name};
}

/* Validation rows that all have one number correlate with nothing. */
static struct told
run(struct resume_fixture *f, int64_t patience)
{
    struct err err;
    struct train_fault fault = {0};
    struct train_plan plan;
    struct told told = {0};
    struct arena *arena = arena_new();
    struct pool *pool = pool_new(1, &err);
    const struct train_observer observer = {
        .context = &told, .on_event = note_event, .on_model = count_model};
    struct train_params *params = &f->request.params;
    f->request.task = TASK_REGRESSION;
    f->request.training = numbers(f, "learned.jsonl", 5);
    f->request.validation = numbers(f, "validated.jsonl", 1);
    f->request.test = (struct train_file){0};
    params->validation_split = NAN;
    params->metric_for_best_model = METRIC_VALID_PEARSON;
    params->early_stopping.patience = patience;
    if (train_plan_make(&f->request, arena, &plan, &fault, &err) != 0 ||
        train_run(&plan, &f->request, f->engine, pool, &observer, NULL, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(plan.params.load_best_model, 1);
    train_plan_fini(&plan);
    pool_free(pool);
    arena_free(arena);
    return told;
}

static void
a_metric_that_is_never_a_number_is_told_and_the_last_model_stays(void **state)
{
    struct told told = run(*state, PARAMS_AUTO);
    assert_int_equal(told.warnings, 1);
    assert_int_equal(told.early_ends, 0);
    assert_int_equal(told.models, 1);
}

static void
a_run_that_it_ends_early_says_so_without_a_best_step(void **state)
{
    struct told told = run(*state, 2);
    assert_int_equal(told.warnings, 1);
    assert_int_equal(told.early_ends, 1);
    assert_int_equal(told.models, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, resume_setup, resume_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_metric_that_is_never_a_number_is_told_and_the_last_model_stays),
        TEST(a_run_that_it_ends_early_says_so_without_a_best_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
