/* logs: the events of a job, the oldest first; with --follow also those that are yet to come. */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/follow.h"
#include "api/client/http.h"
#include "api/client/watch.h"

#include <stdio.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 1000 };

static void
print_event(void *context, const json_t *event)
{
    const struct client *client = context;
    if (client->json)
        field_print(event, stdout);
    else
        watch_print_event(event, isatty(STDOUT_FILENO));
}

static void
flush_events(void *context)
{
    (void)context;
    fflush(stdout);
}

static int
print_stored(struct client *client, const char *id)
{
    const char *after = "";
    for (bool more = true; more;) {
        json_t *list = NULL;
        const char *rest =
            arena_printf(client->arena, "/events?order=asc&limit=%d%s", EVENTS_AT_ONCE, after);
        int result = http_get_job(client, id, rest, &list);
        if (result != CLIENT_OK)
            return result;
        const json_t *events = field(list, "data");
        size_t count = json_array_size(events);
        for (size_t i = 0; i < count; i++)
            print_event(client, json_array_get(events, i));
        more = count > 0 && json_is_true(field(list, "has_more"));
        if (more)
            after = http_path(
                client, "&after=", field_text(json_array_get(events, count - 1), "id", ""), "");
        json_decref(list);
    }
    return CLIENT_OK;
}

int
command_logs(struct client *client, const struct call *call)
{
    const char *id = call->given.operands[0];
    const struct follower follower = {
        .event = print_event, .pause = flush_events, .context = client};
    json_t *job = NULL;
    if (!options_has(&call->given, "follow"))
        return print_stored(client, id);
    int result = follow_job(client, id, &follower, &job);
    json_decref(job);
    return result;
}
