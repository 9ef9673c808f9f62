/* One request; see request.h. */
#include "api/request.h"

#include "api/multipart.h"
#include "api/not_offered.h"
#include "api/operation.h"
#include "api/precondition.h"
#include "api/upload_form.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

/* "req_" and 128 random bits; without a random source the clock must do: ids only name log lines.
 */
static void
make_id(char id[REQUEST_ID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, &now.tv_sec, sizeof now.tv_sec);
        memcpy(bytes + 8, &now.tv_nsec, sizeof now.tv_nsec);
    }
    memcpy(id, "req_", 4);
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[4 + 2 * i] = digits[bytes[i] >> 4];
        id[5 + 2 * i] = digits[bytes[i] & 15];
    }
    id[4 + 2 * sizeof bytes] = '\0';
}

struct request *
request_new(const struct api *api)
{
    struct request *request = mem_small(sizeof *request);
    memset(request, 0, sizeof *request);
    request->api = api;
    request->arena = arena_new();
    request->faults.arena = request->arena;
    make_id(request->id);
    return request;
}

void
request_free(struct request *request)
{
    if (request == NULL)
        return;
    upload_form_free(request->form);
    service_upload_abort(request->archive);
    buf_fini(&request->body);
    arena_free(request->answer_arena);
    arena_free(request->arena);
    free(request);
}

/* Is the type the given one, parameters aside? */
static bool
is_type(const char *type, const char *wanted)
{
    size_t length = strlen(wanted);
    return type != NULL && strcspn(type, "; \t") == length &&
           strncasecmp(type, wanted, length) == 0;
}

/* The kind of body that is coming; the kind BODY_MODEL leaves a choice. */
static bool
brings_json(const struct request *request)
{
    enum body_kind kind = request->match.route->body;
    return kind == BODY_JSON ||
           (kind == BODY_MODEL && !is_type(request->headers.content_type, "application/x-tar"));
}

static int64_t
body_limit(const struct request *request)
{
    const struct route *route = request->match.route;
    if (route == NULL || route->body == BODY_NONE)
        return REQUEST_IGNORED_BODY_BYTES;
    if (brings_json(request))
        return (int64_t)request->api->max_body_bytes;
    return request->api->max_upload_bytes + REQUEST_FORM_OVERHEAD_BYTES;
}

/* The field of the form that must be what is too large. */
static const char *
large_field(const struct route *route)
{
    if (route == NULL)
        return NULL;
    return route->body == BODY_FORM ? "file" : route->body == BODY_PART ? "data" : NULL;
}

static int
check_size(struct request *request, int64_t bytes)
{
    const struct route *route = request->match.route;
    if (bytes <= body_limit(request))
        return 0;
    bool upload = route != NULL && route->body != BODY_NONE && !brings_json(request);
    return fault_add(&request->faults, FAULT_BODY_TOO_LARGE, large_field(route),
                     "The body is larger than this daemon takes here: at most %" PRId64 " bytes.",
                     upload ? request->api->max_upload_bytes : body_limit(request));
}

/* "application/json" or "…+json", parameters aside; a body without a type is taken for JSON. */
static bool
is_json_type(const char *type)
{
    if (type == NULL)
        return true;
    size_t length = strcspn(type, "; \t");
    static const char json[] = "application/json";
    if (length == sizeof json - 1 && strncasecmp(type, json, length) == 0)
        return true;
    return length > 5 && strncasecmp(type + length - 5, "+json", 5) == 0;
}

static int
check_body_kind(struct request *request)
{
    const struct headers *headers = &request->headers;
    const struct route *route = request->match.route;
    if (route->body == BODY_NONE)
        return 0;
    if (headers->lengths == 0 && headers->encodings == 0)
        return fault_add(&request->faults, FAULT_LENGTH_REQUIRED, NULL,
                         "This request needs a body; send Content-Length or chunks.");
    if (brings_json(request)) {
        if (is_json_type(headers->content_type))
            return 0;
        return fault_add(&request->faults, FAULT_UNSUPPORTED_MEDIA_TYPE, NULL,
                         route->body == BODY_MODEL
                             ? "The body must be JSON that names a folder (Content-Type: "
                               "application/json) or a tar archive (application/x-tar)."
                             : "The body must be JSON: send it with Content-Type: "
                               "application/json.");
    }
    if (route->body == BODY_MODEL)
        return service_upload_begin(request->api->service, &request->archive, &request->faults);
    bool part = route->body == BODY_PART;
    const char *boundary = multipart_boundary(headers->content_type, request->arena);
    if (boundary == NULL)
        return fault_add(&request->faults, FAULT_UNSUPPORTED_MEDIA_TYPE, NULL,
                         part ? "The body must be multipart/form-data with a boundary and one "
                                "part 'data' (curl: -F data=@piece)."
                              : "The body must be multipart/form-data with a boundary, its parts "
                                "'file' and 'purpose' (curl: -F purpose=fine-tune -F "
                                "file=@train.jsonl).");
    request->form =
        upload_form_new(request->api->service, part ? UPLOAD_FORM_PART : UPLOAD_FORM_FILE, boundary,
                        request->api->max_upload_bytes);
    return 0;
}

