/*
 * Targets: what the rows of a data set or of a token store are trained to say, by task.
 *
 *   classification        a class for each row
 *   multi_label           the labels of each row, any number of them
 *   regression            K numbers for each row, standardised
 *   token_classification  a class for each word of a row or, in a token store, for each token
 *
 * Rows are only appended. All zero is an empty list of classes, and TASK_AUTO is stored as
 * TASK_CLASSIFICATION is: rows of which nothing is known have the class LABEL_NONE.
 */
#ifndef CORE_DATA_TARGETS_H
#define CORE_DATA_TARGETS_H

#include "core/base/err.h"
#include "core/data/task.h"

#include <stddef.h>
#include <stdint.h>

/* The id that is no label: of a row without one, of a token that is not to be judged. */
#define LABEL_NONE UINT32_MAX

/* The target of one row; which members count follows from the task. */
struct target {
    uint32_t label;      /* classification */
    const uint32_t *ids; /* multi_label: its labels, ascending; token_classification: a class or
                            LABEL_NONE for each */
    size_t count;        /* of ids */
    const float *values; /* regression: (width) */
};

struct targets {
    enum task task;
    size_t width; /* numbers of a row; 0 unless regression */
    size_t rows, capacity;
    uint32_t *classes; /* classification: (rows) */
    float *values;     /* regression: (rows, width) */
    size_t *starts;    /* the others: (rows+1): row i has ids[starts[i]] .. ids[starts[i+1]] */
    uint32_t *ids;     /* NULL while there is none */
    size_t id_capacity;
};

/* Append a row; ERR_MEMORY, and the list is as it was. */
int targets_add(struct targets *targets, const struct target *target, struct err *err);

/* Make room for so many rows, and no more than that; ERR_MEMORY. */
int targets_reserve(struct targets *targets, size_t rows, struct err *err);
void targets_fini(struct targets *targets);

/* The target of a row; it lives as long as the list is not changed. */
struct target targets_row(const struct targets *targets, size_t row);

/* Bytes that the list takes. */
size_t targets_bytes(const struct targets *targets);

#endif
