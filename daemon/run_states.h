/*
 * The resume states of `finetuned run`: a folder beside the output, OUTPUT.resume/step-<n>.
 *
 * What the daemon's store does with rows, names do here: the newest two stay, by step; a state is
 * written under another name and renamed. The best model of the run is kept there, too, as
 * best-<n>, when it may become the final one. The folder goes when the run has succeeded.
 */
#ifndef DAEMON_RUN_STATES_H
#define DAEMON_RUN_STATES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/model_dir.h"
#include "core/train/resume_state.h"

#include <stdbool.h>
#include <stddef.h>

enum { RUN_STATES_KEPT = 2 };

struct run_states {
    struct arena *arena;
    const char *folder; /* NULL: no states are kept */
    size_t newest_step; /* of the newest good one; 0: none */
    int lock;           /* on the folder; < 0: none */
};

/* States of a run that writes its model to output (NULL: none are kept). */
struct run_states run_states_of(const char *output, struct arena *arena);

/* Is there a folder of states? */
bool run_states_exist(const struct run_states *states);

/*
 * Keep other runs from the folder until this process ends or run_states_unlock; 0 also while there
 * is none. ERR_CONFLICT when another run has it.
 */
int run_states_lock(struct run_states *states, struct err *err);
void run_states_unlock(struct run_states *states);

/* Save one durably; older ones go. Takes the lock if it is not held yet. */
int run_states_save(struct run_states *states, const struct resume_state *state, struct err *err);

/* Keep the model of a step, which is the best so far; the one that was goes. */
int run_states_keep_best(const struct run_states *states, const struct model_save *save,
                         size_t step, struct err *err);

/* The folder of the best model of that step, in the states' arena; NULL when it is gone. */
const char *run_states_best(const struct run_states *states, size_t step);

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
