/*
 * Talking to the daemon: JSON over HTTP by libcurl.
 *
 * Every call returns an enum client_exit; on CLIENT_OK *out is a new reference to the reply, on
 * anything else the client's problem says what happened and *out is NULL. One connection, kept
 * open.
 */
#ifndef API_CLIENT_HTTP_H
#define API_CLIENT_HTTP_H

#include "api/client/client.h"
#include "core/base/json.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * url: "http://host:port" (a final "/" or "/v1" is dropped, "http://" may be left out) or
 * "unix:/path". api_key may be NULL. Strings are copied.
 */
int http_open(struct client *client, const char *url, const char *api_key);
void http_close(struct http *http);

int http_get(struct client *client, const char *path, json_t **out);
int http_delete(struct client *client, const char *path, json_t **out);

/* body NULL: none. */
int http_post(struct client *client, const char *path, const json_t *body, json_t **out);
int http_patch(struct client *client, const char *path, const json_t *body, json_t **out);

/* Send a file's bytes as the body of a POST. */
int http_post_file(struct client *client, const char *path, const char *type, const char *file,
                   json_t **out);

/* POST /v1/files with a file's bytes, read while they are sent. */
int http_upload(struct client *client, const char *file, const char *purpose, json_t **out);

/* Takes bytes of an answer as they come; false ends the transfer. */
typedef bool http_sink(void *context, const char *bytes, size_t length);

/*
 * GET what is no JSON: the bytes of a successful answer go to the sink. header: one line more
 * ("Range: bytes=5-"), or NULL. A transfer that the sink has ended is CLIENT_OK.
 */
struct http_read {
    const char *path;
    const char *header;
    http_sink *sink;
    void *context;
};
int http_read(struct client *client, const struct http_read *request);

/* Status of the last reply; 0 when there was none. */
long http_status(const struct client *client);

/* The code of the error that the last reply carried, "" for none. */
const char *http_error_code(const struct client *client);

/* before + the name, escaped + after, in the client's arena. */
const char *http_path(struct client *client, const char *before, const char *name,
                      const char *after);

/* GET /v1/fine_tuning/jobs/ID + rest, with the id escaped. */
int http_get_job(struct client *client, const char *id, const char *rest, json_t **out);

#endif
