/*
 * The texts of tests/fixtures/tokens, and the packed numbers beside them; golden_tokens.py says
 * what they are. Everything fails the test that asks when a file is not as it should be.
 */
#ifndef TESTS_SUPPORT_GOLDEN_TEXTS_H
#define TESTS_SUPPORT_GOLDEN_TEXTS_H

#include "core/base/buf.h"
#include "core/text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

/* A file's bytes, and how far they were read. */
struct golden_packed {
    struct buf bytes;
    size_t at;
};

/* Unpack a file; the bytes are released with buf_fini. */
struct golden_packed golden_texts_unpack(const char *path);

/* The next number of 32 or 16 bits, little endian. */
uint32_t golden_texts_number(struct golden_packed *stream);
uint32_t golden_texts_short(struct golden_packed *stream);

struct golden_texts {
    struct golden_packed stream; /* behind the texts */
    struct text *texts;          /* without a second one */
    size_t count;
};

void golden_texts_read(const char *path, struct golden_texts *out);
void golden_texts_fini(struct golden_texts *texts);

/* Put other words in the place of some, in every text: pairs of old and new, none longer than old.
 */
void golden_texts_respell(struct golden_texts *texts, const char *const (*spellings)[2],
                          size_t count);

/* The sum of golden_places.py over the encodings of text i. */
uint32_t golden_texts_places(const struct tokenizer *tokenizer, const struct golden_texts *texts,
                             size_t i);

#endif
