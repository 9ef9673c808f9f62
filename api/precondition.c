/* If-Match; see precondition.h. */
#include "api/precondition.h"

#include "api/etag.h"
#include "api/handlers/handlers.h"

#include <string.h>

/* Length of the path up to the end of its first capture; 0 when it has none. */
static size_t
thing_length(const char *path)
{
    const char *end = strchr(path, '}');
    return end == NULL ? 0 : (size_t)(end + 1 - path);
}

/* The row that GETs the thing which a row's path is about; NULL when there is none. */
static const struct route *
find_get(const struct route *of)
{
    size_t length = thing_length(of->path);
    const struct route *row = NULL;
    for (size_t i = 0; length > 0 && (row = routes_row(i)) != NULL; i++)
        if (strcmp(row->method, "GET") == 0 && strlen(row->path) == length &&
            memcmp(row->path, of->path, length) == 0)
            return row;
    return NULL;
}

/* Would a GET of the job have a tag that the client has named? */
static bool
job_is_known(void *context, const struct job_info *job)
{
    const struct request *request = context;
    struct reply now = reply_job(job);
    const char *etag = etag_of(buf_string(&now.body), now.body.length, request->arena);
    reply_fini(&now);
    return etag_is_listed_strongly(request->headers.if_match, etag);
}

const struct job_condition *
precondition_of_job(struct request *request)
{
    if (request->headers.if_match == NULL)
        return NULL;
    struct job_condition *condition = arena_alloc(request->arena, sizeof *condition);
    *condition = (struct job_condition){job_is_known, request};
    return condition;
}

int
precondition_check(struct request *request)
{
    const char *wanted = request->headers.if_match;
    const struct route *route = request->match.route;
    if (wanted == NULL || strcmp(route->method, "GET") == 0)
        return 0;
    const struct route *get = find_get(route);
    if (get == NULL || get->handle == handle_job_get)
        return 0;
    request->match.route = get; /* its handler reads what its own row names */
    struct reply now = get->handle(request);
    request->match.route = route;
    if (!now.is_json || now.status != 200) {
        reply_fini(&now);
        return -1;
    }
    const char *etag = etag_of(buf_string(&now.body), now.body.length, request->arena);
    reply_fini(&now);
    if (etag_is_listed_strongly(wanted, etag))
        return 0;
    return fault_add(&request->faults, FAULT_PRECONDITION_FAILED, NULL,
                     "It has changed since you read it: GET it again, decide again, and send "
                     "If-Match with its new ETag, or without If-Match.");
}
