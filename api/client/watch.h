/*
 * Following a job until it ends: events as lines, progress as a bar.
 *
 * On a terminal the last line is a bar that is drawn again at each poll; elsewhere a plain line is
 * printed at each tenth of the way. With --json the job object is printed whenever it has changed.
 * A daemon that is being restarted is waited for.
 */
#ifndef API_CLIENT_WATCH_H
#define API_CLIENT_WATCH_H

#include "api/client/client.h"

/* CLIENT_OK when the job succeeded, CLIENT_JOB_FAILED when it failed or was cancelled. */
int watch_job(struct client *client, const char *id);

#endif
