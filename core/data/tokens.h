/*
 * The ragged token store: a data set after tokenization, rows end to end, no padding anywhere.
 */
#ifndef CORE_DATA_TOKENS_H
#define CORE_DATA_TOKENS_H

#include "core/base/err.h"
#include "core/text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

struct token_store {
    struct token_list tokens;
    size_t *offsets;  /* (rows+1): row i is tokens offsets[i] .. offsets[i+1] */
    uint32_t *labels; /* (rows), LABEL_NONE where a row has none */
    size_t rows;
    size_t capacity;
    size_t longest; /* tokens of the longest row */
};

/* Tokenize one text and append it as a row; errors as tokenizer_encode. */
int token_store_append(struct token_store *store, const struct tokenizer *tokenizer,
                       const struct text *text, size_t max_length, uint32_t label, struct err *err);
void token_store_fini(struct token_store *store);

#endif
