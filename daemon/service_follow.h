/*
 * The seam's part for those who follow a job: what is new since they looked, and who is told when
 * to look again.
 *
 * A part of daemon/service.h, which api/ includes; its rules hold here.
 */
#ifndef DAEMON_SERVICE_FOLLOW_H
#define DAEMON_SERVICE_FOLLOW_H

#include "daemon/service.h"

/* How far a follower of one job has come; all series ascend. */
struct follow_cursor {
    int64_t event;      /* the last event's place in the sequence of events, 0: none yet */
    int64_t step;       /* of the last metric point, -1: none yet */
    int64_t checkpoint; /* step of the last checkpoint, -1: none yet */
};

struct follow_event {
    int64_t sequence;
    struct event_info event;
};

/* Each list holds at most the limit; a job whose attempt began again at an earlier step shows only
 * the steps that are new. */
struct follow_news {
    struct job_info
        job; /* as it was before the lists were read: all that it ended with is in them */
    struct follow_event *events;
    size_t event_count;
    struct metric_point *points;
    size_t point_count;
    struct checkpoint_info *checkpoints;
    size_t checkpoint_count;
    bool has_more; /* of any of them */
};

int service_job_follow(struct service *service, const char *job_id,
                       const struct follow_cursor *after, size_t limit, struct arena *arena,
                       struct follow_news *out, struct fault_list *faults);

/* No more happens to a job in this state, unless somebody retries it. */
static inline bool
service_job_has_ended(enum job_status status)
{
    return status == JOB_SUCCEEDED || status == JOB_FAILED || status == JOB_CANCELLED;
}

/* What changes name the job by; never 0. */
int service_job_key(struct service *service, const char *job_id, int64_t *key,
                    struct fault_list *faults);

/* Something of a job changed, 0: of any; queue: places in the queue may have moved. */
struct service_change {
    int64_t key;
    bool queue;
};

typedef void service_listener(void *context, const struct service_change *change);

/*
 * Call listener after every change, on whatever thread made it: it must be quick and not call the
 * service. One at a time; NULL: nobody, and when that returns no call is under way.
 */
void service_on_change(struct service *service, service_listener *listener, void *context);

#endif
