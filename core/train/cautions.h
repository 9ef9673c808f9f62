/*
 * What a user would want to know of a job's data before it is trained on: the warnings of the
 * training file's report, what differs between the training rows and those that validate and test,
 * and what options will do to the rows.
 *
 * Nothing here refuses a job. Figures are exact but for those of tokens, which are of a sample of
 * CAUTION_TOKEN_ROWS rows where there are more, and say so.
 */
#ifndef CORE_TRAIN_CAUTIONS_H
#define CORE_TRAIN_CAUTIONS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/compare.h"
#include "core/data/report.h"
#include "core/train/plan.h"

#include <stddef.h>

enum {
    CAUTION_TOKEN_ROWS = 8192,
    CAUTION_REPEATS = 20, /* of a row in an epoch, from which on it is told */
    CAUTIONS_MAX = 5 + REPORT_MAX_WARNINGS + 2 * COMPARE_MAX_WARNINGS
};

struct train_cautions {
    struct report_warning items[CAUTIONS_MAX]; /* each names its file */
    size_t count;
};

/* Look at the data of a plan that was made by this request. Strings live in arena. ERR_MEMORY. */
int train_cautions_find(const struct train_plan *plan, const struct train_request *request,
                        struct arena *arena, struct train_cautions *out, struct err *err);

#endif
