/*
 * The crash marker: which job was being worked on when a fatal signal came.
 *
 * A job that crashes the daemon each time it runs must not crash it for ever. So each worker notes
 * its job here, and the handler of fatal signals (daemon/signals.h) writes the id of the crashed
 * worker's job into a file that was opened at start; the next start counts it. Threads of a job are
 * known by their name, which Linux hands down from the thread that makes them: a crash in a thread
 * that answers requests is no job's fault. A fatal signal that another process sent names every job
 * that runs.
 */
#ifndef DAEMON_WORK_CRASH_MARKER_H
#define DAEMON_WORK_CRASH_MARKER_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

enum { CRASH_MARKER_SLOTS = 64 };

struct crash_marker;

/*
 * Read the ids that the last run left, each once. No file: none. What is no id is passed over: a
 * write may have been cut short.
 */
int crash_marker_read(const char *path, struct arena *arena, const char *const **ids, size_t *count,
                      struct err *err);

/* Open an empty file for this run; what was in it is gone. */
int crash_marker_open(const char *path, struct crash_marker **out, struct err *err);
/* NULL is fine. No handler may use it any more. */
void crash_marker_close(struct crash_marker *marker);

/* This thread, and those that it makes, work for this slot (below CRASH_MARKER_SLOTS). */
void crash_marker_name_thread(size_t slot);

/* The slot's worker takes up a job, or ("") none. NULL marker: nothing. */
void crash_marker_note(struct crash_marker *marker, size_t slot, const char *job_id);

/* For the signal handler: write the job of the calling thread, or of all. Async-signal-safe. */
void crash_marker_write(void *marker, bool all);

#endif
