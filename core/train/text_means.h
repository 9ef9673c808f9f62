/*
 * What a network says of a text: the mean of what it says of the text's windows.
 *
 * A run hands its rows over in any order; a text is answered when its last window has come. Texts
 * of one row pass straight through. Rows of a text stand close together in a run, so there are
 * never more texts open than a batch has rows, and one.
 */
#ifndef CORE_TRAIN_TEXT_MEANS_H
#define CORE_TRAIN_TEXT_MEANS_H

#include "core/base/err.h"
#include "core/data/tokens.h"

#include <stddef.h>
#include <stdint.h>

struct open_text {
    uint32_t text;
    size_t left; /* windows that have not come */
    double *sum; /* (width) */
};

struct text_means {
    size_t width;
    struct open_text *open; /* (capacity): the first `count` are open */
    size_t count, capacity;
    double *sums; /* (capacity, width) */
    float *mean;  /* (width) */
};

/* At most `open` texts at a time, and `width` numbers of each; ERR_MEMORY, fini after that, too. */
int text_means_init(struct text_means *means, size_t width, size_t open, struct err *err);
void text_means_fini(struct text_means *means);

/* Forget the texts that a run which was stopped has left open. */
void text_means_restart(struct text_means *means);

/*
 * Take the `count` (up to width) numbers of a row of a text. The text's numbers, which live until
 * the next call, or NULL while rows of it are to come: x itself where it has one row.
 */
const float *text_means_add(struct text_means *means, const struct token_store *store,
                            uint32_t text, const float *x, size_t count);

#endif
