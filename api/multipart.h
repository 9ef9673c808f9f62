/*
 * multipart/form-data (RFC 7578), as a stream: bytes in, parts out, nothing kept but a few bytes.
 *
 * The parser holds back only what could be the beginning of a delimiter, and one part's header
 * block while it is incomplete. Chunks may be cut anywhere. Whatever the bytes are, it ends in
 * parts or in one fault.
 */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include "core/base/mem.h"
#include "daemon/fault.h"

#include <stddef.h>

enum {
    MULTIPART_MAX_BOUNDARY = 200,      /* RFC 2046 says 70; some clients use more */
    MULTIPART_MAX_HEADER_BYTES = 8192, /* of one part */
    MULTIPART_MAX_PARTS = 64,
    MULTIPART_MAX_PREAMBLE_BYTES = 65536
};

/* A part's own headers; strings are valid while the part lasts. */
struct multipart_part {
    const char *name;
    const char *filename; /* raw, without folders; NULL when there was none */
};

/* What to do with parts. Each returns 0, or -1 with a fault, which ends the parsing. */
struct multipart_sink {
    void *context;
    int (*begin)(void *context, const struct multipart_part *part, struct fault_list *faults);
    int (*data)(void *context, const char *bytes, size_t length, struct fault_list *faults);
    int (*end)(void *context, struct fault_list *faults);
};

struct multipart;

/* The boundary of a Content-Type, NULL when it is not multipart/form-data or has no usable one. */
const char *multipart_boundary(const char *content_type, struct arena *arena);

struct multipart *multipart_new(const char *boundary, const struct multipart_sink *sink);
void multipart_free(struct multipart *parser);

int multipart_feed(struct multipart *parser, const char *bytes, size_t length,
                   struct fault_list *faults);

/* The body has ended: -1 with BAD_REQUEST when its final boundary is missing. */
int multipart_finish(const struct multipart *parser, struct fault_list *faults);

#endif
