/*
 * Which rows of a data set say what an earlier row says: to be left out of training.
 *
 * Texts are compared with every run of ASCII blanks as one blank and none at their ends; case
 * counts. A row is an exact duplicate when an earlier row has this text (both texts of a pair) and
 * says the same. Rows with the same text and another label are all kept, and counted as conflicts:
 * which label is right is not for a program to say.
 *
 * Near duplicates: the shingles of a text are its runs of five characters (code points,
 * ASCII letters in lower case) of the text as above, or the whole text when it is shorter. A row is
 * a near duplicate when the shingles of an earlier row that was kept have a Jaccard similarity
 * (intersection by union) of 0.8 or more, and it says the same. Candidates are found by MinHash: 64
 * values in 16 bands of 4; of the kept rows with a band in common the DEDUPE_CANDIDATES nearest
 * before in each band are looked at, in the order of the bands, and at most so many in all; a pair
 * with fewer than 40 equal values is passed over. So a similarity of 0.8 is missed about twice in
 * ten thousand times, and the work stays proportional to the text. Everything is a function of the
 * rows alone.
 */
#ifndef CORE_DATA_DEDUPE_H
#define CORE_DATA_DEDUPE_H

#include "core/base/err.h"
#include "core/data/dataset.h"

#include <stdbool.h>
#include <stddef.h>

enum dedupe { DEDUPE_OFF, DEDUPE_EXACT, DEDUPE_NEAR };

enum { DEDUPE_CANDIDATES = 32, DEDUPE_CHARACTERS = 5 };

/* "off", "exact", "near". */
const char *dedupe_name(enum dedupe dedupe);

/* The value of a name; false when there is no such. */
bool dedupe_find(const char *name, enum dedupe *out);

struct dedupe_counts {
    size_t exact, near; /* rows that are left out, */
    size_t conflicts;   /* and those kept whose text, or one near it, has another label before */
};

/* leaves[i] (rows) = row i is left out; near duplicates are looked for when all exact ones are left
 * out. ERR_MEMORY. */
int dedupe_rows(const struct dataset *dataset, enum dedupe dedupe, bool *leaves,
                struct dedupe_counts *out, struct err *err);

/* Take those rows out of the data set. ERR_MEMORY. */
int dedupe_apply(struct dataset *dataset, enum dedupe dedupe, struct dedupe_counts *out,
                 struct err *err);

#endif
