/* A bare HTTP client for tests; see http_client.h. */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { SILENCE_SECONDS = 30 };

static int
try_to_connect(const struct sockaddr *address, socklen_t length)
{
    struct timeval silence = {.tv_sec = SILENCE_SECONDS};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        abort();
    if (connect(fd, address, length) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    return fd;
}

static int
connect_to(const struct sockaddr *address, socklen_t length)
{
    int fd = try_to_connect(address, length);
    if (fd < 0)
        abort();
    return fd;
}

int
http_try_connect(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return try_to_connect((struct sockaddr *)&address, sizeof address);
}

int
http_connect(unsigned port)
{
    int fd = http_try_connect(port);
    if (fd < 0)
        abort();
    return fd;
}

int
http_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        abort();
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect_to((struct sockaddr *)&address, sizeof address);
}

bool
http_send(int fd, const void *bytes, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(fd, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

bool
http_send_text(int fd, const char *text)
{
    return http_send(fd, text, strlen(text));
}

/* Byte by byte, so that nothing of the next reply is taken; false at the end of the stream. */
static bool
read_head(int fd, struct buf *head)
{
    char c = 0;
    while (head->length < 4 || memcmp(head->data + head->length - 4, "\r\n\r\n", 4) != 0) {
        if (recv(fd, &c, 1, 0) != 1)
            return false;
        buf_append(head, &c, 1);
    }
    return true;
}

static void
read_body(int fd, size_t length, struct buf *body)
{
    char bytes[65536];
    while (body->length < length) {
        size_t wanted = length - body->length < sizeof bytes ? length - body->length : sizeof bytes;
        ssize_t n = recv(fd, bytes, wanted, 0);
        if (n <= 0)
            return;
        buf_append(body, bytes, (size_t)n);
    }
}

void
http_read_reply(int fd, bool without_body, struct http_reply *out)
{
    *out = (struct http_reply){0};
    if (!read_head(fd, &out->head) || strncmp(buf_string(&out->head), "HTTP/1.1 ", 9) != 0)
        return;
    out->status = (unsigned)strtoul(out->head.data + 9, NULL, 10);
    if (!without_body)
        read_body(fd, strtoul(http_header(out, "Content-Length"), NULL, 10), &out->body);
}

void
http_reply_fini(struct http_reply *reply)
{
    buf_fini(&reply->head);
    buf_fini(&reply->body);
}

const char *
http_header(struct http_reply *reply, const char *name)
{
    char *value = reply->header;
    size_t name_length = strlen(name);
    const char *line = buf_string(&reply->head);
    value[0] = '\0';
    for (line = strstr(line, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, name_length) != 0 || line[2 + name_length] != ':')
            continue;
        const char *text = line + 3 + name_length;
        text += strspn(text, " ");
        size_t length = strcspn(text, "\r");
        if (length >= sizeof reply->header)
            abort();
        memcpy(value, text, length);
        value[length] = '\0';
        break;
    }
    return value;
}

json_t *
http_json(const struct http_reply *reply)
{
    struct err err;
    return json_parse(buf_string(&reply->body), reply->body.length, true, &err);
}

bool
http_is_closed(int fd)
{
    char c = 0;
    ssize_t n = recv(fd, &c, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

void
http_exchange(unsigned port, const char *text, struct http_reply *out)
{
    int fd = http_connect(port);
    http_send_text(fd, text);
    http_read_reply(fd, strncmp(text, "HEAD ", 5) == 0, out);
    close(fd);
}

void
http_call(unsigned port, const char *method, const char *path, const char *json,
          struct http_reply *out)
{
    struct buf text = {0};
    buf_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (json != NULL)
        buf_printf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(json));
    buf_printf(&text, "\r\n%s", json == NULL ? "" : json);
    http_exchange(port, buf_string(&text), out);
    buf_fini(&text);
}
