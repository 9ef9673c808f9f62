/* Intervals between resume states, by a clock that the test turns. */
#include "core/train/resume_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
first_state_is_due_after_the_interval(void **state)
{
    (void)state;
    struct resume_pace pace = resume_pace_start(RESUME_PACE_SECONDS, 1000.0);
    assert_false(resume_pace_is_due(&pace, 1000.0));
    assert_false(resume_pace_is_due(&pace, 1059.9));
    assert_true(resume_pace_is_due(&pace, 1060.0));
}

static void
quick_saving_keeps_the_interval(void **state)
{
    (void)state;
    struct resume_pace pace = resume_pace_start(60.0, 0.0);
    resume_pace_note(&pace, 60.0, 62.0);
    assert_false(resume_pace_is_due(&pace, 121.9));
    assert_true(resume_pace_is_due(&pace, 122.0));
}

static void
slow_saving_stretches_the_interval(void **state)
{
    (void)state;
    struct resume_pace pace = resume_pace_start(60.0, 0.0);
    resume_pace_note(&pace, 60.0, 70.0);
    assert_false(resume_pace_is_due(&pace, 269.9));
    assert_true(resume_pace_is_due(&pace, 270.0));
}

/* Whatever it takes, after the first one. */
static void
saving_takes_a_twentieth_of_the_time_at_most(void **state)
{
    (void)state;
    for (double takes = 0.001; takes < 1000; takes *= 3) {
        struct resume_pace pace = resume_pace_start(0.0, 0.0);
        double now = 0.0;
        double saving = 0.0;
        resume_pace_note(&pace, now - takes, now);
        for (int i = 0; i < 10000; i++) {
            now += takes / 7;
            if (!resume_pace_is_due(&pace, now))
                continue;
            resume_pace_note(&pace, now, now + takes);
            now += takes;
            saving += takes;
        }
        assert_true(saving > 0);
        assert_true(saving <= 0.05 * now);
    }
}

static void
each_step_means_each_step(void **state)
{
    (void)state;
    struct resume_pace pace = resume_pace_start(-1.0, 5.0);
    assert_true(resume_pace_is_due(&pace, 5.0));
    resume_pace_note(&pace, 5.0, 500.0);
    assert_true(resume_pace_is_due(&pace, 500.0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_state_is_due_after_the_interval),
        cmocka_unit_test(quick_saving_keeps_the_interval),
        cmocka_unit_test(slow_saving_stretches_the_interval),
        cmocka_unit_test(saving_takes_a_twentieth_of_the_time_at_most),
        cmocka_unit_test(each_step_means_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
