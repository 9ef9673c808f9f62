/*
 * From what a model says of words to spans of the text: words with their labels, and entities.
 */
#ifndef DAEMON_WORD_LABELS_H
#define DAEMON_WORD_LABELS_H

#include "core/base/mem.h"
#include "core/eval/entities.h"
#include "core/predict.h"
#include "daemon/service_use.h"

#include <stdbool.h>
#include <stddef.h>

/* The labels of a model, taken apart once. */
struct word_labels {
    const char *const *labels; /* id order */
    bool has_scheme;           /* O and prefixes with types: there can be entities */
    struct entity_scheme scheme;
    struct arena *arena; /* of the results */
};

/* labels and their names must outlive what is made of them. */
struct word_labels word_labels_of(const char *const *labels, size_t count, struct arena *arena);

/* The words and entities of a text whose words a predictor has labelled. */
struct labelled_text word_labels_apply(const struct word_labels *names, const char *text,
                                       const struct predicted_words *words);

#endif
