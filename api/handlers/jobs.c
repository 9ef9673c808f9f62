/* /v1/fine_tuning/jobs: create, list, get, cancel, and what a job leaves behind. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/page.h"

#include <string.h>
#include <time.h>

enum {
    METADATA_MAX_FILTERS = 16, /* a job has no more pairs */
    METRICS_STANDARD = 1000,   /* points in one answer */
    METRICS_MAXIMUM = 2000,    /* printing more would take an HTTP thread longer than 10 ms */
    METRICS_MAX_NAMES = 64
};

static const struct page_limits job_limits = {.standard = 20, .maximum = 100};
static const struct page_limits event_limits = {.standard = 20, .maximum = 1000};
static const struct page_limits checkpoint_limits = {.standard = 10, .maximum = 100};

static struct reply
job_reply(const struct job_info *job)
{
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_job(&out, NULL, job, (int64_t)time(NULL));
    return reply_json_take(200, &body);
}

struct reply
handle_job_create(struct request *request)
{
    struct job_info job;
    if (service_job_create(request->api->service, buf_string(&request->body), request->body.length,
                           request->arena, &job, &request->faults) != 0)
        return request_faulty(request);
    return job_reply(&job);
}

/*
 * metadata[key]=value, any number of them, all must hold. "metadata=" alone is how the Node SDK
 * says "no filter".
 */
static int
parse_metadata(struct request *request, struct metadata_filter *filters, size_t *count)
{
    static const char prefix[] = "metadata[";
    const struct target *target = &request->target;
    *count = 0;
    for (size_t i = 0; i < target->query_count; i++) {
        const char *key = target->query[i].key;
        size_t length = strlen(key);
        if (strncmp(key, prefix, sizeof prefix - 1) != 0)
            continue;
        size_t name_length = length - (sizeof prefix - 1);
        if (name_length < 2 || key[length - 1] != ']')
            return fault_add(&request->faults, FAULT_INVALID_PARAMETER, "metadata",
                             "A filter by metadata is written metadata[key]=value.");
        if (*count == METADATA_MAX_FILTERS)
            return fault_add(&request->faults, FAULT_INVALID_PARAMETER, "metadata",
                             "At most %d filters by metadata are possible.", METADATA_MAX_FILTERS);
        filters[(*count)++] = (struct metadata_filter){
            .key = arena_copy_bytes(request->arena, key + sizeof prefix - 1, name_length - 1),
            .value = target->query[i].value,
        };
    }
    return 0;
}

struct reply
handle_jobs_list(struct request *request)
{
    struct page page;
    struct job_list list;
    struct metadata_filter filters[METADATA_MAX_FILTERS];
    size_t filter_count = 0;
    int bad_page = page_parse(&request->target, &job_limits, &page, &request->faults);
    int bad_filter = parse_metadata(request, filters, &filter_count);
    if (bad_page != 0 || bad_filter != 0 ||
        service_jobs_list(request->api->service, &page, filters, filter_count, request->arena,
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
    if (service_job_get(request->api->service, request_capture(request, 0), request->arena, &job,
                        &request->faults) != 0)
        return request_faulty(request);
    return job_reply(&job);
}

struct reply
handle_job_cancel(struct request *request)
{
    struct job_info job;
    if (service_job_cancel(request->api->service, request_capture(request, 0), request->arena, &job,
                           &request->faults) != 0)
        return request_faulty(request);
    return job_reply(&job);
}

struct reply
handle_job_events(struct request *request)
{
    struct page page;
    struct event_list list;
    if (page_parse(&request->target, &event_limits, &page, &request->faults) != 0 ||
        service_job_events(request->api->service, request_capture(request, 0), &page,
                           request->arena, &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_event_list(&out, &list);
    return reply_json_take(200, &body);
}

/* names=a,b, or repeated, or in the SDKs' form names[]=a. */
static int
parse_names(struct request *request, const char **names, size_t *count)
{
    const struct target *target = &request->target;
    *count = 0;
    for (size_t i = 0; i < target->query_count; i++) {
        const char *key = target->query[i].key;
        if (strcmp(key, "names") != 0 && strcmp(key, "names[]") != 0)
            continue;
        for (const char *name = target->query[i].value; *name != '\0';) {
            size_t length = strcspn(name, ",");
            if (*count == METRICS_MAX_NAMES)
                return fault_add(&request->faults, FAULT_INVALID_PARAMETER, "names",
                                 "At most %d names of metrics are possible.", METRICS_MAX_NAMES);
            if (length > 0)
                names[(*count)++] = arena_copy_bytes(request->arena, name, length);
            name += length + (name[length] == ',' ? 1 : 0);
        }
    }
    return 0;
}

static int
parse_metric_query(struct request *request, const char **names, struct metric_query *out)
{
    static const int64_t step_range[2] = {-1, INT64_MAX};
    static const int64_t limit_range[2] = {1, METRICS_MAXIMUM};
    int64_t limit = METRICS_STANDARD;
    size_t name_count = 0;
    *out = (struct metric_query){.after_step = -1};
    int bad_step = page_parse_integer(&request->target, "after_step", step_range, &out->after_step,
                                      &request->faults);
    int bad_limit =
        page_parse_integer(&request->target, "limit", limit_range, &limit, &request->faults);
    int bad_names = parse_names(request, names, &name_count);
    out->limit = (size_t)limit;
    out->names = name_count > 0 ? names : NULL;
    out->name_count = name_count;
    return bad_step != 0 || bad_limit != 0 || bad_names != 0 ? -1 : 0;
}

struct reply
handle_job_metrics(struct request *request)
{
    const char *names[METRICS_MAX_NAMES];
    struct metric_query query;
    struct metric_list list;
    if (parse_metric_query(request, names, &query) != 0 ||
        service_job_metrics(request->api->service, request_capture(request, 0), &query,
                            request->arena, &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_metric_list(&out, &list);
    return reply_json_take(200, &body);
}

struct reply
handle_job_checkpoints(struct request *request)
{
    struct page page;
    struct checkpoint_list list;
    if (page_parse(&request->target, &checkpoint_limits, &page, &request->faults) != 0 ||
        service_job_checkpoints(request->api->service, request_capture(request, 0), &page,
                                request->arena, &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_checkpoint_list(&out, &list);
    return reply_json_take(200, &body);
}
