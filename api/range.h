/*
 * Conditional and partial answers for files (RFC 9110, sections 13 and 14), so that a broken
 * download goes on where it stopped and an unchanged file is not sent again.
 *
 * One range is served; a list of ranges, or one that cannot be read, is answered with the whole
 * file, as the RFC allows.
 */
#ifndef API_RANGE_H
#define API_RANGE_H

#include "api/headers.h"
#include "api/reply.h"

/* Turn a 200 reply that sends a file into 304, 206 or 416 if the request asks for it. */
void range_apply(struct reply *reply, const struct headers *headers, struct arena *arena);

#endif
