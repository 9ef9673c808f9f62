/* The rows of a data set as a model would see them, counted for its report. Private to core/data.
 */
#ifndef CORE_DATA_REPORT_TOKENS_H
#define CORE_DATA_REPORT_TOKENS_H

#include "core/base/err.h"
#include "core/data/dataset.h"
#include "core/data/report.h"
#include "core/text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

struct token_survey {
    const struct report_request *request;
    struct data_report *report;
    size_t specials[2]; /* special tokens of a single text, of a pair */
    struct token_list whole, cut;
    size_t *firsts; /* (words of the row): where the first token of each begins */
    size_t capacity;
};

/* The request has a tokenizer. To be closed in any case. */
int token_survey_open(struct token_survey *survey, const struct report_request *request,
                      const struct dataset *dataset, struct data_report *report, struct err *err);
void token_survey_close(struct token_survey *survey);

/* Tokenize a row and count it in the report; *length = its tokens, specials included. ERR_INVALID
 * with the file and the line. */
int token_survey_add(struct token_survey *survey, const struct data_row *row, uint32_t *length,
                     struct err *err);

#endif
