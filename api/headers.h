/*
 * The request's headers, as far as the server itself looks at them, and what is refused there.
 *
 * The library lets ambiguous framing through (two lengths, a length and an encoding, no Host); a
 * daemon that guesses can be made to read one request as two, so all of it is refused here. Host
 * and Origin are held against the loopback names: a web page that rebinds its own name to 127.0.0.1
 * or posts to us from another origin must not drive the daemon. A request that says it came through
 * a proxy is refused because the far end of a proxy is not on this machine, and no key protects us.
 */
#ifndef API_HEADERS_H
#define API_HEADERS_H

#include "daemon/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values point into the library's memory: valid until the request is completed. */
struct headers {
    const char *host;
    const char *origin;
    const char *content_type;
    const char *content_length;
    const char *transfer_encoding;
    const char *expect;
    const char *range;
    const char *if_range;
    const char *if_match;
    const char *if_none_match;
    const char *accept;
    const char *last_event_id;
    size_t hosts, lengths, encodings, types; /* how often each was sent */
    bool forwarded;                          /* Forwarded or X-Forwarded-* */
    bool malformed;                          /* a name that is no token */
};

/* Take one header into account. */
void headers_add(struct headers *headers, const char *name, const char *value);

struct headers_policy {
    bool local_socket;     /* a UNIX socket: no browser can reach it, any Host will do */
    const char *authority; /* of an absolute target: stands for Host */
};

/* -1 with BAD_REQUEST, HOST_NOT_ALLOWED or PROXY_WITHOUT_KEY when the request must not be served.
 */
int headers_check(const struct headers *headers, const struct headers_policy *policy,
                  struct fault_list *faults);

/* Will bytes of a body follow? After headers_check. */
bool headers_announce_body(const struct headers *headers);

/* The announced length, -1 when it is not known (chunked). After headers_check. */
int64_t headers_body_length(const struct headers *headers);

/* Does the client wait for "100 Continue" before it sends the body? */
bool headers_expect_continue(const struct headers *headers);

/* Is "host", "host:port" or "[v6]:port" this machine's loopback? */
bool headers_host_is_loopback(const char *host);

#endif
