/*
 * THE state table of jobs, spelled out: one row for each state and action, no default.
 */
#include "daemon/work/job_state.h"

#include "daemon/store/jobs.h"

#include <stddef.h>

struct transition {
    enum job_status from;
    enum job_action action;
    bool legal;
    enum job_status to;
};

#define GOES_TO(status) true, status
#define REFUSED         false, JOB_QUEUED

static const struct transition transitions[] = {
    {JOB_QUEUED, JOB_ACTION_CLAIM, GOES_TO(JOB_RUNNING)},
    {JOB_QUEUED, JOB_ACTION_SUCCEED, REFUSED},
    {JOB_QUEUED, JOB_ACTION_FAIL, REFUSED},
    {JOB_QUEUED, JOB_ACTION_CANCEL, GOES_TO(JOB_CANCELLED)},
    {JOB_QUEUED, JOB_ACTION_REQUEUE, REFUSED},
    {JOB_QUEUED, JOB_ACTION_PAUSE, GOES_TO(JOB_PAUSED)},
    {JOB_QUEUED, JOB_ACTION_RESUME, REFUSED},
    {JOB_QUEUED, JOB_ACTION_RETRY, REFUSED},

    {JOB_RUNNING, JOB_ACTION_CLAIM, REFUSED},
    {JOB_RUNNING, JOB_ACTION_SUCCEED, GOES_TO(JOB_SUCCEEDED)},
    {JOB_RUNNING, JOB_ACTION_FAIL, GOES_TO(JOB_FAILED)},
    {JOB_RUNNING, JOB_ACTION_CANCEL, GOES_TO(JOB_CANCELLED)},
    {JOB_RUNNING, JOB_ACTION_REQUEUE, GOES_TO(JOB_QUEUED)},
    {JOB_RUNNING, JOB_ACTION_PAUSE, GOES_TO(JOB_PAUSING)},
    {JOB_RUNNING, JOB_ACTION_RESUME, REFUSED},
    {JOB_RUNNING, JOB_ACTION_RETRY, REFUSED},

    {JOB_PAUSING, JOB_ACTION_CLAIM, REFUSED},
    {JOB_PAUSING, JOB_ACTION_SUCCEED, GOES_TO(JOB_SUCCEEDED)},
    {JOB_PAUSING, JOB_ACTION_FAIL, GOES_TO(JOB_FAILED)},
    {JOB_PAUSING, JOB_ACTION_CANCEL, GOES_TO(JOB_CANCELLED)},
    {JOB_PAUSING, JOB_ACTION_REQUEUE, GOES_TO(JOB_PAUSED)},
    {JOB_PAUSING, JOB_ACTION_PAUSE, REFUSED},
    {JOB_PAUSING, JOB_ACTION_RESUME, REFUSED},
    {JOB_PAUSING, JOB_ACTION_RETRY, REFUSED},

    {JOB_PAUSED, JOB_ACTION_CLAIM, REFUSED},
    {JOB_PAUSED, JOB_ACTION_SUCCEED, REFUSED},
    {JOB_PAUSED, JOB_ACTION_FAIL, REFUSED},
    {JOB_PAUSED, JOB_ACTION_CANCEL, GOES_TO(JOB_CANCELLED)},
    {JOB_PAUSED, JOB_ACTION_REQUEUE, REFUSED},
    {JOB_PAUSED, JOB_ACTION_PAUSE, REFUSED},
    {JOB_PAUSED, JOB_ACTION_RESUME, GOES_TO(JOB_QUEUED)},
    {JOB_PAUSED, JOB_ACTION_RETRY, REFUSED},

    {JOB_SUCCEEDED, JOB_ACTION_CLAIM, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_SUCCEED, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_FAIL, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_CANCEL, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_REQUEUE, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_PAUSE, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_RESUME, REFUSED},
    {JOB_SUCCEEDED, JOB_ACTION_RETRY, REFUSED},

    {JOB_FAILED, JOB_ACTION_CLAIM, REFUSED},
    {JOB_FAILED, JOB_ACTION_SUCCEED, REFUSED},
    {JOB_FAILED, JOB_ACTION_FAIL, REFUSED},
    {JOB_FAILED, JOB_ACTION_CANCEL, REFUSED},
    {JOB_FAILED, JOB_ACTION_REQUEUE, REFUSED},
    {JOB_FAILED, JOB_ACTION_PAUSE, REFUSED},
    {JOB_FAILED, JOB_ACTION_RESUME, REFUSED},
    {JOB_FAILED, JOB_ACTION_RETRY, GOES_TO(JOB_QUEUED)},

    {JOB_CANCELLED, JOB_ACTION_CLAIM, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_SUCCEED, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_FAIL, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_CANCEL, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_REQUEUE, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_PAUSE, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_RESUME, REFUSED},
    {JOB_CANCELLED, JOB_ACTION_RETRY, GOES_TO(JOB_QUEUED)},
};

enum { TRANSITION_COUNT = sizeof transitions / sizeof transitions[0] };

_Static_assert(TRANSITION_COUNT == JOB_STATUS_COUNT * JOB_ACTION_COUNT,
               "one row for each state and action");

static const char *const action_names[] = {
    [JOB_ACTION_CLAIM] = "claim",   [JOB_ACTION_SUCCEED] = "succeed", [JOB_ACTION_FAIL] = "fail",
    [JOB_ACTION_CANCEL] = "cancel", [JOB_ACTION_REQUEUE] = "requeue", [JOB_ACTION_PAUSE] = "pause",
    [JOB_ACTION_RESUME] = "resume", [JOB_ACTION_RETRY] = "retry",
};

_Static_assert(sizeof action_names / sizeof action_names[0] == JOB_ACTION_COUNT, "action names");

bool
job_state_next(enum job_status from, enum job_action action, enum job_status *to)
{
    for (size_t i = 0; i < TRANSITION_COUNT; i++) {
        const struct transition *row = &transitions[i];
        if (row->from == from && row->action == action) {
            if (row->legal)
                *to = row->to;
            return row->legal;
        }
    }
    return false;
}

const char *
job_status_name(enum job_status status)
{
    return jobs_state_name((enum job_state)status);
}

const char *
job_action_name(enum job_action action)
{
    return action_names[action];
}
