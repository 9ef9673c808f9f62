/* What is odd about a data set, in sentences. Private to core/data. */
#ifndef CORE_DATA_REPORT_WARNINGS_H
#define CORE_DATA_REPORT_WARNINGS_H

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/data/report.h"

#include <stdbool.h>
#include <stddef.h>

/* What the sentences are made of. */
struct report_facts {
    const struct data_report *report;
    const struct dataset *dataset;
    const struct report_label *labels; /* all of them, (report->label_count) */
    size_t max_length;                 /* 0: none */
    bool is_asked;                     /* the task was, and does not follow from the labels */
};

/* A warning; it appends nothing where it does not apply. */
struct report_saying {
    const char *code;
    void (*say)(const struct report_facts *facts, struct buf *out);
};

/* Those about labels (report_warnings_labels.c). */
enum { REPORT_LABEL_SAYINGS = 17 };
extern const struct report_saying report_label_sayings[REPORT_LABEL_SAYINGS];

double report_percent(size_t part, size_t whole);

/* Fill the report's warnings from the table of them. */
void report_warn(const struct report_facts *facts, struct arena *arena, struct data_report *report);

#endif
