/*
 * Gathering points and events, writing them in one transaction.
 */
#include "daemon/work/recorder.h"

#include <stdlib.h>

#include "core/base/cpu.h"
#include "daemon/log.h"
#include "daemon/store/events.h"
#include "daemon/work/clock.h"
#include "daemon/work/measures.h"

void
recorder_init(struct recorder *recorder, struct db *db, struct job_lease lease, const char *job_id)
{
    *recorder = (struct recorder){
        .db = db,
        .lease = lease,
        .job_id = job_id,
        .event_arena = arena_new(),
    };
    atomic_init(&recorder->broken, false);
}

void
recorder_fini(struct recorder *recorder)
{
    free(recorder->points);
    free(recorder->events);
    arena_free(recorder->event_arena);
}

struct job_progress_row
recorder_progress(const struct recorder *recorder)
{
    const struct train_progress *progress = &recorder->progress;
    return (struct job_progress_row){
        .step = (int64_t)progress->step,
        .total_steps = (int64_t)progress->total_steps,
        .epoch = progress->epoch,
        .seconds_elapsed = progress->seconds_elapsed,
        .rows_per_second = progress->rows_per_second,
        .tokens_per_second = progress->tokens_per_second,
        .trained_tokens = progress->trained_tokens,
        .peak_memory_bytes = cpu_peak_memory_bytes(),
    };
}

/* One transaction: the lease is checked by jobs_flush, whose refusal undoes the events too. */
static int
write_pending(struct db *db, void *context, struct err *err)
{
    const struct recorder *recorder = context;
    struct arena *arena = arena_new();
    struct point_row *rows = arena_array(arena, recorder->point_count, sizeof *rows);
    for (size_t i = 0; i < recorder->point_count; i++) {
        const struct train_point *point = &recorder->points[i];
        rows[i] = (struct point_row){
            .step = (int64_t)point->progress.step,
            .epoch = point->progress.epoch,
        };
        rows[i].measures = measures_from_values(point->values, arena, &rows[i].measure_count);
    }
    struct job_progress_row progress = recorder_progress(recorder);
    int code = jobs_flush(db, recorder->lease, &progress, rows, recorder->point_count, err);
    for (size_t i = 0; i < recorder->event_count && code == 0; i++)
        code = events_append(db, recorder->lease.seq, &recorder->events[i], err);
    arena_free(arena);
    return code;
}

static void
forget_pending(struct recorder *recorder)
{
    recorder->point_count = 0;
    recorder->event_count = 0;
    arena_free(recorder->event_arena);
    recorder->event_arena = arena_new();
}

/* The database said no: note since when, and give up in the end; a full disk starts anew. */
static void
note_refusal(struct recorder *recorder, const struct err *err)
{
    if (err->code == ERR_CONFLICT) {
        recorder->lost = true;
        atomic_store(&recorder->broken, true);
        return;
    }
    recorder->full = err->code == ERR_FULL;
    if (recorder->refused_since_ms == 0)
        log_warn("record job=%s error=\"%s\"", recorder->job_id, err->message);
    if (recorder->refused_since_ms == 0 || recorder->full)
        recorder->refused_since_ms = recorder->tried_at_ms;
    if (recorder->full)
        return;
    bool out_of_patience =
        recorder->tried_at_ms - recorder->refused_since_ms > RECORDER_PATIENCE_MS ||
        recorder->point_count + recorder->event_count > RECORDER_MAX_PENDING;
    if (out_of_patience) {
        recorder->failure = *err;
        atomic_store(&recorder->broken, true);
    }
}

int
recorder_flush(struct recorder *recorder, struct err *err)
{
    if (recorder->lost)
        return err_set(err, ERR_CONFLICT, "the job is no longer run by this worker");
    recorder->tried_at_ms = clock_now_ms();
    if (db_write(recorder->db, write_pending, recorder, err) != 0) {
        note_refusal(recorder, err);
        return err->code;
    }
    recorder->refused_since_ms = 0;
    recorder->full = false;
    forget_pending(recorder);
    return 0;
}

void
recorder_tick(struct recorder *recorder)
{
    struct err noted; /* recorder_flush keeps what matters */
    bool waiting = recorder->point_count + recorder->event_count > 0;
    if (waiting && !recorder_is_broken(recorder) &&
        clock_now_ms() - recorder->tried_at_ms >= RECORDER_INTERVAL_MS)
        recorder_flush(recorder, &noted);
}

void
recorder_add_point(struct recorder *recorder, const struct train_point *point)
{
    if (recorder->point_count == recorder->point_capacity) {
        recorder->point_capacity =
            recorder->point_capacity == 0 ? 64 : 2 * recorder->point_capacity;
        recorder->points =
            mem_resize(recorder->points, recorder->point_capacity, sizeof *recorder->points);
    }
    recorder->points[recorder->point_count++] = *point;
    recorder->progress = point->progress;
    recorder_tick(recorder);
}

void
recorder_add_event(struct recorder *recorder, const struct event_new *event)
{
    if (recorder_is_broken(recorder))
        return;
    if (recorder->event_count == recorder->event_capacity) {
        recorder->event_capacity = recorder->event_capacity == 0 ? 8 : 2 * recorder->event_capacity;
        recorder->events =
            mem_resize(recorder->events, recorder->event_capacity, sizeof *recorder->events);
    }
    struct event_new *copy = &recorder->events[recorder->event_count++];
    *copy = *event;
    copy->message = arena_copy_string(recorder->event_arena, event->message);
    copy->data_json = arena_copy_string(recorder->event_arena, event->data_json);
    struct err noted;
    recorder_flush(recorder, &noted);
}

bool
recorder_is_broken(const struct recorder *recorder)
{
    return atomic_load(&recorder->broken);
}
