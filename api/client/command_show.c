/*
 * show: one job in full, as "name  value" lines within the terminal's width, then its last events.
 *
 * A line is a row of the table below.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"
#include "api/client/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_SHOWN = 10 };

static void
write_status(const json_t *job, struct buf *out)
{
    int64_t attempt = field_integer(job, "attempt", 0);
    int64_t position = field_integer(job, "queue_position", 0);
    buf_append_string(out, field_text(job, "status", "?"));
    if (position > 0)
        buf_printf(out, ", number %lld in the queue", (long long)position);
    if (field_integer(job, "priority", 0) != 0)
        buf_printf(out, ", priority %lld", (long long)field_integer(job, "priority", 0));
    if (attempt > 1)
        buf_printf(out, ", attempt %lld", (long long)attempt);
}

static void
write_error(const json_t *job, struct buf *out)
{
    const char *message = field_text(job, "error.message", NULL);
    if (message != NULL)
        buf_printf(out, "%s [%s]", message, field_text(job, "error.code", "?"));
}

static void
write_base(const json_t *job, struct buf *out)
{
    buf_append_string(out, field_text(job, "model", "?"));
}

static void
write_result(const json_t *job, struct buf *out)
{
    buf_append_string(out, field_text(job, "fine_tuned_model", ""));
}

static void
write_task(const json_t *job, struct buf *out)
{
    const json_t *labels = field(job, "labels");
    size_t count = json_array_size(labels);
    buf_append_string(out, field_text(job, "task", ""));
    if (count > 0)
        buf_printf(out, ", %zu labels:", count);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, " %s%s", field_text(json_array_get(labels, i), "", "?"),
                   i + 1 < count ? "," : "");
}

static void
write_files(const json_t *job, struct buf *out)
{
    lines_append_part(out, "training ", field_text(job, "training_file", NULL));
    lines_append_part(out, "validation ", field_text(job, "validation_file", NULL));
    lines_append_part(out, "test ", field_text(job, "test_file", NULL));
}

static void
write_times(const json_t *job, struct buf *out)
{
    static const char *const keys[] = {"created_at", "started_at", "finished_at"};
    static const char *const names[] = {"created ", "started ", "finished "};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t when = field_integer(job, keys[i], 0);
        struct buf text = {0};
        text_append_time(&text, when);
        lines_append_part(out, names[i], when > 0 ? buf_string(&text) : NULL);
        buf_fini(&text);
    }
}

static void
write_progress(const json_t *job, struct buf *out)
{
    int64_t total = field_integer(job, "progress.total_steps", 0);
    double elapsed = field_number(job, "progress.seconds_elapsed");
    double left = field_number(job, "progress.seconds_left");
    if (total <= 0)
        return;
    buf_printf(out, "step %lld of %lld, epoch %.2f",
               (long long)field_integer(job, "progress.step", 0), (long long)total,
               field_number(job, "progress.epoch"));
    if (elapsed > 0) {
        buf_append_string(out, ", ");
        text_append_duration(out, elapsed);
        buf_append_string(out, " elapsed");
    }
    if (left > 0) {
        buf_append_string(out, ", ");
        text_append_duration(out, left);
        buf_append_string(out, " left");
    }
}

static void
write_speed(const json_t *job, struct buf *out)
{
    double tokens = field_number(job, "progress.tokens_per_second");
    int64_t threads = field_integer(job, "resources.threads", 0);
    if (tokens > 0)
        buf_printf(out, "%.0f tokens/s, %.0f rows/s", tokens,
                   field_number(job, "progress.rows_per_second"));
    if (threads > 0)
        buf_printf(out, "%s%lld threads", out->length > 0 ? ", " : "", (long long)threads);
    lines_append_part(out, "", field_text(job, "resources.engine", NULL));
    lines_append_part(out, "", field_text(job, "resources.precision", NULL));
}

static void
write_memory(const json_t *job, struct buf *out)
{
    static const char *const keys[] = {"resources.peak_memory_bytes", "estimated_memory_bytes"};
    static const char *const names[] = {"daemon's peak ", "job estimated at "};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        double bytes = field_number(job, keys[i]);
        struct buf text = {0};
        text_append_bytes(&text, bytes);
        lines_append_part(out, names[i], bytes > 0 ? buf_string(&text) : NULL);
        buf_fini(&text);
    }
}

static void
write_metrics(const json_t *job, struct buf *out)
{
    field_append_pairs(field(job, "metrics"), out);
}

static void
write_parameters(const json_t *job, struct buf *out)
{
    field_append_pairs(field(job, "parameters"), out);
}

static void
write_baseline(const json_t *job, struct buf *out)
{
    field_append_pairs(field(job, "baseline"), out);
}

static void
write_metadata(const json_t *job, struct buf *out)
{
    field_append_pairs(field(job, "metadata"), out);
}

static const struct line lines[] = {
    {"status", write_status},         {"error", write_error},       {"base model", write_base},
    {"fine-tuned", write_result},     {"task", write_task},         {"files", write_files},
    {"times", write_times},           {"progress", write_progress}, {"speed", write_speed},
    {"memory", write_memory},         {"metrics", write_metrics},   {"baseline", write_baseline},
    {"parameters", write_parameters}, {"metadata", write_metadata},
};

/* The list comes newest first; people read downwards. */
static void
print_events(const json_t *list)
{
    const json_t *events = field(list, "data");
    for (size_t i = json_array_size(events); i-- > 0;) {
        const json_t *event = json_array_get(events, i);
        struct buf text = {0};
        text_append_time(&text, field_integer(event, "created_at", 0));
        buf_printf(&text, " %s", field_text(event, "message", ""));
        bool info = strcmp(field_text(event, "level", ""), "info") == 0;
        lines_print_one(info ? "event" : field_text(event, "level", "event"), buf_string(&text));
        buf_fini(&text);
    }
}

int
command_show(struct client *client, const struct call *call)
{
    const char *id = call->given.operands[0];
    json_t *job = NULL, *events = NULL;
    int result = http_get_job(client, id, "", &job);
    if (result != CLIENT_OK)
        return result;
    if (client->json) {
        field_print(job, stdout);
    } else {
        lines_print_one("job", field_text(job, "id", "?"));
        lines_print(lines, sizeof lines / sizeof lines[0], job);
        const char *rest = arena_printf(client->arena, "/events?limit=%d", EVENTS_SHOWN);
        result = http_get_job(client, id, rest, &events);
        if (result == CLIENT_OK)
            print_events(events);
    }
    json_decref(events);
    json_decref(job);
    return result;
}
