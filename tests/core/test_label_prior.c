/* How frequent labels are, as biases and as a loss; and a run that learns no more than that. */
#include "core/train/label_prior.h"

#include "core/train/class_weights.h"
#include "tests/core/resume_fixture.h"

static void
add(struct targets *targets, struct target target)
{
    struct err err;
    assert_int_equal(targets_add(targets, &target, &err), 0);
}

static void
assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fabs(want)))
        fail_msg("%.9g instead of %.9g", got, want);
}

static void
classes_get_the_logarithm_of_their_share(void **state)
{
    (void)state;
    struct targets targets = {.task = TASK_CLASSIFICATION};
    float biases[3];
    for (uint32_t i = 0; i < 5; i++)
        add(&targets, (struct target){.label = i == 4 ? LABEL_NONE : i == 3});
    label_prior(&targets, 3, biases); /* 3, 1 and 0 of 4 rows, each counted once more */
    assert_near((double)biases[0], log(4.0 / 7));
    assert_near((double)biases[1], log(2.0 / 7));
    assert_near((double)biases[2], log(1.0 / 7));
    assert_near(label_prior_loss(&targets, 3, NULL), -0.75 * log(0.75) - 0.25 * log(0.25));
    targets_fini(&targets);
}

static void
several_labels_get_log_odds_of_their_own(void **state)
{
    (void)state;
    static const uint32_t both[] = {0, 1};
    struct targets targets = {.task = TASK_MULTI_LABEL};
    float biases[3];
    add(&targets, (struct target){.ids = both, .count = 2});
    add(&targets, (struct target){.ids = both, .count = 1});
    add(&targets, (struct target){.count = 0});
    add(&targets, (struct target){.count = 0});
    label_prior(&targets, 3, biases);
    assert_near((double)biases[0] + 1, 1); /* two of four */
    assert_near((double)biases[1], log(2.0 / 4));
    assert_near((double)biases[2], log(1.0 / 5));
    assert_near(label_prior_loss(&targets, 3, NULL),
                (log(2.0) - 0.25 * log(0.25) - 0.75 * log(0.75)) / 3);
    targets_fini(&targets);
}

static void
words_that_have_no_class_do_not_count(void **state)
{
    (void)state;
    static const uint32_t row[] = {LABEL_NONE, 1, LABEL_NONE, 1, 0, LABEL_NONE};
    struct targets targets = {.task = TASK_TOKEN_CLASSIFICATION};
    float biases[2];
    add(&targets, (struct target){.ids = row, .count = 6});
    label_prior(&targets, 2, biases);
    assert_near((double)biases[0], log(2.0 / 5));
    assert_near((double)biases[1], log(3.0 / 5));
    targets_fini(&targets);
}

static void
of_balanced_classes_the_loss_is_ln_k(void **state)
{
    (void)state;
    struct targets targets = {.task = TASK_CLASSIFICATION};
    for (uint32_t i = 0; i < 770; i++)
        add(&targets, (struct target){.label = i % 77});
    assert_near(label_prior_loss(&targets, 77, NULL), log(77.0));
    assert_near(label_prior_loss(&(struct targets){.task = TASK_REGRESSION}, 2, NULL), 1);
    targets_fini(&targets);
}

static void
balanced_weights_make_it_ln_k_again(void **state)
{
    (void)state;
    struct targets targets = {.task = TASK_CLASSIFICATION};
    const float balanced[] = {4.0f / 6, 2, 1}; /* 3 rows, 1 and none */
    const float first[] = {1, 0, 1};
    for (uint32_t i = 0; i < 4; i++)
        add(&targets, (struct target){.label = i == 3});
    assert_near(label_prior_loss(&targets, 3, balanced), log(2.0));
    assert_near(label_prior_loss(&targets, 3, first) + 1, 1); /* what is left is certain */
    targets_fini(&targets);
}

/* ---- a run ----------------------------------------------------------------------------------- */

struct seen {
    size_t stuck;
    double first_loss;
};

static void
look_at_event(void *context, enum train_level level, const char *message)
{
    struct seen *seen = context;
    seen->stuck += level == TRAIN_WARN && strstr(message, "learned next to nothing") != NULL;
}

static void
look_at_point(void *context, const struct train_point *point)
{
    struct seen *seen = context;
    if (point->progress.step == 1)
        seen->first_loss = point->values[METRIC_TRAIN_LOSS];
}

static int
drop_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    (void)context;
    (void)snapshot;
    (void)err;
    return 0;
}

