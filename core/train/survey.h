/*
 * A survey of a plan's rows: how long they are in tokens, and which words they use.
 *
 * A job is estimated before it is accepted, when tokenizing everything would take too long. So a
 * sample of rows, evenly spread over each set, is tokenized; the lengths of the others follow from
 * their bytes, the number of different words from how it grew within the sample (which came within
 * 10 % of the truth on texts of several kinds).
 */
#ifndef CORE_TRAIN_SURVEY_H
#define CORE_TRAIN_SURVEY_H

#include "core/base/err.h"
#include "core/train/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of a set that are tokenized. */
enum { SURVEY_ROWS = 4096 };

/* Rows as a token store will hold them, in its order; of a text in windows each. */
struct survey_set {
    size_t texts, rows, tokens, longest;
    uint32_t *lengths; /* (rows), in tokens, specials included; guessed where not sampled */
};

/* Words, that is ids, which some sets use. */
struct survey_words {
    bool *used;    /* (V): those that the samples have */
    double growth; /* how much more all rows in question use: see survey_grown */
};

struct survey {
    struct survey_set training, validation, test; /* an absent one has no rows */
    struct survey_words trained;                  /* by rows that some step trains on */
    struct survey_words seen;                     /* by rows of any set */
};

/*
 * Survey a plan. ERR_MEMORY, or what tokenizer_open says of the folder. Nothing needs releasing
 * after a failure.
 */
int survey_make(const struct train_plan *plan, const char *base_folder, struct survey *out,
                struct err *err);
void survey_fini(struct survey *survey);

/* The share of words, or of blocks of words, that all rows use, when the samples use this share: as
 * if each used one had that many more chances, 1 - (1 - share)^growth. */
double survey_grown(const struct survey_words *words, double share);

/* What comes into memory at once: a page where a row is written; where one is read from a mapped
 * file also its neighbours (fault_around_bytes of Linux). */
enum { SURVEY_WRITTEN_BYTES = 4096, SURVEY_READ_BYTES = 64 * 1024 };

/* Bytes in such blocks that the words' rows of row_bytes bytes touch, in a table of vocab_size
 * rows. */
size_t survey_touched(const struct survey_words *words, size_t vocab_size, size_t row_bytes,
                      size_t block_bytes);

#endif
