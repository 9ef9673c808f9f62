/* /v1/fine_tuning/jobs/{job}/stream: all that happens to a job, as it happens. */
#include "api/handlers/handlers.h"

#include "api/input.h"
#include "api/stream.h"

struct reply
handle_job_stream(struct request *request)
{
    struct follow_cursor cursor = STREAM_START;
    const char *after = request->headers.last_event_id;
    if (after == NULL || *after == '\0')
        after = query_text(request, "after");
    if (after != NULL && *after != '\0' &&
        stream_parse_cursor(after, &cursor, &request->faults) != 0)
        return request_faulty(request);
    struct stream *stream = stream_open(request->api->streams, request->api->service,
                                        request_capture(request, 0), &cursor, &request->faults);
    return stream == NULL ? request_faulty(request) : reply_stream_take(stream);
}
