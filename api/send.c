/* Sending a reply; see send.h. */
#include "api/send.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Matters for HTTP/1.0 only: chunks are made in the connection's own memory. */
enum { STREAM_BLOCK_BYTES = 1024 };

/* Read at once of what is made while it is sent. */
enum { SOURCE_BLOCK_BYTES = 65536 };

/* A source on its way, as the library calls it. */
struct sending {
    struct reply_source source;
    int64_t offset, length;
};

static ssize_t
read_source(void *context, uint64_t position, char *bytes, size_t capacity)
{
    const struct sending *sending = context;
    int64_t left = sending->length - (int64_t)position;
    if (left <= 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t length = (int64_t)capacity < left ? capacity : (size_t)left;
    int64_t got = sending->source.read(sending->source.context, sending->offset + (int64_t)position,
                                       bytes, length);
    return got > 0 ? (ssize_t)got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
close_source(void *context)
{
    struct sending *sending = context;
    sending->source.close(sending->source.context);
    free(sending);
}

/* Takes the source. */
static struct MHD_Response *
make_response_of_source(struct reply *reply)
{
    struct sending *sending = mem_small(sizeof *sending);
    *sending = (struct sending){reply->source, reply->offset, reply->length};
    struct MHD_Response *response = MHD_create_response_from_callback(
        (uint64_t)reply->length, SOURCE_BLOCK_BYTES, read_source, sending, close_source);
    if (response == NULL)
        free(sending);
    else
        reply->source = (struct reply_source){0};
    return response;
}

static struct MHD_Response *
make_response(struct reply *reply)
{
    struct MHD_Response *response = NULL;
    if (reply->fd >= 0 && reply->length > 0) {
        response = MHD_create_response_from_fd_at_offset64((uint64_t)reply->length, reply->fd,
                                                           (uint64_t)reply->offset);
        if (response != NULL)
            reply->fd = -1; /* the library closes it */
    } else if (reply->source.read != NULL && reply->length > 0) {
        response = make_response_of_source(reply);
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

/* Queue a response with the reply's headers; response NULL: it could not be made. */
static enum MHD_Result
queue_response(struct MHD_Connection *connection, const struct reply *reply,
               struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result
send_reply_take(struct MHD_Connection *connection, struct reply *reply)
{
    enum MHD_Result result = queue_response(connection, reply, make_response(reply));
    reply_fini(reply);
    return result;
}

enum MHD_Result
send_stream(struct MHD_Connection *connection, const struct reply *reply,
            MHD_ContentReaderCallback reader, void *context)
{
    return queue_response(connection, reply,
                          MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                            reader, context, NULL));
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
