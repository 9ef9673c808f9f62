/*
 * The measures of a finished job as a file: what OpenAI's API calls result_files.
 *
 * CSV, one line a step, every cell a number or empty, so that readers that take each cell for a
 * number (as W&B's importer does) can. The first columns have the names that readers of that API
 * look for; our other metrics stand behind them. Bytes first, row second, as with every file.
 */
#ifndef DAEMON_WORK_RESULTS_H
#define DAEMON_WORK_RESULTS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/task.h"
#include "daemon/store/files.h"
#include "daemon/store/store.h"

#include <stdint.h>

#define RESULTS_FILENAME "step_metrics.csv"
#define RESULTS_PURPOSE  "fine-tune-results"

/* Whose measures they are. */
struct results_job {
    int64_t seq;
    enum task task; /* which metrics have a column */
};

/* Write the stored points of a job into files/; *out is the row to insert, strings in the arena. */
int results_store(const struct store *store, struct db *db, const struct results_job *job,
                  struct arena *arena, struct file_row *out, struct err *err);

/* Insert the row and name it in the job: part of the transaction that ends the job. */
int results_insert(struct db *db, int64_t job_seq, struct file_row *row, struct err *err);

/* The transaction did not come about: remove the bytes, else they are swept at the next start. */
void results_drop(const struct store *store, const struct file_row *row);

#endif
