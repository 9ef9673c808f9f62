/* Disk that a job will take, for every checkpoint that it can keep, and work. */
#include "core/train/effort.h"

#include "core/base/cpu.h"
#include "core/train/survey.h"
#include "tests/core/plan_fixture.h"

static int64_t
disk_bytes(struct plan_fixture *f)
{
    struct err err;
    int64_t bytes = 0;
    plan_make(f);
    if (effort_disk_bytes(&f->plan, f->request.base_folder, &bytes, &err) != 0)
        fail_msg("%s", err.message);
    return bytes;
}

static void
checkpoints_between_epochs_count(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = plan_rows(f, "train.jsonl", 80, 0);
    f->request.params.validation_split = 0;
    f->request.params.batch_size = 8;
    f->request.params.n_epochs = 1;
    int64_t one = disk_bytes(f);
    f->request.params.n_epochs = 2;
    int64_t two = disk_bytes(f);
    assert_true(two > one);
    f->request.params.n_epochs = 1;
    f->request.params.save_steps = 9; /* one more in each epoch */
    assert_int_equal(disk_bytes(f), two);
    f->request.params.save_steps = 1; /* the newest and the best are kept */
    assert_int_equal(disk_bytes(f), one + (EFFORT_CHECKPOINTS - 1) * (two - one));
}

static void
epochs_that_max_steps_begins_count(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = plan_rows(f, "train.jsonl", 80, 0);
    f->request.params.validation_split = 0;
    f->request.params.batch_size = 8;
    f->request.params.n_epochs = 2;
    int64_t two = disk_bytes(f);
    f->request.params.n_epochs = 1;
    f->request.params.max_steps = 11; /* 10 make an epoch */
    assert_int_equal(disk_bytes(f), two);
}

static struct effort
effort_of(struct plan_fixture *f)
{
    struct effort effort;
    struct err err;
    plan_make(f);
    if (effort_estimate(&f->plan, f->request.base_folder, &effort, &err) != 0)
        fail_msg("%s", err.message);
    return effort;
}

/* Tokens of the rows that two epochs really visit, whose lengths a survey of few rows knows. */
static void
repeated_rows_take_their_tokens_and_time(void **state)
{
    struct plan_fixture *f = *state;
    struct err err;
    struct survey survey;
    struct oversample repeats;
    f->request.training = plan_rows(f, "train.jsonl", 90, 0); /* 30 of one class, 60 of another */
    f->request.params.validation_split = 0;
    f->request.params.n_epochs = 2;
    f->request.params.baseline = 0;
    struct effort plain = effort_of(f);
    f->request.params.oversample = 1;
    struct effort repeated = effort_of(f);
    assert_int_equal(f->plan.repeated_rows, 30);
    assert_int_equal(survey_make(&f->plan, f->request.base_folder, &survey, &err), 0);
    assert_int_equal(train_plan_repeats(&f->plan, &repeats, &err), 0);
    uint32_t rows[120];
    int64_t tokens = 0;
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        oversample_fill(&repeats, 3, epoch, rows);
        for (size_t i = 0; i < 120; i++)
            tokens += survey.training.lengths[rows[i]];
    }
    assert_int_equal(repeated.tokens, tokens); /* each class has whole rounds */
    double share = (double)repeated.tokens / (double)plain.tokens;
    assert_true(share > 1.2 && repeated.operations > (1 + (share - 1) * 0.9) * plain.operations);
    oversample_fini(&repeats);
    survey_fini(&survey);
}

/* The last step of an epoch has the rows that are left, however the length is given. */
static void
a_short_last_step_takes_the_tokens_it_has(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = plan_rows(f, "train.jsonl", 90, 0);
    f->request.params.validation_split = 0;
    f->request.params.batch_size = 64;
    f->request.params.n_epochs = 3;
    int64_t epochs = effort_of(f).tokens;
    f->request.params.n_epochs = PARAMS_AUTO;
    f->request.params.max_steps = 6;
    assert_int_equal(effort_of(f).tokens, epochs);
    f->request.params.max_steps = 5; /* 90 + 90 + 64 rows */
    assert_true(fabs((double)effort_of(f).tokens / (double)epochs - 244.0 / 270) < 1e-3);
}

