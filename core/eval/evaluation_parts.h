/* What the parts of an evaluation's document share. Nobody outside core/eval includes this. */
#ifndef CORE_EVAL_EVALUATION_PARTS_H
#define CORE_EVAL_EVALUATION_PARTS_H

#include "core/eval/bootstrap.h"
#include "core/eval/calibration.h"
#include "core/eval/evaluation.h"

/* A number; null for one that is not finite. */
json_t *evaluation_real(double value);

/* [low, high] as a member; null where there is none. */
void evaluation_add_interval(json_t *intervals, const char *measure, struct interval interval);

/* [{low, high, rows, confidence, accuracy}] */
json_t *evaluation_bins(const struct calibration *calibration);

/* Room for what is found of each row, one of right and distances. ERR_MEMORY. */
int evaluation_judge_rows(struct evaluation_outputs *outputs, struct err *err);

/* A text of valid UTF-8, cut at EVALUATION_TEXT_BYTES. */
json_t *evaluation_text(const char *text, size_t length);

/* The row of the file that row `index` of the outputs is; it must be there. */
const struct data_row *evaluation_row(const struct evaluation_rows *rows, size_t index);

/* Add precision, recall and f1 behind "<kind>_", or without that where kind is NULL. */
void evaluation_add_averages(json_t *object, const char *kind,
                             const struct class_averages *averages);

/* {label, precision, recall, f1, support, predicted} */
json_t *evaluation_class(const char *label, const struct class_scores *scores);

/* An error on its way into the list of the worst: equals in the order of their indices. */
struct evaluation_error {
    size_t index;  /* of the output */
    double weight; /* the more, the worse */
};

/* Keep it if it is among the EVALUATION_MAX_ERRORS worst. errors has room for them. */
void evaluation_note_error(struct evaluation_error *errors, size_t *count,
                           struct evaluation_error error);

/* {line, text, text_pair?} of a row. */
json_t *evaluation_shown_row(const struct evaluation_subject *subject, size_t row);

/* All members but task and rows, by task. ERR_MEMORY. */
int evaluation_add_classes(json_t *document, const struct evaluation_subject *subject,
                           struct err *err);
int evaluation_add_labels(json_t *document, const struct evaluation_subject *subject,
                          struct err *err);
int evaluation_add_numbers(json_t *document, const struct evaluation_subject *subject,
                           struct err *err);
int evaluation_add_tokens(json_t *document, const struct evaluation_subject *subject,
                          struct err *err);

/* Their parts of a summary. */
int evaluation_sum_labels(const struct evaluation_outputs *outputs, struct evaluation_summary *out,
                          struct err *err);
int evaluation_sum_numbers(const struct evaluation_outputs *outputs, struct evaluation_summary *out,
                           struct err *err);
int evaluation_sum_tokens(const struct evaluation_outputs *outputs, const char *const *labels,
                          struct evaluation_summary *out, struct err *err);

/* Thresholds of several labels. */
int evaluation_tune(struct evaluation_outputs *outputs, struct err *err);

#endif
