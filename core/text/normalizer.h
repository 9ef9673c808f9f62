/*
 * The text before it is split: cleaned, ideographs set apart, accents and capitals removed.
 *
 * These are the four steps of the reference's BertNormalizer, in its order, done in one pass over
 * the bytes into memory of the caller. ASCII takes a table and no branches.
 */
#ifndef CORE_TEXT_NORMALIZER_H
#define CORE_TEXT_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No character grows by more than this factor in bytes; generate_unicode.py checks it. */
enum { NORMALIZER_GROWTH = 3 };

struct normalizer {
    bool clean_text;           /* drop controls, make every White_Space a blank */
    bool handle_chinese_chars; /* blanks around ideographs */
    bool strip_accents;        /* decompose (NFD) and drop nonspacing marks */
    bool lowercase;            /* character by character, no context */
    uint8_t ascii[128];        /* filled by normalizer_init; a value above 127 means dropped */
};

/* Prepare the table; the four switches are set before. */
void normalizer_init(struct normalizer *normalizer);

/*
 * Normalize well-formed UTF-8 into out, which has room for NORMALIZER_GROWTH * length bytes and
 * does not overlap the input. Returns the bytes written. Thread-safe; allocates only where
 * combining marks that are not dropped must be put into order.
 */
size_t normalizer_run(const struct normalizer *normalizer, const char *bytes, size_t length,
                      char *out);

/*
 * The same, and for every byte of out the byte of the input where the character that it came from
 * begins: origins has the same room as out. Origins never descend.
 */
size_t normalizer_run_traced(const struct normalizer *normalizer, const char *bytes, size_t length,
                             char *out, size_t *origins);

#endif
