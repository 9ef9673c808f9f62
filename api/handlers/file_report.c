/* /v1/files/{file}/report and /rows: what a data set holds. */
#include "api/handlers/handlers.h"

#include "api/encode_data.h"
#include "api/input.h"

struct reply
handle_file_report(struct request *request)
{
    struct file_report report;
    struct report_query query = {
        .model = query_text(request, "model"),
        .max_seq_length = query_integer(request, "max_seq_length"),
    };
    if (query.model == NULL && query.max_seq_length > 0)
        fault_add(&request->faults, FAULT_MISSING_PARAMETER, "model",
                  "'max_seq_length' counts tokens, and which they are a model says: give 'model' "
                  "too.");
    if (request->faults.count > 0 ||
        service_file_report(request->api->service, request_capture(request, 0), &query,
                            request->arena, &report, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_file_report(&out, &report);
    return reply_json_take(200, &body);
}

struct reply
handle_file_rows(struct request *request)
{
    struct file_rows_info rows;
    if (service_file_rows(request->api->service, request_capture(request, 0),
                          query_integer(request, "offset"), query_integer(request, "limit"),
                          request->arena, &rows, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_file_rows(&out, &rows);
    return reply_json_take(200, &body);
}
