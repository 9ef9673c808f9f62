/*
 * Addresses to listen on: reading them, refusing public ones, opening the sockets.
 *
 * Until keys exist whoever reaches a socket may do everything, so only loopback addresses and UNIX
 * sockets (mode 0600) are opened.
 */
#ifndef API_LISTEN_H
#define API_LISTEN_H

#include "core/base/err.h"

#include <stdbool.h>

enum { LISTEN_MAX_ADDRESS = 128 };

struct listen_socket {
    int fd;
    bool local_socket; /* a UNIX socket; address + 5 is its path */
    unsigned port;     /* the real one; 0 for a UNIX socket */
    char address[LISTEN_MAX_ADDRESS];
};

/*
 * "127.0.0.1:8765", "[::1]:0", "localhost:8765", "unix:/absolute/path". A socket file that nobody
 * serves any more is replaced. ERR_INVALID, ERR_CONFLICT (in use) or ERR_IO.
 */
int listen_open(const char *address, struct listen_socket *out, struct err *err);

/* Close the socket and remove its file. */
void listen_close(struct listen_socket *listen_socket);

/* Remove the file of a UNIX socket: nobody new finds it, whoever is connected stays. */
void listen_remove_file(const struct listen_socket *listen_socket);

#endif
