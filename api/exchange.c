/* One exchange; see exchange.h. */
#include "api/exchange.h"

#include "api/etag.h"
#include "api/range.h"
#include "api/send.h"
#include "core/base/mem.h"
#include "daemon/log.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum stage {
    STAGE_OPENING,    /* the headers are not judged yet */
    STAGE_RECEIVING,  /* the body is on its way, or there is none */
    STAGE_WORKING,    /* suspended; when we are called again the reply is there */
    STAGE_WAITING,    /* suspended until the reply may differ from what the client has */
    STAGE_DISCARDING, /* answered early: what still comes is dropped */
    STAGE_ANSWERED
};

/* At once, so that a stream touches little of its connection's memory. */
enum { STREAM_PIECE_BYTES = 8192 };

struct exchange {
    struct exchange_server *server;
    struct MHD_Connection *connection;
    struct conn *conn;
    struct request *request;
    const char *raw_target; /* in the request's arena */
    enum stage stage;
    bool is_head, is_get; /* GET: or HEAD */
    int64_t discarded;
    struct offload_task task;
    struct reply reply; /* while it is not sent; fd -1 and no bytes otherwise */

    /* of long polls and streams */
    struct waiter waiter;
    bool is_waiter;     /* it is registered */
    int64_t wait_until; /* of a long poll */
    struct buf pending; /* of a stream: what is to be sent, from `sent` on */
    size_t sent;

    /* for the log */
    const char *method;
    int64_t started_ms;
    unsigned status;
    int64_t bytes;
};

void
exchange_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct exchange_listener *listener = context;
    struct conns *conns = listener->server->conns;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = conns_add(conns, info->connect_fd);
    } else {
        conns_remove(conns, *socket_context);
        *socket_context = NULL;
    }
}

void *
exchange_on_target(void *context, const char *raw_target, struct MHD_Connection *connection)
{
    struct exchange_listener *listener = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *exchange = mem_small(sizeof *exchange);
    *exchange = (struct exchange){
        .server = listener->server,
        .connection = connection,
        .conn = info->socket_context,
        .request = request_new(&listener->server->api),
        .reply = reply_empty(0),
        .method = "(none)",
        .started_ms = conns_now_ms(),
    };
    exchange->raw_target = arena_copy_string(exchange->request->arena, raw_target);
    conns_enter(exchange->server->conns, exchange->conn, CONN_HEADERS, 0);
    return exchange;
}

static enum MHD_Result
add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    headers_add(context, name, value);
    return MHD_YES;
}

static void
wake(struct waiter *waiter)
{
    struct exchange *exchange =
        (struct exchange *)((char *)waiter - offsetof(struct exchange, waiter));
    MHD_resume_connection(exchange->connection);
}

static void
add_waiter(struct exchange *exchange, int64_t key, bool queue)
{
    exchange->waiter = (struct waiter){
        .key = key, .queue = queue, .fd = conns_socket(exchange->conn), .wake = wake};
    exchange->is_waiter = true;
    waiters_add(exchange->server->waiters, &exchange->waiter);
}

static void
remove_waiter(struct exchange *exchange)
{
    if (exchange->is_waiter)
        waiters_remove(exchange->server->waiters, &exchange->waiter);
    exchange->is_waiter = false;
}

/* It may be woken at once, on another thread too: the library takes that in this order. */
static void
sleep_until(struct exchange *exchange, int64_t due_ms)
{
    MHD_suspend_connection(exchange->connection);
    waiters_sleep(exchange->server->waiters, &exchange->waiter, due_ms);
}

