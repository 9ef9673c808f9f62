/*
 * The state table: what is legal, and that nothing else is.
 */
#include "daemon/work/job_state.h"

#include "daemon/store/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every legal change; all other pairs of state and action must be refused. */
static const struct {
    enum job_status from;
    enum job_action action;
    enum job_status to;
} legal[] = {
    {JOB_QUEUED, JOB_ACTION_CLAIM, JOB_RUNNING},
    {JOB_QUEUED, JOB_ACTION_CANCEL, JOB_CANCELLED},
    {JOB_QUEUED, JOB_ACTION_PAUSE, JOB_PAUSED},
    {JOB_RUNNING, JOB_ACTION_SUCCEED, JOB_SUCCEEDED},
    {JOB_RUNNING, JOB_ACTION_FAIL, JOB_FAILED},
    {JOB_RUNNING, JOB_ACTION_CANCEL, JOB_CANCELLED},
    {JOB_RUNNING, JOB_ACTION_REQUEUE, JOB_QUEUED},
    {JOB_RUNNING, JOB_ACTION_PAUSE, JOB_PAUSING},
    {JOB_PAUSING, JOB_ACTION_SUCCEED, JOB_SUCCEEDED},
    {JOB_PAUSING, JOB_ACTION_FAIL, JOB_FAILED},
    {JOB_PAUSING, JOB_ACTION_CANCEL, JOB_CANCELLED},
    {JOB_PAUSING, JOB_ACTION_REQUEUE, JOB_PAUSED},
    {JOB_PAUSED, JOB_ACTION_CANCEL, JOB_CANCELLED},
    {JOB_PAUSED, JOB_ACTION_RESUME, JOB_QUEUED},
    {JOB_FAILED, JOB_ACTION_RETRY, JOB_QUEUED},
    {JOB_CANCELLED, JOB_ACTION_RETRY, JOB_QUEUED},
};

static void
only_the_legal_changes_are_allowed(void **state)
{
    (void)state;
    size_t allowed = 0;
    for (unsigned from = 0; from < JOB_STATUS_COUNT; from++)
        for (unsigned action = 0; action < JOB_ACTION_COUNT; action++) {
            enum job_status to;
            allowed += job_state_next((enum job_status)from, (enum job_action)action, &to);
        }
    assert_int_equal(allowed, sizeof legal / sizeof legal[0]);
    for (size_t i = 0; i < sizeof legal / sizeof legal[0]; i++) {
        enum job_status to;
        assert_true(job_state_next(legal[i].from, legal[i].action, &to));
        assert_int_equal(to, legal[i].to);
    }
}

static void
refused_change_leaves_the_answer_alone(void **state)
{
    (void)state;
    enum job_status to = JOB_FAILED;
    assert_false(job_state_next(JOB_SUCCEEDED, JOB_ACTION_CANCEL, &to));
    assert_int_equal(to, JOB_FAILED);
}

static void
ended_jobs_are_final(void **state)
{
    (void)state;
    assert_false(jobs_state_is_final(JOB_STATE_QUEUED));
    assert_false(jobs_state_is_final(JOB_STATE_RUNNING));
    assert_false(jobs_state_is_final(JOB_STATE_PAUSING));
    assert_false(jobs_state_is_final(JOB_STATE_PAUSED));
    assert_true(jobs_state_is_final(JOB_STATE_SUCCEEDED));
    assert_true(jobs_state_is_final(JOB_STATE_FAILED));
    assert_true(jobs_state_is_final(JOB_STATE_CANCELLED));
    /* and so says the table: nothing but a retry leads on */
    for (unsigned from = 0; from < JOB_STATUS_COUNT; from++) {
        bool leads_on = false;
        for (unsigned action = 0; action < JOB_ACTION_COUNT; action++) {
            enum job_status to;
            leads_on |= action != JOB_ACTION_RETRY &&
                        job_state_next((enum job_status)from, (enum job_action)action, &to);
        }
        assert_int_equal(jobs_state_is_final((enum job_state)from), !leads_on);
    }
}

static void
names_are_those_of_the_wire(void **state)
{
    (void)state;
    assert_string_equal(job_status_name(JOB_QUEUED), "queued");
    assert_string_equal(job_status_name(JOB_RUNNING), "running");
    assert_string_equal(job_status_name(JOB_PAUSING), "pausing");
    assert_string_equal(job_status_name(JOB_PAUSED), "paused");
    assert_string_equal(job_status_name(JOB_SUCCEEDED), "succeeded");
    assert_string_equal(job_status_name(JOB_FAILED), "failed");
    assert_string_equal(job_status_name(JOB_CANCELLED), "cancelled");
    assert_string_equal(job_action_name(JOB_ACTION_REQUEUE), "requeue");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_legal_changes_are_allowed),
        cmocka_unit_test(refused_change_leaves_the_answer_alone),
        cmocka_unit_test(ended_jobs_are_final),
        cmocka_unit_test(names_are_those_of_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
