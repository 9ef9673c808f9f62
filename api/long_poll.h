/*
 * Long polls: ?wait=SECONDS on an answer about one job. A client that names what it has
 * (If-None-Match) is answered when the answer differs, or with 304 when the time is over; without
 * that header, and when the job has ended, at once.
 */
#ifndef API_LONG_POLL_H
#define API_LONG_POLL_H

#include "api/request.h"

enum { LONG_POLL_MAX_SECONDS = 30 };

/*
 * For handlers: note in request->wait for what the answer may be held back. job NULL: it is looked
 * up when it is needed. -1 with a fault.
 */
int long_poll_ask(struct request *request, const char *job_id, const struct job_info *job);

#endif
