/* The events of one job as a stream; see stream.h. */
#include "api/stream.h"

#include "api/encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a state event is sent for. */
struct shown {
    enum job_status status;
    int64_t attempt, priority, queue_position;
};

struct stream {
    struct streams *streams;
    struct service *service;
    char *job_id;
    int64_t key;
    struct follow_cursor cursor;
    bool begun, ended;
    struct shown shown;
    int64_t due_ms;
};

static bool
take_place(struct streams *streams)
{
    size_t open = atomic_fetch_add(&streams->open, 1);
    if (open < streams->max)
        return true;
    atomic_fetch_sub(&streams->open, 1);
    return false;
}

struct stream *
stream_open(struct streams *streams, struct service *service, const char *job_id,
            const struct follow_cursor *cursor, struct fault_list *faults)
{
    int64_t key = 0;
    if (service_job_key(service, job_id, &key, faults) != 0)
        return NULL;
    if (!take_place(streams)) {
        fault_add(faults, FAULT_TOO_MANY_STREAMS, NULL,
                  "%zu event streams are open, as many as the daemon allows (max_streams): close "
                  "some, or poll the job instead.",
                  streams->max);
        return NULL;
    }
    struct stream *stream = mem_small(sizeof *stream);
    *stream =
        (struct stream){.streams = streams, .service = service, .key = key, .cursor = *cursor};
    stream->job_id = mem_small(strlen(job_id) + 1);
    memcpy(stream->job_id, job_id, strlen(job_id) + 1);
    return stream;
}

void
stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    atomic_fetch_sub(&stream->streams->open, 1);
    free(stream->job_id);
    free(stream);
}

int64_t
stream_key(const struct stream *stream)
{
    return stream->key;
}

int64_t
stream_due_ms(const struct stream *stream)
{
    return stream->due_ms;
}

/* Digits, or "-" for none; the text moves behind them. */
static bool
read_place(const char **text, int64_t none, int64_t *out)
{
    if (**text == '-') {
        *out = none;
        *text += 1;
        return true;
    }
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18)
        return false;
    *out = strtoll(*text, NULL, 10);
    *text += digits;
    return true;
}

int
stream_parse_cursor(const char *text, struct follow_cursor *out, struct fault_list *faults)
{
    const char *rest = text;
    if (read_place(&rest, 0, &out->event) && *rest++ == '.' && read_place(&rest, -1, &out->step) &&
        *rest++ == '.' && read_place(&rest, -1, &out->checkpoint) && *rest == '\0')
        return 0;
    return fault_add(faults, FAULT_INVALID_CURSOR, "after",
                     "'%.100s' is no id of an event of this stream: send the last id that came (as "
                     "Last-Event-ID or ?after=), or leave it out to start from the beginning.",
                     text);
}

static void
append_place(struct buf *out, int64_t place, char end)
{
    if (place < 0)
        buf_printf(out, "-%c", end);
    else
        buf_printf(out, "%" PRId64 "%c", place, end);
}

/* event, id and the start of data. */
static void
begin_event(const struct stream *stream, const char *name, struct buf *out)
{
    buf_printf(out, "event: %s\nid: ", name);
    append_place(out, stream->cursor.event, '.');
    append_place(out, stream->cursor.step, '.');
    append_place(out, stream->cursor.checkpoint, '\n');
    buf_append_string(out, "data: ");
}

/* Line breaks in JSON are mere blanks, and would end the data. */
static void
end_event(struct buf *out, size_t data_start)
{
    for (size_t i = data_start; i < out->length; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
    buf_append_string(out, "\n\n");
}

static void
write_object(const struct stream *stream, const char *name, const struct field_object *fields,
             const void *item, struct buf *out)
{
    begin_event(stream, name, out);
    size_t start = out->length;
    struct json_out json = {.buf = out};
    fields_encode(&json, NULL, fields, item);
    end_event(out, start);
}

static void
write_job(const struct stream *stream, const char *name, const struct job_info *job,
          struct buf *out)
{
    begin_event(stream, name, out);
    size_t start = out->length;
    struct json_out json = {.buf = out};
    encode_job(&json, NULL, job, (int64_t)time(NULL));
    end_event(out, start);
}

static void
write_state(struct stream *stream, const struct job_info *job, struct buf *out)
{
    struct shown now = {job->status, job->attempt, job->priority, job->queue_position};
    const struct shown *old = &stream->shown;
    if (!stream->begun)
        buf_printf(out, "retry: %d\n\n", STREAM_RETRY_MS);
    if (!stream->begun || now.status != old->status || now.attempt != old->attempt ||
        now.priority != old->priority || now.queue_position != old->queue_position)
        write_job(stream, "state", job, out);
    stream->begun = true;
    stream->shown = now;
}

static void
write_lists(struct stream *stream, const struct follow_news *news, struct buf *out)
{
    for (size_t i = 0; i < news->event_count; i++) {
        stream->cursor.event = news->events[i].sequence;
        write_object(stream, "event", &event_fields, &news->events[i].event, out);
    }
    for (size_t i = 0; i < news->point_count; i++) {
        stream->cursor.step = news->points[i].step;
        write_object(stream, "metrics", &metric_fields, &news->points[i], out);
    }
    for (size_t i = 0; i < news->checkpoint_count; i++) {
        stream->cursor.checkpoint = news->checkpoints[i].step;
        write_object(stream, "checkpoint", &checkpoint_fields, &news->checkpoints[i], out);
    }
}

/* When the job cannot be read any more, the client is sent away; it comes back, or learns that the
 * job is gone. */
static void
write_news(struct stream *stream, struct arena *arena, struct buf *out)
{
    struct fault_list faults = {.arena = arena};
    struct follow_news news;
    if (service_job_follow(stream->service, stream->job_id, &stream->cursor, STREAM_BATCH, arena,
                           &news, &faults) != 0) {
        buf_append_string(out, ": the job cannot be read\n\n");
        stream->ended = true;
        return;
    }
    write_state(stream, &news.job, out);
    write_lists(stream, &news, out);
    if (service_job_has_ended(news.job.status) && !news.has_more) {
        write_job(stream, "end", &news.job, out);
        stream->ended = true;
    }
}

enum stream_step
stream_next(struct stream *stream, int64_t now_ms, bool stopping, struct buf *out)
{
    size_t before = out->length;
    if (stream->ended)
        return STREAM_END;
    struct arena *arena = arena_new();
    write_news(stream, arena, out);
    arena_free(arena);
    if (stopping && !stream->ended) {
        buf_append_string(out, ": the daemon stops; come back with the last id\n\n");
        stream->ended = true;
    }
    if (out->length == before && now_ms >= stream->due_ms)
        buf_append_string(out, ": nothing new\n\n");
    if (out->length == before)
        return STREAM_NOTHING;
    stream->due_ms = now_ms + STREAM_BEAT_MS;
    return STREAM_BYTES;
}
