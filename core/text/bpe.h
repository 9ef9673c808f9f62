/*
 * Byte pair encoding: the letters of a word are joined pair by pair, the pair of the lowest rank
 * first and of equal ones the leftmost, until no pair is one that may be joined.
 *
 * Used as a byte-level model alone: words come as bytes, and the vocabulary spells its tokens in
 * the letters of byte_words.h.
 */
#ifndef CORE_TEXT_BPE_H
#define CORE_TEXT_BPE_H

#include "core/base/err.h"
#include "core/text/byte_words.h"
#include "core/text/vocab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BPE_MAX_MERGES = 4000000,
    BPE_MAX_PROBES = 512 /* pairs in one cluster: a bound for made-up collisions */
};

struct token_list;

/* Two tokens that may be joined, and what they become. */
struct bpe_merge {
    uint32_t left;
    uint32_t right;
    uint32_t joined;
};

/* How a word that holds a letter without a token is taken. */
struct bpe_unknown {
    const char *token; /* NULL: such letters vanish */
    bool fuse;         /* neighbours become one token */
};

struct bpe;

struct bpe *bpe_new(void);
void bpe_free(struct bpe *bpe);

/*
 * Add a merge of the next rank; of two equal pairs the later one counts. ERR_INVALID names a token
 * that the vocabulary lacks, the joined one included.
 */
int bpe_add_merge(struct bpe *bpe, const struct vocab *vocab, const char *left, const char *right,
                  struct err *err);
size_t bpe_merge_count(const struct bpe *bpe);
struct bpe_merge bpe_merge_at(const struct bpe *bpe, size_t rank);

/* Make ready for encoding, once the vocabulary is complete. ERR_INVALID, ERR_MEMORY. */
int bpe_prepare(struct bpe *bpe, const struct vocab *vocab, const struct bpe_unknown *unknown,
                struct err *err);

/* Blanks at the start and the end of a token. */
size_t bpe_leading_blanks(const struct bpe *bpe, uint32_t id);
size_t bpe_trailing_blanks(const struct bpe *bpe, uint32_t id);

/*
 * Append the tokens of a word. In a list with places the end of each is set, in bytes of the word's
 * spelling in letters; the rest of the place is the caller's. Thread-safe. ERR_MEMORY.
 */
int bpe_encode(const struct bpe *bpe, const struct byte_word *word, struct token_list *out,
               struct err *err);

#endif
