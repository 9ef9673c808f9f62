/*
 * Tokens to ids: a hash table whose keys can be hashed byte by byte.
 *
 * WordPiece asks for every prefix of a word; with a hash that grows by one byte (FNV-1a) all those
 * prefixes are hashed in one walk. A token that is added again takes the later id, as in the
 * reference. Several threads may look up at once while nobody adds.
 */
#ifndef CORE_TEXT_VOCAB_H
#define CORE_TEXT_VOCAB_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VOCAB_MAX_FILE_BYTES = 16 * 1024 * 1024,
    VOCAB_MAX_TOKEN_BYTES = 512,
    VOCAB_MAX_BYTES = 64 * 1024 * 1024, /* of all tokens together */
    VOCAB_MAX_PROBES = 512              /* tokens in one cluster: a bound for made-up collisions */
};

struct vocab;

struct vocab_entry {
    const char *bytes; /* followed by a NUL */
    size_t length;
    uint32_t id;
};

struct vocab *vocab_new(void);
void vocab_free(struct vocab *vocab);

/* Add a token, or give the one that is there this id. ERR_INVALID beyond a limit; quotes the token.
 */
int vocab_add(struct vocab *vocab, const char *bytes, size_t length, uint32_t id, struct err *err);

/* Is the token known? Then its id. */
bool vocab_find(const struct vocab *vocab, const char *bytes, size_t length, uint32_t *id);

/* Number of different tokens, and each of them in the order of first addition. */
size_t vocab_count(const struct vocab *vocab);
struct vocab_entry vocab_entry(const struct vocab *vocab, size_t index);

/*
 * Read vocab.txt: one token a line, blanks at its end cut off, id = line number from 0. Lines from
 * number `most` on are left out and counted in *left_out.
 */
int vocab_read(struct vocab *vocab, const char *path, size_t most, size_t *left_out,
               struct err *err);

/* The hash of the empty string, and of a string with one more byte. */
static inline uint32_t
vocab_hash_start(void)
{
    return 0x811c9dc5u;
}

static inline uint32_t
vocab_hash_step(uint32_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * 0x01000193u;
}

static inline uint32_t
vocab_hash(uint32_t hash, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = vocab_hash_step(hash, bytes[i]);
    return hash;
}

/* A key in two parts whose hash is known. */
struct vocab_key {
    uint32_t hash;
    const char *prefix;
    size_t prefix_length;
    const char *bytes;
    size_t length;
};

bool vocab_find_key(const struct vocab *vocab, const struct vocab_key *key, uint32_t *id);

#endif
