/*
 * What is odd about the data of a `finetuned run`, told before its first step: the warnings that
 * the daemon writes as a job's events, in the same words.
 */
#ifndef DAEMON_RUN_CAUTIONS_H
#define DAEMON_RUN_CAUTIONS_H

#include "core/base/err.h"
#include "core/train/plan.h"
#include "daemon/run_lines.h"

/* Look at the data of state->plan, which was made by this request. ERR_MEMORY, or ERR_IO when
 * standard output is gone. Nothing that it needs is kept. */
int run_cautions_tell(struct run_state *state, const struct train_request *request,
                      struct err *err);

#endif
