/*
 * How a row of jobs is read: shared by the two halves of jobs.h. Private to this folder.
 */
#ifndef DAEMON_STORE_JOBS_READ_H
#define DAEMON_STORE_JOBS_READ_H

#include "daemon/store/jobs.h"
#include "daemon/store/list.h"

/* Of a struct job_raw. */
extern const struct row_shape jobs_read_shape;

/* The state that the database's word means; ERR_INVALID when it means none. */
int jobs_read_state(const char *name, enum job_state *out, struct err *err);

/* From the raw columns to the row. */
int jobs_read_row(const struct job_raw *raw, struct arena *arena, struct job_row *out,
                  struct err *err);

#endif
