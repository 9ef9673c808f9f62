/* Sending a reply; see send.h. */
#include "api/send.h"

#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct MHD_Response *
make_response(struct reply *reply)
{
    struct MHD_Response *response = NULL;
    if (reply->fd >= 0 && reply->length > 0) {
        response = MHD_create_response_from_fd_at_offset64((uint64_t)reply->length, reply->fd,
                                                           (uint64_t)reply->offset);
        if (response != NULL)
            reply->fd = -1; /* the library closes it */
    } else if (reply->body.length > 0) {
        response = MHD_create_response_from_buffer(reply->body.length, reply->body.data,
                                                   MHD_RESPMEM_MUST_FREE);
        if (response != NULL)
            reply->body = (struct buf){0}; /* the library frees it */
    } else {
        static char nothing[1];
        response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    }
    return response;
}

enum MHD_Result
send_reply_take(struct MHD_Connection *connection, struct reply *reply)
{
    enum MHD_Result result = MHD_NO;
    struct MHD_Response *response = make_response(reply);
    if (response != NULL) {
        for (size_t i = 0; i < reply->header_count; i++)
            MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
        result = MHD_queue_response(connection, reply->status, response);
        MHD_destroy_response(response);
    }
    reply_fini(reply);
    return result;
}

void
send_early_take(int fd, struct reply *reply, bool without_body)
{
    struct buf text = {0};
    struct tm broken_down;
    char date[64];
    time_t now = time(NULL);
    gmtime_r(&now, &broken_down);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &broken_down);
    buf_printf(&text, "HTTP/1.1 %u %s\r\nDate: %s\r\n", reply->status,
               MHD_get_reason_phrase_for(reply->status), date);
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, "Connection") != 0)
            buf_printf(&text, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    }
    buf_printf(&text, "Content-Length: %zu\r\nConnection: close\r\n\r\n", reply->body.length);
    if (!without_body)
        buf_append(&text, buf_string(&reply->body), reply->body.length);
    /* Nothing was sent for this request yet: a few kilobytes fit the socket's empty buffer. */
    ssize_t sent = send(fd, text.data, text.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    buf_fini(&text);
    reply_fini(reply);
}
