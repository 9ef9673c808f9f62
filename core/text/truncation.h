/*
 * Which part of a text is kept when it has more tokens than fit.
 */
#ifndef CORE_TEXT_TRUNCATION_H
#define CORE_TEXT_TRUNCATION_H

#include <stdbool.h>

enum truncation {
    TRUNCATION_AUTO,     /* what the tokenizer's files say: the head, nearly always */
    TRUNCATION_HEAD,     /* the first tokens */
    TRUNCATION_TAIL,     /* the last tokens */
    TRUNCATION_HEAD_TAIL /* half from each end; an odd one more of the head */
};

/* "auto", "head", "tail", "head_tail". */
const char *truncation_name(enum truncation truncation);

/* The value of a name, any but "auto"; false when there is no such. */
bool truncation_find(const char *name, enum truncation *out);

#endif
