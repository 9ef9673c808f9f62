/* /v1/fine_tuning/jobs: create, list, get. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/encode_life.h"
#include "api/input.h"
#include "api/long_poll.h"
#include "api/operation.h"

#include <time.h>

struct reply
reply_job(const struct job_info *job)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_job(&out, NULL, job, (int64_t)time(NULL));
    return reply_json_take(200, &body);
}

/* What the job would come to; nothing is stored. */
static struct reply
estimate(struct request *request)
{
    struct job_estimate told;
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    if (service_job_estimate(request->api->service, buf_string(&request->body),
                             request->body.length, request->arena, &told, &request->faults) != 0)
        return request_faulty(request);
    encode_estimate(&out, &told);
    return reply_json_take(200, &body);
}

struct reply
handle_job_create(struct request *request)
{
    struct job_info job;
    if (query_boolean(request, "dry_run"))
        return estimate(request);
    if (service_job_create(request->api->service, buf_string(&request->body), request->body.length,
                           request->arena, &job, &request->faults) != 0)
        return request_faulty(request);
    return reply_job(&job);
}

struct reply
handle_jobs_list(struct request *request)
{
    struct page page = query_page(request);
    struct job_list list;
    struct metadata_filter filters[METADATA_MAX_FILTERS];
    size_t filter_count = query_pairs(request, "metadata", filters);
    if (service_jobs_list(request->api->service, &page, filters, filter_count, request->arena,
                          &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_job_list(&out, &list, (int64_t)time(NULL));
    return reply_json_take(200, &body);
}

struct reply
handle_job_get(struct request *request)
{
    struct job_info job;
    const char *id = request_capture(request, 0);
    if (service_job_get(request->api->service, id, request->arena, &job, &request->faults) != 0 ||
        long_poll_ask(request, id, &job) != 0)
        return request_faulty(request);
    return reply_job(&job);
}
