/* Watching a job until it ends; see watch.h. */
#include "api/client/watch.h"

#include "api/client/bar.h"
#include "api/client/fields.h"
#include "api/client/follow.h"
#include "api/client/lines.h"
#include "api/client/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct watch {
    struct client *client;
    json_t *job;         /* as last told, brought up to date by the points since; or NULL */
    int64_t origin_step; /* of the first point since the job was told, -1 for none */
    int64_t origin_time;
    int last_tenth; /* of the way, printed last; -1 for none */
    bool live;      /* a bar that is drawn again and again */
};

static void
erase_bar(const struct watch *watch)
{
    if (watch->live)
        printf("\r\033[K");
}

void
watch_print_event(const json_t *event, bool wrapped)
{
    struct buf text = {0}, line = {0};
    const char *level = field_text(event, "level", "info");
    if (strcmp(level, "info") != 0)
        buf_printf(&text, "%s: ", level);
    buf_append_string(&text, field_text(event, "message", ""));
    text_append_time(&line, field_integer(event, "created_at", 0));
    buf_append_string(&line, " ");
    size_t columns = wrapped ? text_columns(stdout) : SIZE_MAX;
    text_append_wrapped(&line, buf_string(&text), line.length, columns);
    printf("%s\n", buf_string(&line));
    buf_fini(&line);
    buf_fini(&text);
}

static void
take_state(void *context, const json_t *job)
{
    struct watch *watch = context;
    if (watch->client->json)
        field_print(job, stdout);
    json_decref(watch->job);
    watch->job = json_deep_copy(job);
    watch->origin_step = -1;
    fflush(stdout);
}

/* Metrics events are what the bar shows anyway. */
static void
take_event(void *context, const json_t *event)
{
    const struct watch *watch = context;
    if (watch->client->json || strcmp(field_text(event, "type", ""), "metrics") == 0)
        return;
    erase_bar(watch);
    watch_print_event(event, watch->live);
}

/* The time that is left, from how long the steps took since the job was told. */
static double
seconds_left(struct watch *watch, const json_t *point, int64_t step, int64_t total)
{
    int64_t now = field_integer(point, "created_at", 0);
    if (watch->origin_step < 0) {
        watch->origin_step = step;
        watch->origin_time = now;
    }
    int64_t steps = step - watch->origin_step;
    int64_t seconds = now - watch->origin_time;
    if (steps <= 0 || seconds < 2)
        return (double)NAN;
    return (double)seconds / (double)steps * (double)(total - step);
}

/* Bring the job up to date, so that the bar need not know of points. */
static void
take_point(void *context, const json_t *point)
{
    struct watch *watch = context;
    json_t *progress = json_object_get(watch->job, "progress");
    json_t *metrics = json_object_get(watch->job, "metrics");
    int64_t step = field_integer(point, "step", 0);
    int64_t total = field_integer(watch->job, "progress.total_steps", 0);
    if (!json_is_object(progress) || total <= 0 || step < field_integer(progress, "step", 0))
        return;
    double left = seconds_left(watch, point, step, total);
    json_object_set_new(progress, "step", json_integer(step));
    json_object_set_new(progress, "percent", json_real(100.0 * (double)step / (double)total));
    if (!isnan(left))
        json_object_set_new(progress, "seconds_left", json_real(left));
    if (json_is_object(metrics))
        json_object_update(metrics, json_object_get(point, "values"));
}

static void
take_pause(void *context)
{
    struct watch *watch = context;
    int tenth = (int)(bar_fraction(watch->job) * 10);
    bool running = strcmp(field_text(watch->job, "status", ""), "running") == 0;
    if (watch->client->json || watch->job == NULL ||
        (!watch->live && (!running || tenth == watch->last_tenth)))
        return;
    struct buf bar = {0};
    erase_bar(watch);
    bar_append(&bar, watch->job, text_columns(stdout) - 1);
    printf("%s%s", buf_string(&bar), watch->live ? "" : "\n");
    fflush(stdout);
    watch->last_tenth = tenth;
    buf_fini(&bar);
}

static void
take_away(void *context)
{
    const struct watch *watch = context;
    if (watch->client->json)
        return;
    erase_bar(watch);
    fflush(stdout);
    fprintf(stderr, "finetunectl: the daemon does not answer; trying again\n");
}

static int
finish(const struct watch *watch, const json_t *job)
{
    bool succeeded = strcmp(field_text(job, "status", ""), "succeeded") == 0;
    double accuracy = field_number(job, "metrics.test_accuracy");
    const char *reason = field_text(job, "error.message", NULL);
    int result = succeeded ? CLIENT_OK : CLIENT_JOB_FAILED;
    if (watch->client->json)
        return result;
    erase_bar(watch);
    if (succeeded && !isnan(accuracy))
        printf("test accuracy %.4f\n", accuracy);
    if (succeeded)
        lines_say("model %s", field_text(job, "fine_tuned_model", "?"));
    else
        lines_say("job %s%s%s", field_text(job, "status", "?"), reason != NULL ? ": " : "",
                  reason != NULL ? reason : "");
    return result;
}

int
watch_job(struct client *client, const char *id)
{
    struct watch watch = {
        .client = client,
        .origin_step = -1,
        .last_tenth = -1,
        .live = !client->json && isatty(STDOUT_FILENO),
    };
    const struct follower follower = {
        .state = take_state,
        .event = take_event,
        .point = take_point,
        .pause = take_pause,
        .away = take_away,
        .context = &watch,
    };
    json_t *job = NULL;
    int result = follow_job(client, id, &follower, &job);
    if (result == CLIENT_OK)
        result = finish(&watch, job);
    else
        erase_bar(&watch);
    json_decref(job);
    json_decref(watch.job);
    return result;
}

int
command_watch(struct client *client, const struct call *call)
{
    return watch_job(client, call->given.operands[0]);
}
