/*
 * Following a job until it ends: everything that happens, each thing once and in order.
 *
 * By the event stream, which goes on behind its last event when the connection breaks or the daemon
 * is restarted; by polling where there is no stream, without metric points then. A daemon that
 * answered before is waited for.
 */
#ifndef API_CLIENT_FOLLOW_H
#define API_CLIENT_FOLLOW_H

#include "api/client/client.h"

#include <jansson.h>

/* Who is told; any function may be NULL. */
struct follower {
    void (*state)(void *context, const json_t *job); /* the job: at first, and when it changed */
    void (*event)(void *context, const json_t *event);
    void (*point)(void *context, const json_t *point); /* a metric point */
    void (*pause)(void *context);                      /* no more for the moment */
    void (*away)(void *context);                       /* the daemon does not answer just now */
    void *context;
};

/* CLIENT_OK when the job has ended; *job is then what it ended as, a new reference. */
int follow_job(struct client *client, const char *id, const struct follower *follower,
               json_t **job);

#endif
