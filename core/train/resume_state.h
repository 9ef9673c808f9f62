/*
 * A resume state: all that a run needs to go on after a completed step, as a folder.
 *
 *   state.json         the format's number, the facts (resume_facts.h), the parameters in force
 *   state.safetensors  "word_rows", U32: the rows of the word embedding that some batch has used;
 *                      "parameters.<tensor>", and as the optimizer has them "first.<tensor>" and
 *                      "second.<tensor>", F32. Of the word embedding the rows of word_rows only, in
 *                      that order, unless weight decay changes all of them
 *   SHA256SUMS         of the other two, as sha256sum -c reads it
 *
 * Random numbers are functions of seed and step (core/base/rng.h), and the order of rows is one of
 * seed and epoch (order.h), so neither is stored. What no step has changed comes from the base
 * model. Everything read is checked first: by its sum, then as what a stranger may have written.
 */
#ifndef CORE_TRAIN_RESUME_STATE_H
#define CORE_TRAIN_RESUME_STATE_H

#include "core/base/err.h"
#include "core/model/tensors.h"
#include "core/train/optimizer.h"
#include "core/train/params.h"
#include "core/train/resume_facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raised when a state is written in another way; older ones stay readable, newer ones are refused.
 */
enum { RESUME_STATE_FORMAT = 2 };

/* A state as a run offers it; everything is borrowed and valid during the call. */
struct resume_state {
    struct resume_facts facts;
    const struct train_params *params;
    const struct tensor_layout *layout;
    const float *parameters;
    const struct optimizer_state *optimizer;
    bool stopping; /* the run ends here: there will be no later one */
};

/* Are all parameters finite numbers? A state with others is no good one. */
bool resume_state_is_finite(const struct resume_state *state);

/*
 * Write the folder, which must not exist, with synced files; the caller moves it to its place. On
 * failure nothing stays behind. ERR_FULL, ERR_IO.
 */
int resume_state_write(const struct resume_state *state, const char *folder, struct err *err);

/* A state on disk, its sums and numbers checked. */
struct resume_file;

/*
 * Open a state. ERR_NOT_FOUND when there is no such folder; ERR_UNSUPPORTED for one of a newer
 * program; ERR_INVALID for a damaged one: the message says in what. The files must not change while
 * it is open.
 */
int resume_state_open(const char *folder, struct resume_file **out, struct err *err);
void resume_state_close(struct resume_file *file);

const struct resume_facts *resume_state_facts(const struct resume_file *file);

/* What a run is, to hold a state against it. */
struct resume_run {
    const struct train_params *params;
    size_t total_steps;
    struct resume_owner owner;
};

/*
 * Does the state belong to this run? ERR_CONFLICT, with a sentence that names the file or the
 * parameter that is another. A differing numerics key is none of these faults.
 */
int resume_state_check(const struct resume_file *file, const struct resume_run *run,
                       struct err *err);

/*
 * Put the state into fresh parameters (of the base model) and a fresh optimizer. ERR_INVALID when
 * the arrays are not those of the layout; both are then good for nothing.
 */
int resume_state_restore(const struct resume_file *file, const struct tensor_layout *layout,
                         float *parameters, struct optimizer_state *optimizer, struct err *err);

#endif
