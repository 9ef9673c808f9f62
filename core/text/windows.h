/*
 * A text that has more tokens than fit, as several windows of as many as fit: each with special
 * tokens of its own, and sharing `stride` tokens with the one before. Equal to the reference's
 * return_overflowing_tokens, window for window.
 *
 * A list of tokens holds the windows of a text end to end. All but the last are of the full length,
 * so the list and that length tell them apart.
 */
#ifndef CORE_TEXT_WINDOWS_H
#define CORE_TEXT_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

/* Of one text; a longer one is refused rather than read in part. */
enum { WINDOWS_MAX = 4096 };

/* Whether texts are read in windows. All zero: they are truncated. */
struct text_windows {
    bool wanted;
    size_t stride; /* tokens that neighbours share; below what a window holds besides special ones
                    */
};

/* Tokens start .. end-1 of a text. */
struct window {
    size_t start, end;
};

/* How many windows of `room` tokens a text has; 1 when it fits. stride is below room. */
size_t windows_count(size_t tokens, size_t room, size_t stride);

/*
 * The window with an index below windows_count. The first one has the start of the text, and the
 * last may be shorter; with from_end the first has the end and the last the start.
 */
struct window windows_at(size_t index, size_t tokens, size_t room, size_t stride, bool from_end);

/* How many windows stand in so many tokens of a list; 1 for none. */
size_t windows_in(size_t tokens, size_t length);

#endif
