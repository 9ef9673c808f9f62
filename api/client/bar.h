/*
 * A job's progress as one line: a bar, step, loss, accuracy and the time left.
 */
#ifndef API_CLIENT_BAR_H
#define API_CLIENT_BAR_H

#include "core/base/buf.h"

#include <jansson.h>
#include <stddef.h>

/* How much of the job is done, 0 to 1; 0 where the job object does not say. */
double bar_fraction(const json_t *job);

/* Append the line in at most `columns` columns, without a line end. */
void bar_append(struct buf *out, const json_t *job, size_t columns);

#endif
