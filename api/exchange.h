/*
 * One exchange: a request and its reply on one connection, as the HTTP library calls us.
 *
 * The library's callbacks come in this order: connection opened; then for each request the raw
 * target, the headers, pieces of the body, the end of the body, completion; connection closed. Slow
 * requests are suspended at the end of the body, answered on another thread, resumed and sent.
 * Long polls and event streams are suspended while there is nothing to say (api/waiters.h).
 */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "api/conns.h"
#include "api/offload.h"
#include "api/request.h"
#include "api/stream.h"
#include "api/waiters.h"

#include <microhttpd.h>
#include <stdatomic.h>

enum { EXCHANGE_MAX_DISCARDED_BYTES = 64 * 1024 * 1024 };

/* What all exchanges of a server share. */
struct exchange_server {
    struct api api;
    struct conns *conns;
    struct offload *offload, *models; /* slow requests; those that wait for a model */
    struct waiters *waiters;
    struct streams streams;
    atomic_bool stopping; /* new requests are answered 503 */
};

/* The callbacks' context: one per listener. */
struct exchange_listener {
    struct exchange_server *server;
    bool local_socket;
};

void exchange_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code);

void *exchange_on_target(void *context, const char *raw_target, struct MHD_Connection *connection);

enum MHD_Result exchange_on_access(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *bytes, size_t *length, void **exchange);

void exchange_on_completed(void *context, struct MHD_Connection *connection, void **exchange,
                           enum MHD_RequestTerminationCode code);

/* Leaves the target as it is: decoding is api/target.c's. */
size_t exchange_on_unescape(void *context, struct MHD_Connection *connection, char *text);

#endif
