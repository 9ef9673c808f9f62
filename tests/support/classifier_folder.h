/*
 * Folders of small random classifiers, as a fine-tuning leaves them: config.json, weights and a
 * vocabulary of a few plain words.
 */
#ifndef TESTS_SUPPORT_CLASSIFIER_FOLDER_H
#define TESTS_SUPPORT_CLASSIFIER_FOLDER_H

#include "core/text/tokenizer.h"
#include "tests/support/scratch.h"

#include <stdint.h>

/* Labels of the classifiers, and the most tokens that they see of a text. */
enum { CLASSIFIER_LABELS = 3, CLASSIFIER_LONGEST = 24, CLASSIFIER_HIDDEN = 32 };

/* Write a classifier of `types` token types (1: no pairs) and return its folder. */
const char *classifier_folder_write(struct scratch *scratch, const char *name, size_t types,
                                    uint64_t seed);

/* Let the config.json of such a folder of two token types name another class of transformers. */
void classifier_folder_set_class(struct scratch *scratch, const char *name, const char *class);

/* A text of `words` words of the vocabulary, a token each; another for every seed. */
struct text classifier_text(struct scratch *scratch, size_t words, uint64_t seed);

#endif
