/*
 * The ragged token store: a data set after tokenization, rows end to end, no padding anywhere.
 *
 * A token takes two bytes as long as no id is above 65,535, four from then on; token types take a
 * byte each from the first row that has another type than 0. Callers need not know which it is.
 *
 * A text is a row or, where it was longer than a row may be, several that stand one behind the
 * other, its windows (core/text/windows.h). Targets are those of texts.
 */
#ifndef CORE_DATA_TOKENS_H
#define CORE_DATA_TOKENS_H

#include "core/base/err.h"
#include "core/data/targets.h"
#include "core/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids and types end to end. */
struct token_arena {
    uint16_t *narrow; /* NULL once wide is in use */
    uint32_t *wide;
    uint8_t *types; /* NULL while all are 0 */
    size_t count;
    size_t capacity;
};

struct token_store {
    struct token_arena tokens;
    size_t *offsets; /* (rows+1): row i is tokens offsets[i] .. offsets[i+1] */
    size_t rows;
    size_t capacity;
    size_t *texts; /* (texts+1): text i is rows texts[i] .. texts[i+1]; NULL: each text is a row */
    size_t text_capacity;
    struct targets targets; /* of the texts; its task, and width, are set before the first row */
    size_t longest;         /* tokens of the longest row */
    struct token_list list; /* of token_store_append: the row on its way in */
};

/* A text's rows end to end. */
struct text_tokens {
    const uint32_t *ids;
    const uint8_t *types;
    size_t length;     /* of all of them */
    size_t row_length; /* of each but the last, which has what is left */
};

/* Append a text that is a row of length tokens; ERR_MEMORY, ERR_INVALID when it has none, and the
 * store is as it was. */
int token_store_add_row(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                        size_t length, const struct target *target, struct err *err);

/* The same for a text of one row or more. */
int token_store_add_text(struct token_store *store, const struct text_tokens *text,
                         const struct target *target, struct err *err);

/* A row where texts have one class, or none: LABEL_NONE. */
int token_store_add(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                    size_t length, uint32_t label, struct err *err);

/* Tokenize one text and append it with such a class; errors as tokenizer_encode. */
int token_store_append(struct token_store *store, const struct tokenizer *tokenizer,
                       const struct text *text, size_t max_length, uint32_t label, struct err *err);
void token_store_fini(struct token_store *store);

/* Texts of a store. */
static inline size_t
token_store_texts(const struct token_store *store)
{
    return store->targets.rows;
}

/* The first row of a text; of the text behind the last one, where rows end. */
static inline size_t
token_store_first_row(const struct token_store *store, size_t text)
{
    return store->texts == NULL ? text : store->texts[text];
}

/* The text that a row is of. */
size_t token_store_text_of(const struct token_store *store, size_t row);

/* Copy tokens from..from+length-1 of the store (any rows) to ids and types. */
void token_store_copy(const struct token_store *store, size_t from, size_t length, uint32_t *ids,
                      uint8_t *types);

/* Mark the ids that occur: used (V), V above every id of the store. */
void token_store_mark(const struct token_store *store, bool *used);

#endif
