/* A reply as a value; see reply.h. */
#include "api/reply.h"

#include "api/errors.h"
#include "api/stream.h"

#include <assert.h>
#include <unistd.h>

struct reply
reply_empty(unsigned status)
{
    return (struct reply){.status = status, .fd = -1};
}

static struct reply
take(unsigned status, const char *content_type, struct buf *body)
{
    struct reply reply = reply_empty(status);
    reply.body = *body;
    *body = (struct buf){0};
    reply_add_header(&reply, "Content-Type", content_type);
    return reply;
}

struct reply
reply_json_take(unsigned status, struct buf *body)
{
    struct reply reply = take(status, "application/json", body);
    reply.is_json = true;
    return reply;
}

struct reply
reply_text_take(unsigned status, struct buf *body)
{
    return take(status, "text/plain; charset=utf-8", body);
}

static bool
is_attribute_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* RFC 6266: the name in plain ASCII for old readers, and exactly in the starred form. */
static const char *
disposition(const char *name, struct arena *arena)
{
    struct buf text = {0};
    buf_append_string(&text, "attachment; filename=\"");
    for (const char *c = name; *c != '\0'; c++)
        buf_append(&text, is_attribute_byte(*c) ? c : "_", 1);
    buf_append_string(&text, "\"; filename*=UTF-8''");
    for (const char *c = name; *c != '\0'; c++) {
        if (is_attribute_byte(*c))
            buf_append(&text, c, 1);
        else
            buf_printf(&text, "%%%02X", (unsigned)(unsigned char)*c);
    }
    const char *copy = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

struct reply
reply_file_take(const struct reply_file *file, struct arena *arena)
{
    struct reply reply = reply_empty(200);
    reply.fd = file->fd;
    reply.source = file->source;
    reply.length = file->bytes;
    reply_add_header(&reply, "Content-Type",
                     file->type != NULL ? file->type : "application/octet-stream");
    reply_add_header(&reply, "Content-Disposition", disposition(file->name, arena));
    reply_add_header(&reply, "Accept-Ranges", "bytes");
    if (file->sha256 != NULL) {
        reply.etag = arena_printf(arena, "\"%s\"", file->sha256);
        reply_add_header(&reply, "ETag", reply.etag);
    }
    return reply;
}

struct reply
reply_stream_take(struct stream *stream)
{
    struct reply reply = reply_empty(200);
    reply.stream = stream;
    reply_add_header(&reply, "Content-Type", "text/event-stream");
    reply_add_header(&reply, "Cache-Control", "no-store");
    return reply;
}

struct reply
reply_faults(const struct fault_list *faults, const char *request_id, bool named_in_body,
             struct arena *arena)
{
    assert(faults->count > 0);
    const struct error_row *row = error_row(faults->items[0].code);
    unsigned status = error_status(row->code, named_in_body);
    struct buf body = {0};
    errors_encode(faults, status, request_id, &body);
    struct reply reply = take(status, "application/problem+json", &body);
    if (row->retry == RETRY_NEVER)
        reply_add_header(&reply, "x-should-retry", "false");
    if (row->retry == RETRY_LATER)
        reply_add_header(&reply, "Retry-After",
                         arena_printf(arena, "%d", ERRORS_RETRY_AFTER_SECONDS));
    return reply;
}

void
reply_add_header(struct reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < REPLY_MAX_HEADERS);
    reply->headers[reply->header_count++] = (struct reply_header){.name = name, .value = value};
}

int64_t
reply_bytes(const struct reply *reply)
{
    return reply_has_parts(reply) ? reply->length : (int64_t)reply->body.length;
}

bool
reply_has_parts(const struct reply *reply)
{
    return reply->fd >= 0 || reply->source.read != NULL;
}

void
reply_drop_body(struct reply *reply, unsigned status)
{
    reply_fini(reply);
    reply->status = status;
    reply->length = 0;
}

void
reply_fini(struct reply *reply)
{
    if (reply->fd >= 0)
        close(reply->fd);
    reply->fd = -1;
    if (reply->source.read != NULL)
        reply->source.close(reply->source.context);
    reply->source = (struct reply_source){0};
    stream_free(reply->stream);
    reply->stream = NULL;
    buf_fini(&reply->body);
}
