/*
 * A reply: what one request is answered with, as a value.
 *
 * A handler returns exactly one, so "answered twice" and "not answered" do not compile. It owns its
 * bytes or its descriptor until it is sent. Nothing here knows the library; api/send.h does.
 */
#ifndef API_REPLY_H
#define API_REPLY_H

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "daemon/fault.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLY_MAX_HEADERS = 12 };

struct reply_header {
    const char *name;
    const char *value; /* static, or in the request's arena */
};

struct stream;

/* Content that is made while it is sent: its length is known, its bytes are not kept. One caller at
 * a time; read NULL: there is none. */
struct reply_source {
    /* Up to length bytes from offset on: how many (at least 1), or -1 and the connection ends. */
    int64_t (*read)(void *context, int64_t offset, void *bytes, size_t length);
    void (*close)(void *context);
    void *context;
};

struct reply {
    unsigned status;
    bool is_json;               /* an answer, not an error: its bytes make an entity tag */
    struct stream *stream;      /* sent as it comes, instead of a body; NULL otherwise */
    struct buf body;            /* when fd < 0 */
    int fd;                     /* an open file, or -1 */
    struct reply_source source; /* in place of a file */
    int64_t offset;             /* first byte of the file or source to send */
    int64_t length;             /* bytes of it to send */
    const char *etag;           /* quoted; NULL: none */
    struct reply_header headers[REPLY_MAX_HEADERS];
    size_t header_count;
};

/* A file to send. */
struct reply_file {
    int fd;                     /* taken; -1 with a source */
    struct reply_source source; /* taken */
    int64_t bytes;
    const char *type;   /* of its content; NULL: bytes of any kind */
    const char *name;   /* offered to a client that saves it */
    const char *sha256; /* becomes the ETag; NULL: none */
};

struct reply reply_empty(unsigned status);

/* Takes the buffer's bytes; *body is empty afterwards. */
struct reply reply_json_take(unsigned status, struct buf *body);
struct reply reply_text_take(unsigned status, struct buf *body);

struct reply reply_file_take(const struct reply_file *file, struct arena *arena);

/* An event stream (api/stream.h), taken. */
struct reply reply_stream_take(struct stream *stream);

/* The answer to at least one fault; named_in_body as errors.h says. */
struct reply reply_faults(const struct fault_list *faults, const char *request_id,
                          bool named_in_body, struct arena *arena);

/* The strings must live as long as the request. */
void reply_add_header(struct reply *reply, const char *name, const char *value);

/* Bytes of the body, of either kind. */
int64_t reply_bytes(const struct reply *reply);

/* Does it send a file or a source, of which a part can be asked for? */
bool reply_has_parts(const struct reply *reply);

/* Make it an answer without a body, such as 304; its headers stay. */
void reply_drop_body(struct reply *reply, unsigned status);

/* Release bytes, descriptor and stream of a reply that was not sent. */
void reply_fini(struct reply *reply);

#endif
