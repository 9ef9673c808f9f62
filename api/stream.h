/*
 * Server-sent events of one job (the HTML standard's text/event-stream): all that happens, as it
 * happens, without a word of the HTTP library.
 *
 *     retry: 3000
 *
 *     event: state            the job object: at the start, and whenever its state changes
 *     event: event            a job event
 *     event: metrics          a metric point
 *     event: checkpoint       a checkpoint
 *     event: end              the job object; the stream closes
 *     id: 12.100.50           how far the client has come: event, step, step of the checkpoint
 *     data: {…}
 *
 * A client that comes back with the last id (Last-Event-ID, or ?after=) is told neither anything
 * twice nor anything less: events go by their sequence, points and checkpoints by their step, so
 * that an attempt which began again at an earlier step repeats nothing either. When nothing
 * happens a comment goes out every STREAM_BEAT_MS, which finds out clients that are gone.
 */
#ifndef API_STREAM_H
#define API_STREAM_H

#include "core/base/buf.h"
#include "daemon/service.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_BEAT_MS = 15000, STREAM_BATCH = 100, STREAM_RETRY_MS = 3000 };

/* How many streams a server has open, and may have. */
struct streams {
    atomic_size_t open;
    atomic_size_t max;
};

struct stream;

/* From a cursor (STREAM_START: from the beginning); NULL with TOO_MANY_STREAMS, JOB_NOT_FOUND. */
struct stream *stream_open(struct streams *streams, struct service *service, const char *job_id,
                           const struct follow_cursor *cursor, struct fault_list *faults);
void stream_free(struct stream *stream);

#define STREAM_START ((struct follow_cursor){.event = 0, .step = -1, .checkpoint = -1})

/* Read an id that a stream gave; -1 with INVALID_CURSOR. */
int stream_parse_cursor(const char *text, struct follow_cursor *out, struct fault_list *faults);

/* The key of the job, for changes. */
int64_t stream_key(const struct stream *stream);

enum stream_step {
    STREAM_BYTES,   /* something was appended: send it and ask again */
    STREAM_NOTHING, /* ask again after a change, or at stream_due_ms */
    STREAM_END
};

/* What comes next, a batch at most. stopping: the server is: say what is new, then that, and end.
 */
enum stream_step stream_next(struct stream *stream, int64_t now_ms, bool stopping, struct buf *out);

int64_t stream_due_ms(const struct stream *stream);

#endif
