/*
 * Watching a job until it ends: events as lines, progress as a bar.
 *
 * On a terminal the last line is a bar that is drawn again as steps come; elsewhere a plain line is
 * printed at each tenth of the way. With --json the job object is printed at each change of its
 * state, and as it has ended.
 */
#ifndef API_CLIENT_WATCH_H
#define API_CLIENT_WATCH_H

#include "api/client/client.h"

#include <jansson.h>
#include <stdbool.h>

/* CLIENT_OK when the job succeeded, CLIENT_JOB_FAILED when it failed or was cancelled. */
int watch_job(struct client *client, const char *id);

/* An event as a line; wrapped for a terminal, elsewhere whole, so that grep finds all of it. */
void watch_print_event(const json_t *event, bool wrapped);

#endif
