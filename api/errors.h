/*
 * THE error table: how each fault code looks in HTTP.
 *
 * The codes themselves are daemon/fault.h's. An answer's status is that of its first fault.
 */
#ifndef API_ERRORS_H
#define API_ERRORS_H

#include "api/fields.h"
#include "core/base/buf.h"
#include "daemon/fault.h"

#include <stdbool.h>

/* What a client that retries by itself should be told. */
enum error_retry {
    RETRY_UNSAID, /* the status alone decides */
    RETRY_NEVER,  /* x-should-retry: false */
    RETRY_LATER   /* Retry-After */
};

struct error_row {
    enum fault_code code;
    unsigned status;
    const char *type;  /* OpenAI's error.type */
    const char *title; /* RFC 9457 */
    enum error_retry retry;
};

enum { ERRORS_RETRY_AFTER_SECONDS = 5 };

const struct error_row *error_row(enum fault_code code);

/*
 * The status of an answer whose first fault is this. A model or file that the body names and that
 * does not exist is the body's mistake (400); one that the path names is 404.
 */
unsigned error_status(enum fault_code code, bool named_in_body);

extern const struct field_object problem_fields;

/*
 * The body for RFC 9457 (application/problem+json) and for OpenAI's SDKs (its member "error") at
 * once; every fault is in "errors", every message in "detail" and "error.message".
 */
void errors_encode(const struct fault_list *faults, unsigned status, const char *request_id,
                   struct buf *out);

#endif
