/*
 * A word of a text, as whoever divided the text into words hands it on.
 */
#ifndef CORE_DATA_WORD_H
#define CORE_DATA_WORD_H

#include <stddef.h>

/* Bytes start..start+length-1 of the text. */
struct data_word {
    size_t start, length;
};

#endif
