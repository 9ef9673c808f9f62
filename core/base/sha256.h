/*
 * SHA-256 (FIPS 180-4) of a stream of bytes.
 *
 * Weights of hundreds of megabytes are hashed before a job's first step, so the processor's own
 * rounds are used where it has them (about 2 GB/s; a library in plain C has an eighth of that).
 */
#ifndef CORE_BASE_SHA256_H
#define CORE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK_BYTES = 64, SHA256_ROUNDS = 64 };

/* Mix count blocks of 64 bytes into the eight words of a state. */
typedef void sha256_compress(uint32_t state[8], const unsigned char *blocks, size_t count);

struct sha256 {
    sha256_compress *compress;
    uint32_t state[8];
    uint64_t length;                         /* bytes so far */
    unsigned char block[SHA256_BLOCK_BYTES]; /* length % 64 of them wait here */
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t length);
void sha256_finish(struct sha256 *sha, unsigned char digest[SHA256_BYTES]);

/* The constants of the rounds, and the two ways to mix; for sha256_x86.c and the tests. */
extern const uint32_t sha256_constants[SHA256_ROUNDS];
sha256_compress sha256_compress_plain;

/* By the processor's rounds; NULL where this build or this processor has none. */
sha256_compress *sha256_native(void);

#endif
