/*
 * How a row of jobs is read, and what else the files of jobs share. Private to this folder.
 */
#ifndef DAEMON_STORE_JOBS_READ_H
#define DAEMON_STORE_JOBS_READ_H

#include "daemon/store/jobs.h"
#include "daemon/store/list.h"

/* Of a struct job_raw. */
extern const struct row_shape jobs_read_shape;

/* The state that the database's word means; ERR_INVALID when it means none. */
int jobs_read_state(const char *name, enum job_state *out, struct err *err);

/* Where a job stands, inside a transaction that will change it. */
struct job_standing {
    int64_t seq, attempt;
    enum job_state state;
};

int jobs_find_standing(struct db *db, const char *id, struct job_standing *out, struct err *err);

/* ERR_NOT_FOUND when a file, or a fine-tuned model ("ft:…"), that the job names is gone. */
int jobs_check_needs(struct db *db, const struct job_new *job, struct err *err);

/* From the raw columns to the row; the place in the queue is not among them. */
int jobs_read_row(const struct job_raw *raw, struct arena *arena, struct job_row *out,
                  struct err *err);

#endif
