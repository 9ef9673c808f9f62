/* Following a job until it ends; see watch.h. */
#include "api/client/watch.h"

#include "api/client/bar.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 500,
    PATIENCE_MS = 60000, /* how long a daemon that answered before may be away */
    EVENTS_AT_ONCE = 100,
};

struct watch {
    struct client *client;
    const char *id;
    char *last_event; /* id of the newest event that was printed, or NULL */
    char *last_job;   /* --json: the text that was printed last */
    int last_tenth;   /* of the way, printed last; -1 for none */
    bool live;        /* a bar that is drawn again and again */
    bool seen;        /* the daemon has answered at least once */
    bool away;        /* it does not answer just now */
    long away_ms;
};

static void
erase_bar(const struct watch *watch)
{
    if (watch->live)
        printf("\r\033[K");
}

static void
replace_string(char **string, const char *value)
{
    size_t size = strlen(value) + 1;
    *string = mem_resize(*string, size, 1);
    memcpy(*string, value, size);
}

/* Wrapped on a terminal; elsewhere an event is one line, so that grep finds all of it. */
static void
print_event(const struct watch *watch, const json_t *event)
{
    struct buf text = {0}, line = {0};
    const char *level = field_text(event, "level", "info");
    if (strcmp(level, "info") != 0)
        buf_printf(&text, "%s: ", level);
    buf_append_string(&text, field_text(event, "message", ""));
    text_append_time(&line, field_integer(event, "created_at", 0));
    buf_append_string(&line, " ");
    size_t columns = watch->live ? text_columns(stdout) - 1 : SIZE_MAX;
    text_append_wrapped(&line, buf_string(&text), line.length, columns);
    printf("%s\n", buf_string(&line));
    buf_fini(&line);
    buf_fini(&text);
}

static int
get_next_events(struct watch *watch, json_t **out)
{
    struct buf rest = {0};
    bool first = watch->last_event == NULL;
    buf_printf(&rest, "/events?order=asc&limit=%d%s%s", EVENTS_AT_ONCE,
               first ? "" : "&after=", first ? "" : watch->last_event);
    int result = http_get_job(watch->client, watch->id, buf_string(&rest), out);
    buf_fini(&rest);
    return result;
}

/* Print what has happened since the last call; metrics events are what the bar shows anyway. */
static int
print_new_events(struct watch *watch)
{
    for (bool more = true; more;) {
        json_t *list = NULL;
        int result = get_next_events(watch, &list);
        if (result != CLIENT_OK)
            return result;
        const json_t *events = field(list, "data");
        size_t count = json_array_size(events);
        for (size_t i = 0; i < count; i++) {
            const json_t *event = json_array_get(events, i);
            if (strcmp(field_text(event, "type", ""), "metrics") != 0)
                print_event(watch, event);
            replace_string(&watch->last_event, field_text(event, "id", ""));
        }
        more = count > 0 && json_is_true(field(list, "has_more"));
        json_decref(list);
    }
    return CLIENT_OK;
}

static void
print_json(struct watch *watch, const json_t *job)
{
    char *text = json_text(job);
    if (watch->last_job == NULL || strcmp(watch->last_job, text) != 0)
        printf("%s\n", text);
    free(watch->last_job);
    watch->last_job = text;
}

static void
print_progress(struct watch *watch, const json_t *job)
{
    int tenth = (int)(bar_fraction(job) * 10);
    bool running = strcmp(field_text(job, "status", ""), "running") == 0;
    if (!watch->live && (!running || tenth == watch->last_tenth))
        return;
    struct buf bar = {0};
    bar_append(&bar, job, text_columns(stdout) - 1);
    printf("%s%s", buf_string(&bar), watch->live ? "" : "\n");
    watch->last_tenth = tenth;
    buf_fini(&bar);
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
finish(const struct watch *watch, const json_t *job)
{
    bool succeeded = strcmp(field_text(job, "status", ""), "succeeded") == 0;
    struct buf line = {0};
    if (succeeded) {
        double accuracy = field_number(job, "metrics.test_accuracy");
        if (!isnan(accuracy))
            buf_printf(&line, "test accuracy %.4f\n", accuracy);
        buf_append_string(&line, "model ");
        text_append_safe(&line, field_text(job, "fine_tuned_model", "?"));
    } else {
        buf_append_string(&line, "job ");
        text_append_safe(&line, field_text(job, "status", "?"));
        if (field(job, "error.message") != NULL) {
            buf_append_string(&line, ": ");
            text_append_safe(&line, field_text(job, "error.message", "?"));
        }
    }
    if (!watch->client->json)
        printf("%s\n", buf_string(&line));
    buf_fini(&line);
    return succeeded ? CLIENT_OK : CLIENT_JOB_FAILED;
}

/* One look at the job; *ended says whether it was the last one needed. */
static int
poll_once(struct watch *watch, bool *ended)
{
    struct client *client = watch->client;
    json_t *job = NULL;
    int result = http_get_job(client, watch->id, "", &job);
    if (result == CLIENT_OK && client->json) {
        print_json(watch, job);
    } else if (result == CLIENT_OK) {
        erase_bar(watch);
        result = print_new_events(watch);
    }
    if (result == CLIENT_OK) {
        *ended = has_ended(job);
        if (*ended)
            result = finish(watch, job);
        else if (!client->json)
            print_progress(watch, job);
    }
    fflush(stdout);
    json_decref(job);
    return result;
}

static void
pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* May a poll that failed be tried again? Only a daemon that was there before is waited for. */
static bool
is_worth_waiting(struct watch *watch, int result)
{
    bool gone = result == CLIENT_UNREACHABLE ||
                (result == CLIENT_REFUSED && http_status(watch->client) == 503);
    if (!gone || !watch->seen || watch->away_ms >= PATIENCE_MS)
        return false;
    if (!watch->away && !watch->client->json)
        fprintf(stderr, "finetunectl: the daemon does not answer; trying again\n");
    watch->away = true;
    watch->away_ms += POLL_MS;
    return true;
}

int
watch_job(struct client *client, const char *id)
{
    struct watch watch = {
        .client = client,
        .id = id,
        .last_tenth = -1,
        .live = !client->json && isatty(STDOUT_FILENO),
    };
    bool ended = false;
    int result = CLIENT_OK;
    while (!ended) {
        result = poll_once(&watch, &ended);
        if (result == CLIENT_OK) {
            watch.seen = true;
            watch.away = false;
            watch.away_ms = 0;
        } else if (!ended && !is_worth_waiting(&watch, result)) {
            break;
        }
        if (!ended)
            pause_ms(POLL_MS);
    }
    free(watch.last_event);
    free(watch.last_job);
    return result;
}

int
command_watch(struct client *client, const struct command *command, int argc, char **argv)
{
    if (argc != 2)
        return client_usage(client, command, "name one job");
    return watch_job(client, argv[1]);
}
