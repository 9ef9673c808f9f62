/* Following a job until it ends; see follow.h. */
#include "api/client/follow.h"

#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/sse.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    POLL_MS = 500,
    PATIENCE_MS = 120000, /* how long a daemon that answered before may be away */
    EVENTS_AT_ONCE = 100,
};

struct following {
    struct client *client;
    const char *id;
    const struct follower *follower;
    struct sse sse;
    char *last_event; /* polling: id of the newest event that was told, or NULL */
    char *last_job;   /* the text of the job that was told last */
    json_t *ended;    /* the job, when it has ended */
    bool polls;       /* there is no stream */
    bool seen;        /* the daemon has answered at least once */
    bool away;        /* it does not answer just now */
    long away_ms;
};

static void
replace_string(char **string, const char *value)
{
    size_t size = strlen(value) + 1;
    *string = mem_resize(*string, size, 1);
    memcpy(*string, value, size);
}

static void
tell(const struct following *following, void (*function)(void *, const json_t *),
     const json_t *object)
{
    if (function != NULL)
        function(following->follower->context, object);
}

static void
tell_state(struct following *following, const json_t *job)
{
    char *text = json_text(job);
    if (following->last_job == NULL || strcmp(following->last_job, text) != 0)
        tell(following, following->follower->state, job);
    free(following->last_job);
    following->last_job = text;
}

/* ---- by the stream -------------------------------------------------------------------------- */

static void
take_event(void *context, const char *name, const char *data, const char *id)
{
    struct following *following = context;
    struct err ignored;
    json_t *object = json_parse(data, strlen(data), true, &ignored);
    (void)id;
    if (object == NULL)
        return; /* a newer daemon may send what is no JSON */
    if (strcmp(name, "state") == 0) {
        tell_state(following, object);
    } else if (strcmp(name, "event") == 0) {
        tell(following, following->follower->event, object);
    } else if (strcmp(name, "metrics") == 0) {
        tell(following, following->follower->point, object);
    } else if (strcmp(name, "end") == 0 && following->ended == NULL) {
        tell_state(following, object);
        following->ended = json_incref(object);
    }
    json_decref(object);
}

static bool
take_bytes(void *context, const char *bytes, size_t length)
{
    struct following *following = context;
    following->seen = true;
    following->away = false;
    following->away_ms = 0;
    bool good = sse_feed(&following->sse, bytes, length);
    if (following->follower->pause != NULL && following->ended == NULL)
        following->follower->pause(following->follower->context);
    return good && following->ended == NULL;
}

/* No such path, or no room for one more: then the job is polled. */
static bool
has_no_stream(const struct client *client)
{
    const char *code = http_error_code(client);
    return strcmp(code, "too_many_streams") == 0 ||
           (http_status(client) == 404 && strcmp(code, "job_not_found") != 0) ||
           http_status(client) == 405;
}

static int
read_stream(struct following *following)
{
    struct client *client = following->client;
    struct buf header = {0};
    if (following->sse.id.length > 0)
        buf_printf(&header, "Last-Event-ID: %s", buf_string(&following->sse.id));
    const struct http_read request = {
        .path = http_path(client, "/v1/fine_tuning/jobs/", following->id, "/stream"),
        .header = header.length > 0 ? buf_string(&header) : NULL,
        .sink = take_bytes,
        .context = following,
    };
    sse_restart(&following->sse);
    int result = http_read(client, &request);
    buf_fini(&header);
    if (result == CLIENT_REFUSED && has_no_stream(client))
        following->polls = true;
    return following->polls ? CLIENT_OK : result;
}

/* ---- by polling ----------------------------------------------------------------------------- */

static int
get_next_events(struct following *following, json_t **out)
{
    struct buf rest = {0};
    bool first = following->last_event == NULL;
    buf_printf(&rest, "/events?order=asc&limit=%d%s%s", EVENTS_AT_ONCE,
               first ? "" : "&after=", first ? "" : following->last_event);
    int result = http_get_job(following->client, following->id, buf_string(&rest), out);
    buf_fini(&rest);
    return result;
}

static int
tell_new_events(struct following *following)
{
    for (bool more = true; more;) {
        json_t *list = NULL;
        int result = get_next_events(following, &list);
        if (result != CLIENT_OK)
            return result;
        const json_t *events = field(list, "data");
        size_t count = json_array_size(events);
        for (size_t i = 0; i < count; i++) {
            const json_t *event = json_array_get(events, i);
            tell(following, following->follower->event, event);
            replace_string(&following->last_event, field_text(event, "id", ""));
        }
        more = count > 0 && json_is_true(field(list, "has_more"));
        json_decref(list);
    }
    return CLIENT_OK;
}

static bool
has_ended(const json_t *job)
{
    static const char *const ends[] = {"succeeded", "failed", "cancelled"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(field_text(job, "status", ""), ends[i]) == 0)
            return true;
    }
    return false;
}

static int
poll_once(struct following *following)
{
    json_t *job = NULL;
    int result = http_get_job(following->client, following->id, "", &job);
    if (result == CLIENT_OK) {
        tell_state(following, job);
        result = tell_new_events(following);
    }
    if (result == CLIENT_OK) {
        following->seen = true;
        following->away = false;
        following->away_ms = 0;
        if (has_ended(job))
            following->ended = json_incref(job);
        else if (following->follower->pause != NULL)
            following->follower->pause(following->follower->context);
    }
    json_decref(job);
    return result;
}

/* ---- both ----------------------------------------------------------------------------------- */

static void
pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* May what failed be tried again? Only a daemon that was there before is waited for. */
static bool
is_worth_waiting(struct following *following, int result)
{
    bool gone = result == CLIENT_UNREACHABLE ||
                (result == CLIENT_REFUSED && http_status(following->client) == 503);
    if (!gone || !following->seen || following->away_ms >= PATIENCE_MS)
        return false;
    if (!following->away && following->follower->away != NULL)
        following->follower->away(following->follower->context);
    following->away = true;
    following->away_ms += POLL_MS;
    return true;
}

int
follow_job(struct client *client, const char *id, const struct follower *follower, json_t **job)
{
    struct following following = {.client = client, .id = id, .follower = follower};
    following.sse.handler = take_event;
    following.sse.context = &following;
    int result = CLIENT_OK;
    *job = NULL;
    while (following.ended == NULL) {
        result = following.polls ? poll_once(&following) : read_stream(&following);
        if (following.ended != NULL)
            result = CLIENT_OK; /* however the connection was closed behind it */
        else if (result != CLIENT_OK && !is_worth_waiting(&following, result))
            break;
        if (following.ended == NULL)
            pause_ms(POLL_MS);
    }
    *job = following.ended;
    sse_fini(&following.sse);
    free(following.last_event);
    free(following.last_job);
    return result;
}
