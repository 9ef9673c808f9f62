/*
 * Is a stored thing needed by a job or an evaluation that has not ended? Private to this folder.
 */
#ifndef DAEMON_STORE_USE_H
#define DAEMON_STORE_USE_H

#include "core/base/err.h"
#include "daemon/store/query.h"

/*
 * Run a statement that finds who uses the thing called id and has not ended: what it is ("job",
 * "evaluation") and its id. 0 when there is nobody; ERR_CONFLICT: "<thing> '<id>' is needed by job
 * …". To be called in the write transaction that deletes the thing, so that nobody can come
 * between.
 */
int use_check(struct db *db, enum statement user, const char *thing, const char *id,
              struct err *err);

/* The same of a query that is bound: `what` is needed by job … */
int use_refuse(struct query *query, const char *what, struct err *err);

#endif