/* The library's reader of a stream; 0 only when the connection is suspended. */
static ssize_t
read_stream(void *context, uint64_t position, char *bytes, size_t capacity)
{
    struct exchange *exchange = context;
    struct waiters *waiters = exchange->server->waiters;
    struct stream *stream = exchange->reply.stream;
    struct buf *pending = &exchange->pending;
    (void)position;
    if (exchange->sent == pending->length) {
        buf_fini(pending);
        exchange->sent = 0;
        waiters_look(waiters, &exchange->waiter);
        switch (stream_next(stream, conns_now_ms(), waiters_are_stopping(waiters), pending)) {
        case STREAM_BYTES:
            break;
        case STREAM_NOTHING:
            if (waiters_client_has_gone(&exchange->waiter))
                return MHD_CONTENT_READER_END_WITH_ERROR;
            sleep_until(exchange, stream_due_ms(stream));
            return 0;
        case STREAM_END:
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
    }
    size_t length = pending->length - exchange->sent;
    length = length < capacity ? length : capacity;
    length = length < STREAM_PIECE_BYTES ? length : STREAM_PIECE_BYTES;
    memcpy(bytes, pending->data + exchange->sent, length);
    exchange->sent += length;
    exchange->bytes += (int64_t)length;
    return (ssize_t)length;
}

static enum MHD_Result
send_now(struct exchange *exchange)
{
    struct reply *reply = &exchange->reply;
    range_apply(reply, &exchange->request->headers, exchange->request->arena);
    exchange->stage = STAGE_ANSWERED;
    exchange->status = reply->status;
    exchange->bytes = reply_bytes(reply);
    if (reply->stream != NULL) {
        conns_enter(exchange->server->conns, exchange->conn, CONN_STREAMING, 0);
        add_waiter(exchange, stream_key(reply->stream), false);
        enum MHD_Result result = send_stream(exchange->connection, reply, read_stream, exchange);
        request_settle(exchange->request);
        return result;
    }
    conns_enter(exchange->server->conns, exchange->conn, CONN_REPLYING, exchange->bytes);
    return send_reply_take(exchange->connection, reply);
}

static void
send_early(struct exchange *exchange)
{
    exchange->reply = request_answer(exchange->request);
    exchange->stage = STAGE_DISCARDING;
    exchange->status = exchange->reply.status;
    exchange->bytes = reply_bytes(&exchange->reply);
    send_early_take(conns_socket(exchange->conn), &exchange->reply, exchange->is_head);
    conns_enter(exchange->server->conns, exchange->conn, CONN_DISCARDING, 0);
}

static void
refuse_when_stopping(struct exchange *exchange)
{
    struct request *request = exchange->request;
    if (!atomic_load(&exchange->server->stopping) || request->faults.count > 0)
        return;
    request->must_close = true;
    fault_add(&request->faults, FAULT_NOT_READY, NULL,
              "The daemon is stopping; try again when it has started anew.");
}

/* The log shows methods that exist, not whatever a client calls one. */
static const char *
method_name(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(method, names[i]) == 0)
            return names[i];
    }
    return "(other)";
}

/*
 * A refusal goes out at once when the body cannot be trusted, is too large or of unknown length. A
 * small one is read to its end first, so that the connection can be used again.
 */
static bool
must_answer_early(const struct request *request)
{
    int64_t length = headers_body_length(&request->headers);
    return request->must_close || request->faults.items[0].code == FAULT_BODY_TOO_LARGE ||
           length < 0 || length > REQUEST_IGNORED_BODY_BYTES;
}

static enum MHD_Result
open_exchange(struct exchange *exchange, const char *method, bool local_socket)
{
    struct request *request = exchange->request;
    exchange->method = method_name(method);
    exchange->is_head = strcmp(method, "HEAD") == 0;
    exchange->is_get = exchange->is_head || strcmp(method, "GET") == 0;
    exchange->stage = STAGE_RECEIVING;
    conns_enter(exchange->server->conns, exchange->conn, CONN_BODY, 0);
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, add_header, &request->headers);
    if (!exchange->is_get || exchange->is_head)
        request->headers.range = NULL; /* RFC 9110, 14.2: of GET alone */
    request_open(request, method, exchange->raw_target, local_socket);
    refuse_when_stopping(exchange);
    if (request->faults.count == 0 || !headers_announce_body(&request->headers))
        return MHD_YES;
    if (!headers_expect_continue(&request->headers)) {
        if (must_answer_early(request))
            send_early(exchange);
        return MHD_YES;
    }
    /* The client waits for our word: the library can answer, and closes. */
    exchange->reply = request_answer(request);
    return send_now(exchange);
}

static void
take_body(struct exchange *exchange, const char *bytes, size_t length)
{
    bool refused = exchange->request->faults.count > 0;
    conns_received(exchange->server->conns, exchange->conn, (int64_t)length);
    request_receive(exchange->request, bytes, length);
    if (!refused && exchange->request->faults.count > 0)
        send_early(exchange);
}

/* The handler's reply, with its entity tag. */
static void
take_reply(struct exchange *exchange, struct reply reply)
{
    exchange->reply = reply;
    if (exchange->is_get)
        etag_apply(&exchange->reply, &exchange->request->headers, exchange->request->arena);
}

/* On a thread of the offload pool; the exchange must not be touched once it is resumed. */
static void
run_slow(struct offload_task *task)
{
    struct exchange *exchange = (struct exchange *)((char *)task - offsetof(struct exchange, task));
    refuse_when_stopping(exchange);
    take_reply(exchange, request_answer(exchange->request));
    MHD_resume_connection(exchange->connection);
}

/* The client has what we would answer, and asked to be answered when that changes. */
static bool
may_wait(const struct exchange *exchange)
{
    return exchange->is_get && exchange->reply.status == 304 && exchange->request->wait.key != 0;
}

