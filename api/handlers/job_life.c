/* /v1/fine_tuning/jobs/{job}: cancel, pause, resume, retry, PATCH, DELETE. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/precondition.h"

static struct reply
change(struct request *request, enum job_wish_kind kind)
{
    struct job_info job;
    const struct job_wish wish = {
        .kind = kind,
        .id = request_capture(request, 0),
        .body = buf_string(&request->body),
        .length = request->body.length,
        .condition = precondition_of_job(request),
    };
    if (service_job_change(request->api->service, &wish, request->arena, &job, &request->faults) !=
        0)
        return request_faulty(request);
    if (kind != JOB_WISH_DELETE)
        return reply_job(&job);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_deleted(&out, "fine_tuning.job", wish.id);
    return reply_json_take(200, &body);
}

struct reply
handle_job_cancel(struct request *request)
{
    return change(request, JOB_WISH_CANCEL);
}

struct reply
handle_job_pause(struct request *request)
{
    return change(request, JOB_WISH_PAUSE);
}

struct reply
handle_job_resume(struct request *request)
{
    return change(request, JOB_WISH_RESUME);
}

struct reply
handle_job_retry(struct request *request)
{
    return change(request, JOB_WISH_RETRY);
}

struct reply
handle_job_update(struct request *request)
{
    return change(request, JOB_WISH_UPDATE);
}

struct reply
handle_job_delete(struct request *request)
{
    return change(request, JOB_WISH_DELETE);
}
