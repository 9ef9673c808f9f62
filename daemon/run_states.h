/*
 * The resume states of `finetuned run`: a folder beside the output, OUTPUT.resume/step-<n>.
 *
 * What the daemon's store does with rows, names do here: the newest two stay, by step; a state is
 * written under another name and renamed. The folder goes when the run has succeeded.
 */
#ifndef DAEMON_RUN_STATES_H
#define DAEMON_RUN_STATES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/train/resume_state.h"

#include <stdbool.h>
#include <stddef.h>

enum { RUN_STATES_KEPT = 2 };

struct run_states {
    struct arena *arena;
    const char *folder; /* NULL: no states are kept */
    size_t newest_step; /* of the newest good one; 0: none */
};

/* States of a run that writes its model to output (NULL: none are kept). */
struct run_states run_states_of(const char *output, struct arena *arena);

/* Is there a folder of states? */
bool run_states_exist(const struct run_states *states);

/* Save one durably; older ones go. */
int run_states_save(struct run_states *states, const struct resume_state *state, struct err *err);

/*
 * The newest good state, opened; *out is NULL when there is none. A damaged one is removed; then
 * *damage, if not NULL already, becomes a sentence about it. ERR_UNSUPPORTED for one of a newer
 * program, with nothing changed.
 */
int run_states_choose(struct run_states *states, struct resume_file **out, const char **damage,
                      struct err *err);

/* The run has succeeded: its states go. */
int run_states_remove(struct run_states *states, struct err *err);

#endif
