/*
 * The words of a text and what a head of tokens says of them. Private to core/predict.c.
 *
 * As in training, the first token of a word speaks for it. The words are those that the caller
 * gives or, for a plain text, those that its blanks and punctuation divide it into.
 */
#ifndef CORE_PREDICT_WORDS_H
#define CORE_PREDICT_WORDS_H

#include "core/base/mem.h"
#include "core/data/tokens.h"
#include "core/ops/ops.h"
#include "core/predict.h"

struct predict_words_call {
    const struct tokenizer *tokenizer;
    size_t max_length;   /* in tokens */
    struct arena *arena; /* of the words */
};

/*
 * Tokenize a text, by `given` where that is not NULL, into the store and say which words the model
 * will see: all but those behind the limit. Labels are not known yet. Errors as tokenizer_encode.
 */
int predict_words_append(const struct predict_words_call *call, const struct text *text,
                         const struct text_words *given, struct token_store *store,
                         struct predicted_words *out, struct err *err);

/* The labels of a row's words from its tokens' logits (T,K). scratch (K). */
void predict_words_judge(const struct ops *ops, const float *logits, size_t k, float *scratch,
                         const struct predicted_words *words);

#endif
