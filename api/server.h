/*
 * The HTTP server: libmicrohttpd, its threads and its limits, behind five functions.
 *
 * It needs a service for its whole life: stop that first, so that what requests wait for ends, and
 * close it last. It serves whatever api/routes.c lists on one or more listeners. Until keys exist
 * only loopback addresses and UNIX sockets may be listened on.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "core/base/err.h"
#include "daemon/service.h"

#include <stddef.h>
#include <stdint.h>

struct api_server;

/* Zeros mean the default in brackets; a caller sets what its configuration says. */
struct api_server_options {
    const char *const *listen; /* "127.0.0.1:8765", "[::1]:0", "localhost:8765", "unix:/path" */
    size_t listen_count;       /* at least 1, at most API_MAX_LISTENERS */
    size_t threads;            /* HTTP threads per listener [2] */
    size_t offload_threads;    /* for routes that read files or compute [8] */
    size_t model_threads;      /* for those that wait for a model, so that no other does [16] */
    size_t max_connections;    /* per listener [2048] */
    size_t max_streams;        /* event streams at once, of all listeners [1024] */
    size_t max_body_bytes;     /* of a JSON body [8 MiB] */
    int64_t max_upload_bytes;  /* of an uploaded file [512 MiB] */
    int64_t header_timeout_ms; /* from the first byte to the end of the headers [10 s] */
    int64_t idle_timeout_ms;   /* between requests, and without any progress [75 s] */
    int64_t body_grace_ms;     /* before the minimum rate of a body is asked for [10 s] */
    int64_t stop_grace_ms;     /* that api_server_stop gives replies on their way [5 s] */
    struct service *service;
};

enum { API_MAX_LISTENERS = 8 };

/*
 * Open the listeners and start serving. ERR_INVALID for an address that cannot be read or is not
 * loopback, ERR_CONFLICT when it is in use already, ERR_IO otherwise.
 */
int api_server_start(const struct api_server_options *options, struct api_server **out,
                     struct err *err);

/* The address of listener i with its real port: "127.0.0.1:41873"; NULL beyond the last one. */
const char *api_server_address(const struct api_server *server, size_t i);

/* The port of listener i, 0 for a UNIX socket. */
unsigned api_server_port(const struct api_server *server, size_t i);

/* Other limits for what comes from now on; zeros mean the defaults. Any thread. */
void api_server_set_limits(struct api_server *server, int64_t max_upload_bytes, size_t max_streams);

/*
 * Stop accepting, answer what is being worked on, send it, close. New requests on open connections
 * are answered 503. NULL is fine. Slow requests in flight are waited for.
 */
void api_server_stop(struct api_server *server);

#endif
