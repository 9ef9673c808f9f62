/* Disk that a job will take: for every checkpoint that it can keep. */
#include "core/train/effort.h"
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(checkpoints_between_epochs_count),
        PLAN_TEST(epochs_that_max_steps_begins_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
