/*
 * Labelling: how the labels of a data set, as they are written, become targets of a task.
 *
 * Classes and labels are found in a label set. Numbers are read exactly and, for training, brought
 * to a mean of 0 and a deviation of 1 by shift and scale of the training rows. The targets of a
 * token task are one class for each word; core/data/tokenize.c gives them to tokens.
 */
#ifndef CORE_DATA_LABELLING_H
#define CORE_DATA_LABELLING_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/labels.h"
#include "core/data/targets.h"

#include <stdbool.h>
#include <stddef.h>

/* Numbers beyond this, positive or negative, are no targets: their squares must fit a float. */
#define LABELLING_MOST 1e15

struct labelling {
    enum task task;
    const struct label_set *labels; /* regression: as many names as targets */
    const float *scale, *shift;     /* regression: (K), target = (number - shift) / scale; NULL: 1
                                       and 0 */
    const char *source;             /* what has the labels, for messages: "train.jsonl" */
    const char *remedy;             /* what to do about a label that it has not: a clause */
};

/* A data set with the name that messages call it by. */
struct labelled_file {
    const struct dataset *data;
    const char *name;
};

/*
 * Can rows with labels of this form have targets of this task? When not, *why becomes a sentence
 * that says what they are and what to do, in arena. LABELS_NONE fits no task.
 */
bool labelling_fits(enum task task, const struct labelled_file *file, struct arena *arena,
                    const char **why);

/* How many numbers each row has; 1 when labels are no lists. */
size_t labelling_width(const struct dataset *data);

/*
 * The targets of all rows, into an empty list. ERR_INVALID for a label that the set has not, for
 * what is no number, or another count of numbers ("name line 7: ..."): *line says where.
 * ERR_MEMORY. The list is to be released in any case. The data set's labels fit the task.
 */
int labelling_apply(const struct labelling *labelling, const struct labelled_file *file,
                    struct targets *out, size_t *line, struct err *err);

/*
 * Mean and standard deviation (that of a population) of each target over the rows, without those of
 * `skipped` (may be NULL), as shift and scale (width each). ERR_INVALID as labelling_apply, and for
 * a target that is the same in every row.
 */
int labelling_measure(const struct labelled_file *file, const bool *skipped, float *scale,
                      float *shift, size_t *line, struct err *err);

#endif
