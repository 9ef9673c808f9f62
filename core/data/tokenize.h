/*
 * A whole data set into token stores, on all threads of a pool.
 *
 * Rows are cut into blocks of a fixed number, each block is tokenized into a list of its own, and
 * the lists are joined in order: the stores are the same on any number of threads. A few blocks
 * are under way at a time, so what waits to be joined stays small beside the stores.
 *
 * Rows of words are tokenized word by word. For token classification the first token of a word gets
 * the word's class; all others, special ones among them, get none.
 */
#ifndef CORE_DATA_TOKENIZE_H
#define CORE_DATA_TOKENIZE_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/data/dataset.h"
#include "core/data/tokens.h"
#include "core/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words of rows of words, and those that the limit cuts off whole. */
struct tokenize_counts {
    size_t words, words_cut, rows_cut;
};

struct tokenize_task {
    const struct tokenizer *tokenizer;
    const struct dataset *dataset;
    const char *name;               /* of the file, for messages */
    const struct targets *targets;  /* of the rows; NULL: nothing is known of them */
    const bool *second;             /* (rows): these go to the second store; NULL: none do */
    size_t max_length;              /* as tokenizer_encode's */
    struct tokenize_counts *counts; /* NULL, or added to: rows of words alone */
    /* NULL, or asked before every row from any thread of the pool; true ends with ERR_STOPPED */
    bool (*should_stop)(void *context);
    void *context;
};

/*
 * Append every row to one of two stores (second may be NULL when the task sends no row there).
 * ERR_STOPPED; ERR_INVALID for the first row that cannot be tokenized ("name line 7: ..."), and
 * ERR_MEMORY. The stores are to be released in any case.
 */
int tokenize_dataset(const struct tokenize_task *task, struct pool *pool, struct token_store *first,
                     struct token_store *second, struct err *err);

#endif
