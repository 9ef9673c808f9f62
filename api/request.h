/*
 * One request, from its first line to its reply, without the HTTP library.
 *
 * api/exchange.c feeds it: open (target, headers and route are judged), receive (bytes of the
 * body), answer (the handler runs). After the first fault the handler is not called and the body's
 * bytes are dropped; which of the three found it makes no difference to the reply.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "api/headers.h"
#include "api/reply.h"
#include "api/routes.h"
#include "api/target.h"
#include "core/base/buf.h"
#include "daemon/service.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    REQUEST_ID_BYTES = 40,
    REQUEST_IGNORED_BODY_BYTES = 65536, /* of a body where none is wanted */
    REQUEST_FORM_OVERHEAD_BYTES = 65536 /* of a form, beside its file */
};

struct streams;

/* What every request of a server shares. */
struct api {
    struct service *service;
    size_t max_body_bytes;
    _Atomic int64_t max_upload_bytes;
    struct streams *streams;
    struct buf openapi; /* the document, as it is sent */
};

struct upload_form;

/* What a handler says about waiting: the answer may be held back while the client has it. */
struct request_wait {
    int64_t key; /* of the job that it is about; 0: answer at once */
    bool queue;  /* places in the queue matter, too */
    int64_t ms;
};

struct request {
    /* for its whole life */
    const struct api *api;
    struct arena *arena;
    char id[REQUEST_ID_BYTES];
    struct fault_list faults;

    /* from request_open on */
    struct headers headers;
    struct target target;
    struct route_match match;
    bool is_options;
    bool must_close; /* the framing cannot be trusted: nothing else is read from this connection */

    /* the body */
    int64_t received;
    struct buf body;
    struct upload_form *form;
    struct upload *archive; /* of BODY_MODEL, while nobody took it; NULL when that is JSON */

    /* set by the handler */
    struct request_wait wait;
    struct arena *answer_arena; /* of the second answer and later ones */
};

struct request *request_new(const struct api *api);
void request_free(struct request *request);

/* The method, the raw target and whether the listener is a UNIX socket; headers are filled already.
 */
void request_open(struct request *request, const char *method, const char *raw_target,
                  bool local_socket);

void request_receive(struct request *request, const char *bytes, size_t length);

/* Must it run off the HTTP threads? Only when there is no fault. */
bool request_is_slow(const struct request *request);

/* Of one that is slow: does it wait for a model, which answers one after the other? */
bool request_uses_model(const struct request *request);

/* The one reply: of the handler, or of the faults. */
struct reply request_answer(struct request *request);

/* Run the handler of a request without faults once more: nothing of the former reply is valid. */
struct reply request_answer_again(struct request *request);

/* The reply is under way and takes long: let go of all but what the log needs. */
void request_settle(struct request *request);

/* For handlers: the reply to the faults that the request has. */
struct reply request_faulty(struct request *request);

/* For handlers: a part of the path that the route captured. */
const char *request_capture(const struct request *request, size_t i);

/* For the log: the row's path, or a word for what has none. */
const char *request_route_name(const struct request *request);

#endif
