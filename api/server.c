/* Starting and stopping the HTTP server; see server.h. */
#include "api/server.h"

#include "api/exchange.h"
#include "api/listen.h"
#include "api/openapi.h"
#include "core/base/mem.h"

#include <stdlib.h>

/*
 * Memory of one connection: its headers must fit, and its body arrives in pieces of half this size.
 * The library clears that half when it has read the headers, so it is resident with every idle
 * stream.
 */
enum { CONNECTION_MEMORY_BYTES = 32 * 1024 };

static const struct api_server_options standard = {
    .threads = 2,
    .offload_threads = 8,
    .model_threads = 16,
    .max_connections = 2048,
    .max_streams = 1024,
    .max_body_bytes = 8 * 1024 * 1024,
    .max_upload_bytes = 512 * 1024 * 1024,
    .header_timeout_ms = 10000,
    .idle_timeout_ms = 75000,
    .body_grace_ms = 10000,
    .stop_grace_ms = 5000,
};

struct api_server {
    struct exchange_server shared;
    struct api_server_options options; /* without zeros; its listen array is not kept */
    struct {
        struct listen_socket socket; /* its descriptor belongs to the library */
        struct exchange_listener context;
        struct MHD_Daemon *daemon;
    } listeners[API_MAX_LISTENERS];
    size_t listener_count;
};

