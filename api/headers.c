/* The request's headers; see headers.h. */
#include "api/headers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX_BYTES = 255 };

/* Where a header is kept, and where its occurrences are counted. */
struct slot {
    const char *name;
    size_t value;
    size_t counter; /* NO_COUNTER: the first one counts, more do no harm */
};

#define NO_COUNTER  ((size_t)-1)
#define FIELD(name) offsetof(struct headers, name)

static const struct slot slots[] = {
    {"Host", FIELD(host), FIELD(hosts)},
    {"Content-Length", FIELD(content_length), FIELD(lengths)},
    {"Transfer-Encoding", FIELD(transfer_encoding), FIELD(encodings)},
    {"Content-Type", FIELD(content_type), FIELD(types)},
    {"Origin", FIELD(origin), NO_COUNTER},
    {"Expect", FIELD(expect), NO_COUNTER},
    {"Range", FIELD(range), NO_COUNTER},
    {"If-Range", FIELD(if_range), NO_COUNTER},
    {"If-Match", FIELD(if_match), NO_COUNTER},
    {"If-None-Match", FIELD(if_none_match), NO_COUNTER},
    {"Accept", FIELD(accept), NO_COUNTER},
    {"Last-Event-ID", FIELD(last_event_id), NO_COUNTER},
};

static bool
is_token(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    if (*name == '\0')
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool digit = *c >= '0' && *c <= '9';
        if (!letter && !digit && strchr(marks, *c) == NULL)
            return false;
    }
    return true;
}

static bool
is_forwarding(const char *name)
{
    return strcasecmp(name, "Forwarded") == 0 || strncasecmp(name, "X-Forwarded-", 12) == 0;
}

void
headers_add(struct headers *headers, const char *name, const char *value)
{
    headers->malformed = headers->malformed || !is_token(name);
    headers->forwarded = headers->forwarded || is_forwarding(name);
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        if (strcasecmp(name, slots[i].name) != 0)
            continue;
        const char **kept = (const char **)((char *)headers + slots[i].value);
        if (*kept == NULL)
            *kept = value == NULL ? "" : value;
        if (slots[i].counter != NO_COUNTER)
            *(size_t *)((char *)headers + slots[i].counter) += 1;
        return;
    }
}

/* Digits only, and few enough for an int64_t; the library has its own limits, which may differ. */
static bool
length_is_number(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= 18 && strspn(text, "0123456789") == length;
}

static int
check_framing(const struct headers *headers, struct fault_list *faults)
{
    if (headers->malformed)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL, "A header's name is malformed.");
    if (headers->lengths > 1)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL, "Content-Length was sent twice.");
    if (headers->lengths > 0 && headers->encodings > 0)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "Content-Length and Transfer-Encoding exclude each other.");
    if (headers->encodings > 1 ||
        (headers->encodings == 1 && strcasecmp(headers->transfer_encoding, "chunked") != 0))
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "The only Transfer-Encoding understood is 'chunked'.");
    if (headers->lengths == 1 && !length_is_number(headers->content_length))
        return fault_add(faults, FAULT_BAD_REQUEST, NULL, "Content-Length is not a number.");
    if (headers->types > 1)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL, "Content-Type was sent twice.");
    if (headers->hosts != 1 || headers->host[0] == '\0')
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "Exactly one Host header is needed; this request has %s.",
                         headers->hosts > 1 ? "several" : "none");
    return 0;
}

static bool
address_is_loopback(const char *name)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, name, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, name, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    return false;
}

static bool
name_is_loopback(const char *name, size_t length)
{
    static const char local[] = "localhost";
    size_t local_length = sizeof local - 1;
    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length < local_length)
        return false;
    const char *tail = name + length - local_length;
    return strncasecmp(tail, local, local_length) == 0 && (tail == name || tail[-1] == '.');
}

bool
headers_host_is_loopback(const char *host)
{
    char name[HOST_MAX_BYTES + 1] = {0};
    bool bracketed = host[0] == '[';
    size_t start = bracketed ? 1 : 0;
    size_t length = strcspn(host + start, bracketed ? "]" : ":");
    const char *rest = host + start + length + (bracketed && host[start + length] == ']' ? 1 : 0);
    if (length == 0 || length > HOST_MAX_BYTES)
        return false;
    if (*rest != '\0' && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1)))
        return false;
    memcpy(name, host + start, length);
    if (bracketed)
        return host[start + length] == ']' && address_is_loopback(name);
    return name_is_loopback(name, length) || address_is_loopback(name);
}

static bool
origin_is_loopback(const char *origin)
{
    const char *slashes = strstr(origin, "://");
    return slashes != NULL && headers_host_is_loopback(slashes + 3);
}

int
headers_check(const struct headers *headers, const struct headers_policy *policy,
              struct fault_list *faults)
{
    if (check_framing(headers, faults) != 0)
        return -1;
    if (headers->forwarded)
        return fault_add(faults, FAULT_PROXY_WITHOUT_KEY, NULL,
                         "This request came through a proxy (Forwarded or X-Forwarded-*), and no "
                         "key protects the daemon yet. Connect to it directly, for example "
                         "through an SSH tunnel.");
    if (policy->local_socket)
        return 0;
    const char *host = policy->authority != NULL ? policy->authority : headers->host;
    if (!headers_host_is_loopback(host) || !headers_host_is_loopback(headers->host))
        return fault_add(faults, FAULT_HOST_NOT_ALLOWED, NULL,
                         "Only loopback names and addresses (localhost, 127.0.0.1, [::1]) are "
                         "served; the Host header names another one.");
    if (headers->origin != NULL && !origin_is_loopback(headers->origin))
        return fault_add(faults, FAULT_HOST_NOT_ALLOWED, NULL,
                         "Pages of other origins may not call the daemon; the Origin header names "
                         "one.");
    return 0;
}

bool
headers_announce_body(const struct headers *headers)
{
    return headers->encodings > 0 || headers_body_length(headers) > 0;
}

int64_t
headers_body_length(const struct headers *headers)
{
    if (headers->encodings > 0)
        return -1;
    return headers->content_length == NULL ? 0 : strtoll(headers->content_length, NULL, 10);
}

bool
headers_expect_continue(const struct headers *headers)
{
    return headers->expect != NULL && strcasecmp(headers->expect, "100-continue") == 0;
}