/* A job of 10 steps an epoch, without baseline. */
static void
ask_for_validation(struct plan_fixture *f)
{
    f->request.training = plan_rows(f, "train.jsonl", 80, 0);
    f->request.validation = plan_rows(f, "valid.jsonl", 50, 1000);
    f->request.params.batch_size = 8;
    f->request.params.n_epochs = 2;
    f->request.params.baseline = 0;
}

/* How many passes over the validation rows an effort has beyond another's. */
static double
passes_between(const struct effort *more, const struct effort *less, double one)
{
    return (more->operations - less->operations) / one;
}

static void
every_validation_takes_its_time(void **state)
{
    struct plan_fixture *f = *state;
    struct train_params *params = &f->request.params;
    ask_for_validation(f);
    struct effort epochs = effort_of(f); /* after steps 10 and 20 */
    params->eval_steps = 20;             /* the last step is validated anyway */
    double same = effort_of(f).operations;
    assert_true(fabs(same - epochs.operations) < 1e-9 * same);
    params->eval_steps = 19;
    struct effort one_more = effort_of(f);
    double one = one_more.operations - epochs.operations;
    assert_true(one > 0);
    params->eval_steps = 4; /* 4, 8, 12, 16 beside 10 and 20 */
    struct effort four_more = effort_of(f);
    assert_true(fabs(passes_between(&four_more, &epochs, one) - 4) < 1e-6);
    params->eval_steps = PARAMS_AUTO;
    params->load_best_model = 1; /* it is measured when it has come back */
    struct effort best = effort_of(f);
    assert_true(fabs(passes_between(&best, &epochs, one) - 1) < 1e-6);
}

static void
probes_take_the_time_of_what_they_look_at(void **state)
{
    struct plan_fixture *f = *state;
    struct train_params *params = &f->request.params;
    ask_for_validation(f);
    params->init_head = INIT_HEAD_LINEAR_PROBE;
    double start = effort_of(f).operations;
    params->eval_steps = 19;
    double validation = effort_of(f).operations - start;
    params->eval_steps = PARAMS_AUTO;
    params->n_epochs = 3;
    double training = (effort_of(f).operations - start - validation) / 3; /* of each direction */
    params->n_epochs = 2;
    params->baseline = 1;
    double more = effort_of(f).operations - start;
    assert_true(fabs(more - training - validation) < 1e-6 * more);
    params->baseline = 0;
    assert_true(fabs(start - 7 * training - 2 * validation) < 1e-6 * start);
    params->baseline = 1;
    f->request.validation = (struct train_file){0};
    params->validation_split = 0; /* nothing is measured, so there is no baseline */
    double none = effort_of(f).operations;
    params->baseline = 0;
    assert_true(fabs(effort_of(f).operations - none) < 1e-9 * none);
}

static void
threads_beyond_the_processors_save_no_time(void **state)
{
    (void)state;
    const struct effort effort = {.operations = 1e12};
    double all = effort_seconds(&effort, 100, cpu_count());
    assert_true(all > 0);
    assert_true(fabs(effort_seconds(&effort, 100, cpu_count() + 1) - all) < 1e-12 * all);
    assert_true(fabs(effort_seconds(&effort, 100, 1) - all * (double)cpu_count()) < 1e-9 * all);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(checkpoints_between_epochs_count),
        PLAN_TEST(epochs_that_max_steps_begins_count),
        PLAN_TEST(repeated_rows_take_their_tokens_and_time),
        PLAN_TEST(a_short_last_step_takes_the_tokens_it_has),
        PLAN_TEST(every_validation_takes_its_time),
        PLAN_TEST(threads_beyond_the_processors_save_no_time),
        PLAN_TEST(probes_take_the_time_of_what_they_look_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
