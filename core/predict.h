/*
 * Texts to what a model's head says of them, or to vectors: weights shared, workspace private.
 *
 * Vectors are of unit length, from the encoder's last layer: the mean over all tokens that the
 * model saw of a text, [CLS] and [SEP] among them, or the output at [CLS] alone. Any model gives
 * vectors; a head of rows gives scores, one of tokens the labels of words.
 *
 * A model that was trained with a stride reads a longer text in windows: scores are made of the
 * mean of the windows' logits, a vector is the direction of the sum over all windows.
 *
 * The workspace is kept between calls and grows with the longest text; memory is paid for as larger
 * batches come, up to EVALUATE_TOKENS tokens at a time. Means need a second one, which is reserved
 * when they are first asked for.
 */
#ifndef CORE_PREDICT_H
#define CORE_PREDICT_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/model/config.h"
#include "core/text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

struct predictor;

/* What is wanted of a text. */
enum predict_output {
    PREDICT_SCORES, /* (K): in id order, probabilities of the labels, which add up to 1 for
                       classification and stand alone for multi_label, or regression's numbers */
    PREDICT_MEAN,   /* (H): the mean of the last layer's outputs, of unit length */
    PREDICT_FIRST,  /* (H): the last layer's output at position 0, of unit length */
    PREDICT_WORDS   /* token_classification: the most probable label of each word */
};

/* A word of a text. Words behind the model's limit are not among a text's. */
struct predicted_word {
    size_t start, end; /* bytes of the text */
    uint32_t token;    /* the first of its tokens in the row: the one that speaks for it */
    uint32_t label;
    float probability; /* of the label */
};

struct predicted_words {
    struct predicted_word *items;
    size_t count;
};

struct predictor_call {
    enum predict_output output;
    const struct text *texts;
    size_t count;
    float *values;     /* (count, predictor_width) */
    uint32_t *lengths; /* NULL, or (count): tokens that the model saw of each text, those that two
                          windows share counted twice */
    /* with PREDICT_WORDS in place of values: */
    struct predicted_words *words; /* (count) */
    struct arena *arena;           /* in which the words are made */
    /* NULL, or (count): the words of a text where the caller knows them; bytes is then the text's
     * first, and NULL where the text is to be divided */
    const struct text_words *given;
};

/*
 * Load a model folder. ERR_UNSUPPORTED for one without weights, which says nothing before it is
 * trained; ERR_INVALID when config.json names a classifier that the weights do not hold; else as
 * model_map_load and tokenizer_open.
 */
int predictor_open(const char *folder, const struct gemm_engine *engine, struct predictor **out,
                   struct err *err);
void predictor_free(struct predictor *predictor);

/* As the folder has it: label_count is 0 for a base model. */
const struct model_config *predictor_config(const struct predictor *predictor);

/* What the labels are of: a name that the training data gave ("intent"), or "label". */
const char *predictor_target(const struct predictor *predictor);

/* How many numbers there are for a text; 0 for words. */
size_t predictor_width(const struct predictor *predictor, enum predict_output output);

/*
 * Does the model take such a call? ERR_UNSUPPORTED for scores or words of a base model without a
 * head; ERR_INVALID for scores of a head of tokens or words of one of rows and, with "input 3:
 * ...", for a pair where it knows single texts or reads in windows.
 */
int predictor_check(const struct predictor *predictor, const struct predictor_call *call,
                    struct err *err);

/*
 * values or words = what is wanted of each text, truncated to the length that the model was trained
 * with, or in windows of it. One caller at a time per predictor; the number of threads may change
 * from call to call. A text's result does not depend on its neighbours (to 1e-6). ERR_INVALID for
 * invalid UTF-8 ("input 3:
 * ...") and as predictor_check, ERR_MEMORY.
 */
int predictor_run(struct predictor *predictor, struct pool *pool, const struct predictor_call *call,
                  struct err *err);

#endif
