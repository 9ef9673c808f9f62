/* Learning-rate schedules against transformers' get_linear_schedule_with_warmup. */
#include "core/train/schedule.h"
#include "tests/support/golden.h"
#include "tests/support/small_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct train_params
linear(size_t warmup)
{
    struct train_params params = small_params();
    params.lr_scheduler = SCHEDULER_LINEAR;
    params.learning_rate = 1.0;
    params.warmup_steps = (int64_t)warmup;
    return params;
}

static void
linear_with_warmup_equals_the_reference(void **state)
{
    (void)state;
    static const size_t cases[][2] = {{0, 10}, {3, 10}, {10, 10}, {1, 1}, {7, 100}, {90, 1500}};
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t warmup = cases[c][0];
        size_t total = cases[c][1];
        struct train_params params = linear(warmup);
        const float *want = golden_values(golden, total, "schedule.%zu.%zu.rates", warmup, total);
        for (size_t step = 0; step < total; step++) /* the file holds floats */
            assert_true((float)schedule_learning_rate(&params, step, total) == want[step]);
    }
    golden_close(golden);
}

static void
warmup_begins_at_zero_and_linear_ends_at_zero(void **state)
{
    (void)state;
    struct train_params params = linear(4);
    assert_true(schedule_learning_rate(&params, 0, 20) == 0.0);
    assert_true(schedule_learning_rate(&params, 4, 20) == 1.0);
    assert_true(schedule_learning_rate(&params, 20, 20) == 0.0);
    assert_true(schedule_learning_rate(&params, 1000, 20) == 0.0);
}

static void
constant_stays_after_its_warmup(void **state)
{
    (void)state;
    struct train_params params = linear(4);
    params.lr_scheduler = SCHEDULER_CONSTANT;
    assert_true(schedule_learning_rate(&params, 0, 20) == 0.0);
    assert_true(schedule_learning_rate(&params, 1, 20) == 0.25);
    for (size_t step = 4; step < 20; step++)
        assert_true(schedule_learning_rate(&params, step, 20) == 1.0);
    params.warmup_steps = 0;
    assert_true(schedule_learning_rate(&params, 0, 20) == 1.0);
}

static void
the_multiplier_multiplies_the_rate_in_force(void **state)
{
    (void)state;
    struct train_params params = linear(4);
    params.learning_rate = 5e-5;
    params.learning_rate_multiplier = 3.0;
    for (size_t step = 0; step < 20; step++) {
        struct train_params plain = params;
        plain.learning_rate = 5e-5 * 3.0;
        plain.learning_rate_multiplier = 1.0;
        assert_true(schedule_learning_rate(&params, step, 20) ==
                    schedule_learning_rate(&plain, step, 20));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_with_warmup_equals_the_reference),
        cmocka_unit_test(warmup_begins_at_zero_and_linear_ends_at_zero),
        cmocka_unit_test(constant_stays_after_its_warmup),
        cmocka_unit_test(the_multiplier_multiplies_the_rate_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
