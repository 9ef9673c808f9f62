/*
 * Entity tags (RFC 9110, section 8.8): a strong tag is made from the very bytes of a reply, because
 * computed members change without a row changing; lists of tags are what clients send back.
 */
#ifndef API_ETAG_H
#define API_ETAG_H

#include "api/headers.h"
#include "api/reply.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

/* The quoted tag of a body. */
const char *etag_of(const void *bytes, size_t length, struct arena *arena);

/* If-None-Match: does the list name the tag? "*" names all, "W/" makes no difference. */
bool etag_is_listed(const char *list, const char *etag);

/* If-Match: the same by the strong comparison, which a weak tag never passes. */
bool etag_is_listed_strongly(const char *list, const char *etag);

/*
 * Give a 200 reply of JSON its tag and turn it into 304 when the client has it already. Other
 * replies are left as they are (files have theirs: api/range.h).
 */
void etag_apply(struct reply *reply, const struct headers *headers, struct arena *arena);

#endif