static int
check_route(struct request *request, const char *method)
{
    routes_match(method, &request->target, request->arena, &request->match);
    request->is_options =
        strcmp(method, "OPTIONS") == 0 && (request->match.path_exists || request->target.asterisk);
    if (request->is_options)
        return 0;
    const char *reason = not_offered_reason(&request->target);
    if (!request->match.path_exists && reason != NULL)
        return fault_add(&request->faults, FAULT_NOT_FOUND, NULL, "%s", reason);
    if (!request->match.path_exists)
        return fault_add(&request->faults, FAULT_NOT_FOUND, NULL,
                         "Nothing is served at this path. The API lives under /v1, for example "
                         "/v1/fine_tuning/jobs.");
    if (request->match.route == NULL)
        return fault_add(&request->faults, FAULT_METHOD_NOT_ALLOWED, NULL,
                         "This path does not answer that method; it answers %s.",
                         request->match.allow);
    return 0;
}

void
request_open(struct request *request, const char *method, const char *raw_target, bool local_socket)
{
    struct fault_list *faults = &request->faults;
    request->must_close = true;
    if (target_parse(raw_target, request->arena, &request->target, faults) != 0)
        return;
    struct headers_policy policy = {.local_socket = local_socket,
                                    .authority = request->target.authority};
    if (headers_check(&request->headers, &policy, faults) != 0)
        return;
    request->must_close = false;
    if (check_route(request, method) != 0)
        return;
    int64_t announced = headers_body_length(&request->headers);
    if (check_size(request, announced) != 0 || request->is_options)
        return;
    const struct operation *operation = request->match.route->operation;
    if (check_body_kind(request) == 0)
        input_check_query(operation->query, &request->target, faults);
}

void
request_receive(struct request *request, const char *bytes, size_t length)
{
    request->received += (int64_t)length;
    if (request->faults.count > 0 || check_size(request, request->received) != 0)
        return;
    const struct route *route = request->match.route;
    if (route == NULL || route->body == BODY_NONE)
        return;
    if (brings_json(request))
        buf_append(&request->body, bytes, length);
    else if (request->archive != NULL)
        service_upload_write(request->archive, bytes, length, &request->faults);
    else
        upload_form_write(request->form, bytes, length, &request->faults);
}

bool
request_is_slow(const struct request *request)
{
    return request->faults.count == 0 && !request->is_options && request->match.route->slow;
}

bool
request_uses_model(const struct request *request)
{
    return request->match.route->operation->uses_model;
}

struct reply
request_faulty(struct request *request)
{
    const struct route *route = request->match.route;
    bool in_body = route != NULL && route->body == BODY_JSON;
    return reply_faults(&request->faults, request->id, in_body, request->arena);
}

static struct reply
run(struct request *request)
{
    if (request->faults.count > 0)
        return request_faulty(request);
    if (request->is_options)
        return reply_empty(204);
    if (precondition_check(request) != 0)
        return request_faulty(request);
    return request->match.route->handle(request);
}

struct reply
request_answer(struct request *request)
{
    struct reply reply = run(request);
    reply_add_header(&reply, "X-Request-Id", request->id);
    reply_add_header(&reply, "X-Content-Type-Options", "nosniff");
    if ((reply.status == 405 || request->is_options) && request->match.allow != NULL)
        reply_add_header(&reply, "Allow", request->match.allow);
    if (request->must_close)
        reply_add_header(&reply, "Connection", "close");
    return reply;
}

struct reply
request_answer_again(struct request *request)
{
    struct arena *first = request->arena;
    arena_free(request->answer_arena);
    request->answer_arena = arena_new();
    request->arena = request->answer_arena;
    request->faults = (struct fault_list){.arena = request->arena};
    struct reply reply = request_answer(request);
    request->arena = first;
    return reply;
}

void
request_settle(struct request *request)
{
    arena_free(request->arena);
    request->arena = NULL;
}

const char *
request_capture(const struct request *request, size_t i)
{
    return request->match.captures[i];
}

const char *
request_route_name(const struct request *request)
{
    if (request->match.route != NULL)
        return request->match.route->path;
    return request->match.path_exists ? "(other method)" : "(none)";
}