/* Answer anew; wait on while nothing has changed and the time is not over. */
static enum MHD_Result
look_again(struct exchange *exchange)
{
    struct waiters *waiters = exchange->server->waiters;
    waiters_look(waiters, &exchange->waiter);
    reply_fini(&exchange->reply);
    take_reply(exchange, request_answer_again(exchange->request));
    if (waiters_client_has_gone(&exchange->waiter))
        return MHD_NO;
    if (may_wait(exchange) && conns_now_ms() < exchange->wait_until &&
        !waiters_are_stopping(waiters)) {
        sleep_until(exchange, exchange->wait_until);
        return MHD_YES;
    }
    remove_waiter(exchange);
    return send_now(exchange);
}

static enum MHD_Result
send_or_wait(struct exchange *exchange)
{
    const struct request_wait *wait = &exchange->request->wait;
    if (!may_wait(exchange))
        return send_now(exchange);
    exchange->stage = STAGE_WAITING;
    exchange->wait_until = conns_now_ms() + wait->ms;
    add_waiter(exchange, wait->key, wait->queue);
    return look_again(exchange);
}

static enum MHD_Result
answer(struct exchange *exchange)
{
    struct exchange_server *server = exchange->server;
    conns_enter(server->conns, exchange->conn, CONN_WORKING, 0);
    if (request_is_slow(exchange->request)) {
        struct offload *offload =
            request_uses_model(exchange->request) ? server->models : server->offload;
        if (offload_reserve(offload)) {
            exchange->stage = STAGE_WORKING;
            exchange->task.run = run_slow;
            MHD_suspend_connection(exchange->connection);
            offload_submit(offload, &exchange->task);
            return MHD_YES;
        }
        refuse_when_stopping(exchange);
    }
    take_reply(exchange, request_answer(exchange->request));
    return send_or_wait(exchange);
}

static enum MHD_Result
discard(struct exchange *exchange, size_t length)
{
    exchange->discarded += (int64_t)length;
    bool enough = length == 0 || exchange->discarded > EXCHANGE_MAX_DISCARDED_BYTES;
    return enough ? MHD_NO : MHD_YES; /* MHD_NO closes the connection */
}

enum MHD_Result
exchange_on_access(void *context, struct MHD_Connection *connection, const char *url,
                   const char *method, const char *version, const char *bytes, size_t *length,
                   void **exchange_context)
{
    struct exchange_listener *listener = context;
    struct exchange *exchange = *exchange_context;
    size_t arrived = *length;
    (void)connection;
    (void)url;
    (void)version;
    *length = 0;
    switch (exchange->stage) {
    case STAGE_OPENING:
        return open_exchange(exchange, method, listener->local_socket);
    case STAGE_RECEIVING:
        if (arrived == 0)
            return answer(exchange);
        take_body(exchange, bytes, arrived);
        return MHD_YES;
    case STAGE_WORKING:
        return send_or_wait(exchange);
    case STAGE_WAITING:
        return look_again(exchange);
    case STAGE_DISCARDING:
        return discard(exchange, arrived);
    case STAGE_ANSWERED:
        break;
    }
    return MHD_YES;
}

static const char *
end_name(const struct exchange *exchange, enum MHD_RequestTerminationCode code)
{
    if (exchange->stage == STAGE_DISCARDING)
        return "early";
    switch (code) {
    case MHD_REQUEST_TERMINATED_COMPLETED_OK:
        return "ok";
    case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED:
        return "timeout";
    case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
        return "stopped";
    case MHD_REQUEST_TERMINATED_WITH_ERROR:
    case MHD_REQUEST_TERMINATED_READ_ERROR:
    case MHD_REQUEST_TERMINATED_CLIENT_ABORT:
        break;
    }
    return "cut";
}

void
exchange_on_completed(void *context, struct MHD_Connection *connection, void **exchange_context,
                      enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *exchange_context;
    (void)context;
    (void)connection;
    if (exchange == NULL)
        return;
    log_access(
        "serve method=%s route=%s status=%u bytes=%" PRId64 " ms=%" PRId64 " end=%s request=%s",
        exchange->method, request_route_name(exchange->request), exchange->status, exchange->bytes,
        conns_now_ms() - exchange->started_ms, end_name(exchange, code), exchange->request->id);
    conns_enter(exchange->server->conns, exchange->conn, CONN_IDLE, 0);
    remove_waiter(exchange);
    buf_fini(&exchange->pending);
    reply_fini(&exchange->reply);
    request_free(exchange->request);
    free(exchange);
    *exchange_context = NULL;
}

size_t
exchange_on_unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}
