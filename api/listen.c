/* Addresses to listen on; see listen.h. */
#include "api/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";

enum { UNIX_PREFIX_LENGTH = sizeof unix_prefix - 1, MAX_PORT = 65535 };

union any_address {
    struct sockaddr base;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static int
bad_address(const char *address, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "listen address '%s': write 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or "
                   "unix:/absolute/path",
                   address);
}

static int
public_address(const char *address, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "listen address '%s' is not a loopback address: API keys do not exist yet, so "
                   "anybody who reaches it could use the daemon. Listen on 127.0.0.1 and use an "
                   "SSH tunnel from other machines",
                   address);
}

/* "host:port" or "[host]:port" taken apart; false when it is neither. */
static bool
split(const char *address, char host[LISTEN_MAX_ADDRESS], unsigned *port)
{
    bool bracketed = address[0] == '[';
    const char *start = address + (bracketed ? 1 : 0);
    size_t length = strcspn(start, bracketed ? "]" : ":");
    const char *colon = start + length + (bracketed && start[length] == ']' ? 1 : 0);
    size_t digits = *colon == ':' ? strspn(colon + 1, "0123456789") : 0;
    if (length == 0 || length >= LISTEN_MAX_ADDRESS || digits == 0 || digits > 5 ||
        colon[1 + digits] != '\0')
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    *port = (unsigned)strtoul(colon + 1, NULL, 10);
    return *port <= MAX_PORT;
}

static int
parse_internet(const char *address, union any_address *out, socklen_t *length, struct err *err)
{
    char host[LISTEN_MAX_ADDRESS];
    unsigned port = 0;
    if (!split(address, host, &port))
        return bad_address(address, err);
    memset(out, 0, sizeof *out);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        *length = sizeof out->v4;
        bool loopback = (ntohl(out->v4.sin_addr.s_addr) >> 24) == 127;
        return loopback ? 0 : public_address(address, err);
    }
    if (address[0] == '[' && inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        *length = sizeof out->v6;
        return IN6_IS_ADDR_LOOPBACK(&out->v6.sin6_addr) ? 0 : public_address(address, err);
    }
    return bad_address(address, err);
}

static int
bind_failed(const char *address, struct err *err)
{
    if (errno == EADDRINUSE)
        return err_set(err, ERR_CONFLICT,
                       "listen address '%s' is in use by another program: stop it or choose "
                       "another port",
                       address);
    return err_set_errno(err, "listen on '%s'", address);
}

static int
open_socket(const union any_address *name, socklen_t length, const char *address, struct err *err)
{
    int on = 1;
    int fd = socket(name->base.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        err_set_errno(err, "listen on '%s'", address);
        return -1;
    }
    if (name->base.sa_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (name->base.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &name->base, length) == 0 &&
        (name->base.sa_family != AF_UNIX || chmod(name->local.sun_path, 0600) == 0) &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    bind_failed(address, err);
    close(fd);
    return -1;
}

static int
open_internet(const char *address, struct listen_socket *out, struct err *err)
{
    union any_address name;
    socklen_t length = 0;
    char host[INET6_ADDRSTRLEN] = "";
    if (parse_internet(address, &name, &length, err) != 0)
        return err->code;
    out->fd = open_socket(&name, length, address, err);
    if (out->fd < 0)
        return err->code;
    if (getsockname(out->fd, &name.base, &length) != 0) {
        int code = err_set_errno(err, "listen on '%s'", address);
        listen_close(out);
        return code;
    }
    bool v6 = name.base.sa_family == AF_INET6;
    const void *bytes = v6 ? (const void *)&name.v6.sin6_addr : (const void *)&name.v4.sin_addr;
    inet_ntop(name.base.sa_family, bytes, host, sizeof host);
    out->port = ntohs(v6 ? name.v6.sin6_port : name.v4.sin_port);
    snprintf(out->address, sizeof out->address, v6 ? "[%s]:%u" : "%s:%u", host, out->port);
    return 0;
}

/* A socket file whose server is gone would block the address for ever. */
static int
remove_stale(const union any_address *name, const char *address, struct err *err)
{
    struct stat status;
    if (lstat(name->local.sun_path, &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, ERR_CONFLICT, "listen address '%s': a file stands there already",
                       address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool served = fd >= 0 && connect(fd, &name->base, sizeof name->local) == 0;
    if (fd >= 0)
        close(fd);
    if (served) {
        errno = EADDRINUSE;
        return bind_failed(address, err);
    }
    return unlink(name->local.sun_path) == 0 ? 0 : err_set_errno(err, "remove '%s'", address);
}

static int
open_local(const char *address, struct listen_socket *out, struct err *err)
{
    const char *path = address + UNIX_PREFIX_LENGTH;
    union any_address name;
    memset(&name, 0, sizeof name);
    if (path[0] != '/')
        return bad_address(address, err);
    if (strlen(path) >= sizeof name.local.sun_path)
        return err_set(err, ERR_INVALID,
                       "listen address '%s': the path of a UNIX socket may have at most %zu bytes",
                       address, sizeof name.local.sun_path - 1);
    name.local.sun_family = AF_UNIX;
    memcpy(name.local.sun_path, path, strlen(path) + 1);
    if (remove_stale(&name, address, err) != 0)
        return err->code;
    out->fd = open_socket(&name, sizeof name.local, address, err);
    if (out->fd < 0)
        return err->code;
    out->local_socket = true;
    snprintf(out->address, sizeof out->address, "%s", address);
    return 0;
}

int
listen_open(const char *address, struct listen_socket *out, struct err *err)
{
    *out = (struct listen_socket){.fd = -1};
    if (strncmp(address, unix_prefix, UNIX_PREFIX_LENGTH) == 0)
        return open_local(address, out, err);
    return open_internet(address, out, err);
}

void
listen_remove_file(const struct listen_socket *listen_socket)
{
    if (listen_socket->local_socket)
        unlink(listen_socket->address + UNIX_PREFIX_LENGTH);
}

void
listen_close(struct listen_socket *listen_socket)
{
    close(listen_socket->fd);
    listen_socket->fd = -1;
    listen_remove_file(listen_socket);
}
