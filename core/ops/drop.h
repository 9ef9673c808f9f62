/* The factors of one dropout group, in registers and cache only; private to core/ops. */
#ifndef CORE_OPS_DROP_H
#define CORE_OPS_DROP_H

#include "core/ops/sets.h"

/*
 * Philox4x32-10 on 16 consecutive counters at once (base .. base+15, base a multiple of 16), lane
 * by lane the same as rng_block; words[w][lane].
 */
static inline void
drop_words(const struct rng_stream *stream, uint64_t base, uint32_t words[4][OPS_LANES])
{
    uint32_t x0[OPS_LANES];
    uint32_t x1[OPS_LANES];
    uint32_t x2[OPS_LANES];
    uint32_t x3[OPS_LANES];
    uint32_t key0 = stream->key[0];
    uint32_t key1 = stream->key[1];
    for (uint32_t j = 0; j < OPS_LANES; j++) {
        x0[j] = (uint32_t)base + j;
        x1[j] = (uint32_t)(base >> 32);
        x2[j] = stream->step;
        x3[j] = stream->place;
    }
    for (int round = 0; round < 10; round++) {
        for (int j = 0; j < OPS_LANES; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * x0[j];
            uint64_t p1 = (uint64_t)0xCD9E8D57u * x2[j];
            x0[j] = (uint32_t)(p1 >> 32) ^ x1[j] ^ key0;
            x1[j] = (uint32_t)p1;
            x2[j] = (uint32_t)(p0 >> 32) ^ x3[j] ^ key1;
            x3[j] = (uint32_t)p0;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    for (int j = 0; j < OPS_LANES; j++) {
        words[0][j] = x0[j];
        words[1][j] = x1[j];
        words[2][j] = x2[j];
        words[3][j] = x3[j];
    }
}

/* factors[i] = 0 or site->scale for element i of a group: low halves of the 64 words, then high. */
static inline void
drop_factors(const struct dropout *site, uint64_t group, float factors[DROPOUT_GROUP])
{
    uint32_t words[4][OPS_LANES];
    drop_words(&site->stream, group * OPS_LANES, words);
    for (int w = 0; w < 4; w++) {
        for (int j = 0; j < OPS_LANES; j++) {
            uint32_t low = words[w][j] & 0xffffu;
            uint32_t high = words[w][j] >> 16;
            factors[w * OPS_LANES + j] = low < site->threshold ? 0.0f : site->scale;
            factors[64 + w * OPS_LANES + j] = high < site->threshold ? 0.0f : site->scale;
        }
    }
}

#endif
