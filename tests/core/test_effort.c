/* Disk that a job will take: for every checkpoint that it can keep. */
#include "core/train/effort.h"
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(checkpoints_between_epochs_count),
        PLAN_TEST(epochs_that_max_steps_begins_count),
        PLAN_TEST(repeated_rows_take_their_tokens_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
