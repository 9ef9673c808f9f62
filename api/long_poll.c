/* What ?wait= asks for; see long_poll.h. */
#include "api/long_poll.h"

#include "api/input.h"

int
long_poll_ask(struct request *request, const char *job_id, const struct job_info *job)
{
    struct service *service = request->api->service;
    int64_t seconds = query_integer(request, "wait"); /* more is cut */
    struct job_info looked_up;
    request->wait = (struct request_wait){0};
    if (seconds == 0 || request->headers.if_none_match == NULL)
        return 0;
    if (job == NULL &&
        service_job_get(service, job_id, request->arena, &looked_up, &request->faults) != 0)
        return -1;
    const struct job_info *now = job == NULL ? &looked_up : job;
    if (service_job_has_ended(now->status))
        return 0;
    request->wait.ms = 1000 * (seconds < LONG_POLL_MAX_SECONDS ? seconds : LONG_POLL_MAX_SECONDS);
    request->wait.queue = job != NULL && job->status == JOB_QUEUED;
    return service_job_key(service, job_id, &request->wait.key, &request->faults);
}