static struct seen
run(struct resume_fixture *f)
{
    struct err err;
    struct train_fault fault = {0};
    struct train_plan plan;
    struct arena *arena = arena_new();
    struct pool *pool = pool_new(1, &err);
    struct seen seen = {0};
    const struct train_observer observer = {.context = &seen,
                                            .on_event = look_at_event,
                                            .on_point = look_at_point,
                                            .on_model = drop_model};
    if (train_plan_make(&f->request, arena, &plan, &fault, &err) != 0 ||
        train_run(&plan, &f->request, f->engine, pool, &observer, NULL, &err) != 0)
        fail_msg("%s", err.message);
    train_plan_fini(&plan);
    pool_free(pool);
    arena_free(arena);
    return seen;
}

static void
a_run_that_learns_nothing_says_so(void **state)
{
    struct resume_fixture *f = *state;
    f->request.params.max_steps = 100;
    f->request.params.learning_rate = 1e-12;
    assert_int_equal(run(f).stuck, 1);
}

/* It ends long before its last quarter. */
static void
a_run_that_learns_nothing_and_ends_early_says_so(void **state)
{
    struct resume_fixture *f = *state;
    f->request.params.max_steps = 1000;
    f->request.params.learning_rate = 1e-12;
    f->request.params.load_best_model = 0;
    f->request.params.early_stopping = (struct early_stopping){5, 1.0, METRIC_AUTO};
    assert_int_equal(run(f).stuck, 1);
}

static void
a_run_with_weighed_classes_is_judged_by_their_prior(void **state)
{
    struct resume_fixture *f = *state;
    f->request.params.max_steps = 100;
    f->request.params.hidden_dropout = f->request.params.attention_dropout = 0;
    f->request.class_weights = CLASS_WEIGHTS_BALANCED;
    assert_int_equal(run(f).stuck, 0);
    f->request.params.learning_rate = 1e-12;
    assert_int_equal(run(f).stuck, 1);
}

static void
a_run_that_learns_says_nothing(void **state)
{
    struct resume_fixture *f = *state;
    f->request.params.max_steps = 100;
    f->request.params.hidden_dropout = f->request.params.attention_dropout = 0;
    assert_int_equal(run(f).stuck, 0);
}

static void
a_short_run_is_not_judged(void **state)
{
    struct resume_fixture *f = *state;
    f->request.params.max_steps = 60;
    f->request.params.learning_rate = 1e-12;
    assert_int_equal(run(f).stuck, 0);
}

static void
a_head_that_starts_at_the_prior_has_its_loss(void **state)
{
    struct resume_fixture *f = *state;
    struct train_params *params = &f->request.params;
    params->validation_split = 0;
    params->batch_size = RESUME_ROWS;
    params->max_steps = 1;
    params->hidden_dropout = params->attention_dropout = params->classifier_dropout = 0;
    double random = run(f).first_loss;
    params->init_head = INIT_HEAD_PRIOR;
    double prior = run(f).first_loss;
    double share = 15.0 / RESUME_ROWS; /* "yes" */
    double entropy = -share * log(share) - (1 - share) * log(1 - share);
    printf("  loss of the first step: random %.4f, prior %.4f, entropy %.4f\n", random, prior,
           entropy);
    assert_true(fabs(prior - entropy) < 0.02 && fabs(random - entropy) > 0.03);
}

static void
numbers_have_no_prior(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct train_fault fault = {0};
    struct train_plan plan;
    struct arena *arena = arena_new();
    const char *rows = "{\"text\":\"w1\",\"label\":0.5}\n{\"text\":\"w2\",\"label\":1.5}\n";
    f->request.training.path = scratch_write_text(&f->scratch, "numbers.jsonl", rows);
    f->request.test = (struct train_file){0};
    f->request.task = TASK_REGRESSION;
    f->request.params.validation_split = 0;
    f->request.params.init_head = INIT_HEAD_PRIOR;
    assert_int_not_equal(train_plan_make(&f->request, arena, &plan, &fault, &err), 0);
    assert_non_null(strstr(err.message, "leave it out"));
    assert_string_equal(fault.parameter, "init_head");
    arena_free(arena);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, resume_setup, resume_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_get_the_logarithm_of_their_share),
        cmocka_unit_test(several_labels_get_log_odds_of_their_own),
        cmocka_unit_test(words_that_have_no_class_do_not_count),
        cmocka_unit_test(of_balanced_classes_the_loss_is_ln_k),
        cmocka_unit_test(balanced_weights_make_it_ln_k_again),
        TEST(a_run_that_learns_nothing_says_so),
        TEST(a_run_that_learns_nothing_and_ends_early_says_so),
        TEST(a_run_with_weighed_classes_is_judged_by_their_prior),
        TEST(a_run_that_learns_says_nothing),
        TEST(a_short_run_is_not_judged),
        TEST(a_head_that_starts_at_the_prior_has_its_loss),
        TEST(numbers_have_no_prior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
