/* /v1/fine_tuning/jobs/{job}: pause, resume, retry, PATCH, DELETE. */
#include "api/handlers/handlers.h"

#include "api/encode.h"

#include <time.h>

static struct reply
job_reply(const struct job_info *job)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_job(&out, NULL, job, (int64_t)time(NULL));
    return reply_json_take(200, &body);
}

typedef int job_use_case(struct service *service, const char *id, struct arena *arena,
                         struct job_info *out, struct fault_list *faults);

static struct reply
act(struct request *request, job_use_case *use_case)
{
    struct job_info job;
    if (use_case(request->api->service, request_capture(request, 0), request->arena, &job,
                 &request->faults) != 0)
        return request_faulty(request);
    return job_reply(&job);
}

struct reply
handle_job_pause(struct request *request)
{
    return act(request, service_job_pause);
}

struct reply
handle_job_resume(struct request *request)
{
    return act(request, service_job_resume);
}

struct reply
handle_job_retry(struct request *request)
{
    return act(request, service_job_retry);
}

struct reply
handle_job_update(struct request *request)
{
    struct job_info job;
    if (service_job_update(request->api->service, request_capture(request, 0),
                           buf_string(&request->body), request->body.length, request->arena, &job,
                           &request->faults) != 0)
        return request_faulty(request);
    return job_reply(&job);
}

struct reply
handle_job_delete(struct request *request)
{
    const char *id = request_capture(request, 0);
    if (service_job_delete(request->api->service, id, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_deleted(&out, "fine_tuning.job", id);
    return reply_json_take(200, &body);
}
