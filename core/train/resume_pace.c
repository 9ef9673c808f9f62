/* Intervals that stretch; see resume_pace.h. */
#include "core/train/resume_pace.h"

struct resume_pace
resume_pace_start(double interval, double now)
{
    return (struct resume_pace){.interval = interval, .due = now + interval};
}

bool
resume_pace_is_due(const struct resume_pace *pace, double now)
{
    return pace->interval < 0 || now >= pace->due;
}

void
resume_pace_note(struct resume_pace *pace, double began, double ended)
{
    double least = RESUME_PACE_STRETCH * (ended - began);
    pace->due = ended + (least > pace->interval ? least : pace->interval);
}
