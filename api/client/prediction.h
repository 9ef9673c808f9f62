/*
 * What a model says of a text, printed: one way for each task.
 */
#ifndef API_CLIENT_PREDICTION_H
#define API_CLIENT_PREDICTION_H

#include "core/base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct prediction_print {
    const json_t *text;   /* as it was sent: a string, or an object */
    const json_t *answer; /* one of the results */
    size_t top;           /* labels shown; 0: the most probable one, or those that count */
};

struct prediction_kind {
    const char *task;
    const char *path; /* where such a model is asked */
    bool (*is_whole)(const json_t *answer);
    void (*print_json)(const struct prediction_print *print);
    void (*print_table)(const struct prediction_print *print);
};

/* By the name of the task; an unknown one is taken for classification. */
const struct prediction_kind *prediction_kind_of(const char *task);

#endif
