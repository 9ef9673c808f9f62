/* SHA-256 in plain C, and the choice of who mixes; see sha256.h. Letters are FIPS 180-4's. */
#include "core/base/sha256.h"

#include "core/base/cpu.h"
#include "core/base/sha256_x86.h"

#include <string.h>

/* Fractions of the square roots (start) and cube roots (constants) of the first primes. */
static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

const uint32_t sha256_constants[SHA256_ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t
rotate(uint32_t x, unsigned bits)
{
    return x >> bits | x << (32 - bits);
}

static uint32_t
read_word(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The message schedule of a block (section 6.2.2, step 1). */
static void
expand(const unsigned char *block, uint32_t w[SHA256_ROUNDS])
{
    for (size_t t = 0; t < 16; t++)
        w[t] = read_word(block + 4 * t);
    for (size_t t = 16; t < SHA256_ROUNDS; t++) {
        uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
}

void
sha256_compress_plain(uint32_t state[8], const unsigned char *blocks, size_t count)
{
    for (; count > 0; count--, blocks += SHA256_BLOCK_BYTES) {
        uint32_t w[SHA256_ROUNDS];
        uint32_t v[8]; /* a .. h */
        expand(blocks, w);
        memcpy(v, state, sizeof v);
        for (size_t t = 0; t < SHA256_ROUNDS; t++) {
            uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
            uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
            uint32_t t1 = v[7] + s1 + choice + sha256_constants[t] + w[t];
            uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
            uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t1;
            v[0] = t1 + s0 + majority;
        }
        for (size_t i = 0; i < 8; i++)
            state[i] += v[i];
    }
}

sha256_compress *
sha256_native(void)
{
    return cpu_features().sha ? sha256_compress_x86 : NULL;
}

void
sha256_init(struct sha256 *sha)
{
    sha256_compress *native = sha256_native();
    *sha = (struct sha256){.compress = native != NULL ? native : sha256_compress_plain};
    memcpy(sha->state, start, sizeof start);
}

void
sha256_add(struct sha256 *sha, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    size_t waiting = sha->length % SHA256_BLOCK_BYTES;
    sha->length += length;
    if (waiting > 0) {
        size_t taken = SHA256_BLOCK_BYTES - waiting;
        taken = taken < length ? taken : length;
        memcpy(sha->block + waiting, at, taken);
        at += taken;
        length -= taken;
        if (waiting + taken < SHA256_BLOCK_BYTES)
            return;
        sha->compress(sha->state, sha->block, 1);
    }
    size_t whole = length / SHA256_BLOCK_BYTES;
    if (whole > 0)
        sha->compress(sha->state, at, whole);
    if (length % SHA256_BLOCK_BYTES > 0)
        memcpy(sha->block, at + whole * SHA256_BLOCK_BYTES, length % SHA256_BLOCK_BYTES);
}

/* A one bit, zeros up to 8 bytes before the end of a block, the length in bits (section 5.1.1). */
void
sha256_finish(struct sha256 *sha, unsigned char digest[SHA256_BYTES])
{
    unsigned char end[2 * SHA256_BLOCK_BYTES] = {0x80};
    uint64_t bits = sha->length * 8;
    size_t waiting = sha->length % SHA256_BLOCK_BYTES;
    size_t zeros = (2 * SHA256_BLOCK_BYTES - 8 - waiting) % SHA256_BLOCK_BYTES;
    zeros = zeros > 0 ? zeros : SHA256_BLOCK_BYTES;
    for (size_t i = 0; i < 8; i++)
        end[zeros + i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_add(sha, end, zeros + 8);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        digest[i] = (unsigned char)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}
