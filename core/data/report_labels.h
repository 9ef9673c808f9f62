/*
 * The labels of a data set, counted for its report: classes, lists, numbers or tags. Private to
 * core/data.
 */
#ifndef CORE_DATA_REPORT_LABELS_H
#define CORE_DATA_REPORT_LABELS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/distinct.h"
#include "core/data/report.h"

#include <stdbool.h>
#include <stddef.h>

struct label_survey {
    const struct dataset *dataset;
    enum task task;
    struct distinct names; /* items are places in labels */
    struct report_label *labels;
    size_t label_count, label_capacity;
    size_t unlabelled; /* rows with an empty list */
    struct number_sum {
        double min, max, mean, squares; /* squares of what the rows are off the mean */
        size_t count;
        bool is_flag;  /* every value is 0 or 1 */
        bool is_whole; /* every value is a whole number */
    } * numbers;
    size_t number_count;
    struct tag *tags; /* (label_count), once all rows are counted */
};

/* For a task that the labels are fit for. To be closed in any case. ERR_MEMORY. */
int label_survey_open(struct label_survey *survey, const struct dataset *dataset, enum task task,
                      struct err *err);
void label_survey_close(struct label_survey *survey);

/* Count a row. ERR_MEMORY. */
int label_survey_add(struct label_survey *survey, const struct data_row *row, struct err *err);

/* Say in the report what was counted; lists live in arena. Then survey->labels are in the order of
 * ids, all of them. ERR_MEMORY. */
int label_survey_finish(struct label_survey *survey, struct arena *arena,
                        struct data_report *report, struct err *err);

#endif
