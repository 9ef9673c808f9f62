/*
 * When the next resume state is due: every so many seconds, but saving takes at most a twentieth of
 * the time. Knows no clock: whoever asks says what time it is, in seconds of any origin.
 */
#ifndef CORE_TRAIN_RESUME_PACE_H
#define CORE_TRAIN_RESUME_PACE_H

#include <stdbool.h>

/* Seconds between two states unless the caller says otherwise, and the least training between them
 * in units of what the last one took to be saved. */
enum { RESUME_PACE_SECONDS = 60, RESUME_PACE_STRETCH = 20 };

struct resume_pace {
    double interval;
    double due;
};

/* interval: seconds; below 0: always due, however long saving takes. */
struct resume_pace resume_pace_start(double interval, double now);

bool resume_pace_is_due(const struct resume_pace *pace, double now);

/* A state was saved, or an attempt at it failed. */
void resume_pace_note(struct resume_pace *pace, double began, double ended);

#endif
