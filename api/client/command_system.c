/* system and queue: what the daemon runs on, and whether it takes jobs. */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"
#include "api/client/text.h"

#include <stdio.h>
#include <string.h>

static void
write_cpu(const json_t *system, struct buf *out)
{
    buf_printf(out, "%s, %lld processors, %lld threads a job", field_text(system, "cpu.name", "?"),
               (long long)field_integer(system, "cpu.processors", 0),
               (long long)field_integer(system, "cpu.threads_per_job", 0));
}

static void
write_engine(const json_t *system, struct buf *out)
{
    double rate = field_number(system, "engine.gflops_per_thread");
    buf_append_string(out, field_text(system, "engine.name", "?"));
    if (rate > 0)
        buf_printf(out, ", %.0f GFLOP/s a thread", rate);
}

static void
append_bytes(const json_t *system, const char *path, const char *what, struct buf *out)
{
    buf_append_string(out, out->length > 0 ? ", " : "");
    text_append_bytes(out, field_number(system, path));
    buf_printf(out, " %s", what);
}

static void
write_memory(const json_t *system, struct buf *out)
{
    append_bytes(system, "memory.used_bytes", "used", out);
    append_bytes(system, "memory.free_bytes", "can be had", out);
    append_bytes(system, "memory.total_bytes", "in all", out);
}

static void
write_disk(const json_t *system, struct buf *out)
{
    append_bytes(system, "disk.free_bytes", "free", out);
    append_bytes(system, "disk.min_free_bytes", "are kept free", out);
    append_bytes(system, "disk.total_bytes", "in all", out);
}

static void
write_uptime(const json_t *system, struct buf *out)
{
    text_append_duration(out, field_number(system, "uptime"));
}

static void
write_queue(const json_t *queue, struct buf *out)
{
    bool paused = json_is_true(field(queue, "paused"));
    buf_append_string(out, paused ? "paused since " : "open");
    if (paused)
        text_append_time(out, field_integer(queue, "paused_at", 0));
}

static void
write_jobs(const json_t *queue, struct buf *out)
{
    buf_printf(out, "%lld running, %lld queued, %lld pausing, %lld paused; up to %lld at once",
               (long long)field_integer(queue, "running", 0),
               (long long)field_integer(queue, "queued", 0),
               (long long)field_integer(queue, "pausing", 0),
               (long long)field_integer(queue, "paused_jobs", 0),
               (long long)field_integer(queue, "workers", 0));
}

static const struct line system_lines[] = {
    {"processor", write_cpu}, {"engine", write_engine}, {"memory", write_memory},
    {"disk", write_disk},     {"up for", write_uptime},
};

static const struct line queue_lines[] = {{"queue", write_queue}, {"jobs", write_jobs}};

static void
print_queue(const json_t *queue)
{
    lines_print(queue_lines, sizeof queue_lines / sizeof queue_lines[0], queue);
}

int
command_system(struct client *client, const struct call *call)
{
    json_t *system = NULL;
    (void)call;
    int result = http_get(client, "/v1/system", &system);
    if (result != CLIENT_OK)
        return result;
    if (client->json) {
        field_print(system, stdout);
    } else {
        lines_print(system_lines, sizeof system_lines / sizeof system_lines[0], system);
        print_queue(field(system, "queue"));
    }
    json_decref(system);
    return CLIENT_OK;
}

/* "queue show", "queue pause", "queue resume" */
int
command_queue(struct client *client, const struct call *call)
{
    json_t *queue = NULL;
    const char *verb = strchr(call->command->name, ' ') + 1;
    int result =
        strcmp(verb, "show") == 0
            ? http_get(client, "/v1/queue", &queue)
            : http_post(client, arena_printf(client->arena, "/v1/queue/%s", verb), NULL, &queue);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(queue, stdout);
    else
        print_queue(queue);
    json_decref(queue);
    return CLIENT_OK;
}
