/* /v1/fine_tuning/jobs/{job}: its events, metric points and checkpoints. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/input.h"
#include "api/long_poll.h"
#include "api/operation.h"

struct reply
handle_job_events(struct request *request)
{
    struct page page = query_page(request);
    struct event_list list;
    const char *id = request_capture(request, 0);
    if (long_poll_ask(request, id, NULL) != 0 ||
        service_job_events(request->api->service, id, &page, request->arena, &list,
                           &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_event_list(&out, &list);
    return reply_json_take(200, &body);
}

/* limit: points of a page; max_points: the whole series, thinned. */
static int
read_metric_query(struct request *request, const char **names, struct metric_query *out)
{
    int64_t most = query_integer(request, "max_points");
    *out = (struct metric_query){
        .after_step = query_integer(request, "after_step"),
        .thinned = most > 0,
        .limit = (size_t)(most > 0 ? most : query_integer(request, "limit")),
        .name_count = query_texts(request, "names", names),
    };
    out->names = out->name_count > 0 ? names : NULL;
    if (out->thinned && query_text(request, "limit") != NULL)
        return fault_add(&request->faults, FAULT_INVALID_PARAMETER, "max_points",
                         "'max_points' thins the whole series and 'limit' asks for a page of it: "
                         "leave one of them out.");
    return 0;
}

struct reply
handle_job_metrics(struct request *request)
{
    const char *names[METRICS_MAX_NAMES];
    struct metric_query query;
    struct metric_list list;
    const char *id = request_capture(request, 0);
    if (read_metric_query(request, names, &query) != 0 || long_poll_ask(request, id, NULL) != 0 ||
        service_job_metrics(request->api->service, id, &query, request->arena, &list,
                            &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_metric_list(&out, &list);
    return reply_json_take(200, &body);
}

struct reply
handle_job_checkpoints(struct request *request)
{
    struct page page = query_page(request);
    struct checkpoint_list list;
    if (service_job_checkpoints(request->api->service, request_capture(request, 0), &page,
                                request->arena, &list, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_checkpoint_list(&out, &list);
    return reply_json_take(200, &body);
}
