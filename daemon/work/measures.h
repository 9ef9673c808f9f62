/* A run's metric values (an array with NaN for absent ones) as the named numbers of the store, and
 * as text. */
#ifndef DAEMON_WORK_MEASURES_H
#define DAEMON_WORK_MEASURES_H

#include "core/base/mem.h"
#include "core/train/metrics.h"
#include "daemon/store/rows.h"

#include <stddef.h>

/* The finite ones of values[METRIC_COUNT], in the table's order; their number in *count. */
const struct measure *measures_from_values(const double *values, struct arena *arena,
                                           size_t *count);

/* "train loss 0.5312, validation accuracy 0.8800": losses and accuracies only; "" when none is
 * there. */
const char *measures_sentence(const double *values, struct arena *arena);

/*
 * The data of a metrics event: {"step", "total_steps", metrics…} with OpenAI's names of the same
 * numbers beside ours, for readers of the hosted API.
 */
const char *measures_event_data(size_t step, size_t total_steps, const double *values,
                                struct arena *arena);

#endif