static size_t
size_or(size_t value, size_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static int64_t
int_or(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static struct api_server_options
fill_in(const struct api_server_options *options)
{
    return (struct api_server_options){
        .threads = size_or(options->threads, standard.threads),
        .offload_threads = size_or(options->offload_threads, standard.offload_threads),
        .model_threads = size_or(options->model_threads, standard.model_threads),
        .max_connections = size_or(options->max_connections, standard.max_connections),
        .max_streams = size_or(options->max_streams, standard.max_streams),
        .max_body_bytes = size_or(options->max_body_bytes, standard.max_body_bytes),
        .max_upload_bytes = int_or(options->max_upload_bytes, standard.max_upload_bytes),
        .header_timeout_ms = int_or(options->header_timeout_ms, standard.header_timeout_ms),
        .idle_timeout_ms = int_or(options->idle_timeout_ms, standard.idle_timeout_ms),
        .body_grace_ms = int_or(options->body_grace_ms, standard.body_grace_ms),
        .stop_grace_ms = int_or(options->stop_grace_ms, standard.stop_grace_ms),
        .service = options->service,
    };
}

static int
start_listener(struct api_server *server, const char *address, struct err *err)
{
    const struct api_server_options *options = &server->options;
    size_t i = server->listener_count;
    struct listen_socket *listen_socket = &server->listeners[i].socket;
    struct exchange_listener *context = &server->listeners[i].context;
    int result = listen_open(address, listen_socket, err);
    if (result != 0)
        return result;
    *context = (struct exchange_listener){.server = &server->shared,
                                          .local_socket = listen_socket->local_socket};
    /* The library divides the connections among its threads: each needs one at least. */
    size_t connections =
        options->max_connections > options->threads ? options->max_connections : options->threads;
    server->listeners[i].daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, exchange_on_access,
        context, MHD_OPTION_LISTEN_SOCKET, listen_socket->fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)options->threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((options->idle_timeout_ms + 999) / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, exchange_on_connection, context, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_on_target, context, MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, context,
        MHD_OPTION_UNESCAPE_CALLBACK, exchange_on_unescape, NULL, MHD_OPTION_END);
    if (server->listeners[i].daemon == NULL) {
        listen_close(listen_socket);
        return err_set(err, ERR_IO, "listen on '%s': the HTTP server does not start", address);
    }
    server->listener_count++;
    return 0;
}

static int
check_options(const struct api_server_options *options, struct err *err)
{
    if (options->listen_count == 0)
        return err_set(err, ERR_INVALID, "no address to listen on: name at least one");
    if (options->listen_count > API_MAX_LISTENERS)
        return err_set(err, ERR_INVALID, "more than %d addresses to listen on", API_MAX_LISTENERS);
    return 0;
}

static void
tick(void *waiters, int64_t now_ms)
{
    waiters_tick(waiters, now_ms);
}

static void
write_openapi(struct api *api)
{
    struct version_info version;
    struct arena *arena = arena_new();
    service_version(api->service, arena, &version);
    openapi_write(&api->openapi, version.version);
    arena_free(arena);
}

static int
start_threads(struct api_server *server, struct err *err)
{
    struct conns_limits limits = {
        .header_timeout_ms = server->options.header_timeout_ms,
        .idle_timeout_ms = server->options.idle_timeout_ms,
        .body_grace_ms = server->options.body_grace_ms,
        .tick = tick,
        .tick_context = server->shared.waiters,
    };
    server->shared.offload = offload_new(server->options.offload_threads, err);
    if (server->shared.offload == NULL)
        return err->code;
    server->shared.models = offload_new(server->options.model_threads, err);
    if (server->shared.models == NULL)
        return err->code;
    server->shared.conns = conns_new(&limits, err);
    return server->shared.conns == NULL ? (int)err->code : 0;
}

int
api_server_start(const struct api_server_options *options, struct api_server **out, struct err *err)
{
    *out = NULL;
    if (check_options(options, err) != 0)
        return err->code;
    struct api_server *server = mem_small(sizeof *server);
    *server = (struct api_server){.options = fill_in(options)};
    server->shared.api = (struct api){
        .service = server->options.service,
        .max_body_bytes = server->options.max_body_bytes,
        .max_upload_bytes = server->options.max_upload_bytes,
        .streams = &server->shared.streams,
    };
    write_openapi(&server->shared.api);
    server->shared.waiters = waiters_new();
    server->shared.streams.max = server->options.max_streams;
    atomic_init(&server->shared.streams.open, 0);
    service_on_change(server->options.service, waiters_tell, server->shared.waiters);
    atomic_init(&server->shared.stopping, false);
    int result = start_threads(server, err);
    for (size_t i = 0; result == 0 && i < options->listen_count; i++)
        result = start_listener(server, options->listen[i], err);
    if (result != 0) {
        api_server_stop(server);
        return result;
    }
    *out = server;
    return 0;
}

const char *
api_server_address(const struct api_server *server, size_t i)
{
    return i < server->listener_count ? server->listeners[i].socket.address : NULL;
}

unsigned
api_server_port(const struct api_server *server, size_t i)
{
    return i < server->listener_count ? server->listeners[i].socket.port : 0;
}

void
api_server_set_limits(struct api_server *server, int64_t max_upload_bytes, size_t max_streams)
{
    server->shared.api.max_upload_bytes = int_or(max_upload_bytes, standard.max_upload_bytes);
    atomic_store(&server->shared.streams.max, size_or(max_streams, standard.max_streams));
}

/*
 * The order matters: new requests are refused; no new slow work, and all of it answered (the
 * library must not be stopped while a connection is suspended); those who wait woken, and nobody
 * sleeps any more; the answers sent; then the library. Until then it listens, so that whoever comes
 * is told why: its MHD_quiesce_daemon races with its own threads, which then end the process
 * (0.9.75: "Failed to remove listen FD from epoll set").
 */
void
api_server_stop(struct api_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->shared.stopping, true);
    for (size_t i = 0; i < server->listener_count; i++)
        listen_remove_file(&server->listeners[i].socket);
    if (server->shared.offload != NULL)
        offload_drain(server->shared.offload);
    if (server->shared.models != NULL)
        offload_drain(server->shared.models);
    waiters_stop(server->shared.waiters);
    if (server->shared.conns != NULL)
        conns_wait_quiet(server->shared.conns, server->options.stop_grace_ms);
    for (size_t i = 0; i < server->listener_count; i++)
        MHD_stop_daemon(server->listeners[i].daemon);
    service_on_change(server->options.service, NULL, NULL);
    offload_free(server->shared.offload);
    offload_free(server->shared.models);
    conns_free(server->shared.conns);
    buf_fini(&server->shared.api.openapi);
    waiters_free(server->shared.waiters);
    free(server);
}
