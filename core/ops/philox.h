/*
 * Philox4x32-10 on 16 consecutive counters at once; private to core/ops. Lane by lane the same as
 * rng_block, which is the definition.
 *
 * The one operator that is not plain C on every set: compilers turn a product of 32 by 32 bits into
 * a whole vector of 64-bit products or into scalar code, where one instruction (pmuludq: the low
 * halves of 64-bit lanes) does it. A counter word therefore lives in the low half of a 64-bit lane,
 * what is in the high half is never looked at, and the product's high word is one shift away.
 */
#ifndef CORE_OPS_PHILOX_H
#define CORE_OPS_PHILOX_H

#include "core/ops/sets.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum { PHILOX_COUNTERS = 16, PHILOX_WORDS = 4 * PHILOX_COUNTERS, PHILOX_ROUNDS = 10 };

#define PHILOX_MULTIPLIER_0 0xD2511F53u
#define PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define PHILOX_WEYL_0       0x9E3779B9u
#define PHILOX_WEYL_1       0xBB67AE85u

#if defined(__AVX512F__)

/* Word w of counter base + j (base a multiple of 16) into words[16 w + j]. */
static inline void
philox_words(const struct rng_stream *stream, uint64_t base, uint32_t words[PHILOX_WORDS])
{
    const __m512i m0 = _mm512_set1_epi64(PHILOX_MULTIPLIER_0);
    const __m512i m1 = _mm512_set1_epi64(PHILOX_MULTIPLIER_1);
    const __m512i evens =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    __m512i x[2][4];
    for (int half = 0; half < 2; half++) {
        x[half][0] = _mm512_add_epi64(_mm512_set1_epi64((long long)base + 8 * half),
                                      _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
        x[half][1] = _mm512_set1_epi64((long long)(base >> 32));
        x[half][2] = _mm512_set1_epi64(stream->step);
        x[half][3] = _mm512_set1_epi64(stream->place);
    }
    __m512i key0 = _mm512_set1_epi64(stream->key[0]);
    __m512i key1 = _mm512_set1_epi64(stream->key[1]);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        for (int half = 0; half < 2; half++) {
            __m512i p0 = _mm512_mul_epu32(x[half][0], m0);
            __m512i p1 = _mm512_mul_epu32(x[half][2], m1);
            /* 0x96: the exclusive or of three */
            x[half][0] =
                _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), x[half][1], key0, 0x96);
            x[half][1] = p1;
            x[half][2] =
                _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), x[half][3], key1, 0x96);
            x[half][3] = p0;
        }
        key0 = _mm512_add_epi32(key0, _mm512_set1_epi64(PHILOX_WEYL_0));
        key1 = _mm512_add_epi32(key1, _mm512_set1_epi64(PHILOX_WEYL_1));
    }
    for (int w = 0; w < 4; w++)
        _mm512_storeu_si512(words + PHILOX_COUNTERS * w,
                            _mm512_permutex2var_epi32(x[0][w], evens, x[1][w]));
}

#elif defined(__AVX2__)

/* Eight counters from base + from on, as two vectors of four. */
static inline void
philox_eight(const struct rng_stream *stream, uint64_t base, int from, uint32_t *words)
{
    const __m256i m0 = _mm256_set1_epi64x(PHILOX_MULTIPLIER_0);
    const __m256i m1 = _mm256_set1_epi64x(PHILOX_MULTIPLIER_1);
    __m256i x[2][4];
    for (int half = 0; half < 2; half++) {
        x[half][0] = _mm256_add_epi64(_mm256_set1_epi64x((long long)base + from + 4 * half),
                                      _mm256_setr_epi64x(0, 1, 2, 3));
        x[half][1] = _mm256_set1_epi64x((long long)(base >> 32));
        x[half][2] = _mm256_set1_epi64x(stream->step);
        x[half][3] = _mm256_set1_epi64x(stream->place);
    }
    __m256i key0 = _mm256_set1_epi64x(stream->key[0]);
    __m256i key1 = _mm256_set1_epi64x(stream->key[1]);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        for (int half = 0; half < 2; half++) {
            __m256i p0 = _mm256_mul_epu32(x[half][0], m0);
            __m256i p1 = _mm256_mul_epu32(x[half][2], m1);
            x[half][0] =
                _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(x[half][1], key0));
            x[half][1] = p1;
            x[half][2] =
                _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(x[half][3], key1));
            x[half][3] = p0;
        }
        key0 = _mm256_add_epi32(key0, _mm256_set1_epi64x(PHILOX_WEYL_0));
        key1 = _mm256_add_epi32(key1, _mm256_set1_epi64x(PHILOX_WEYL_1));
    }
    for (int w = 0; w < 4; w++) {
        __m256 both = _mm256_shuffle_ps(_mm256_castsi256_ps(x[0][w]), _mm256_castsi256_ps(x[1][w]),
                                        0x88); /* low words */
        _mm256_storeu_si256((__m256i *)(void *)(words + PHILOX_COUNTERS * w + from),
                            _mm256_permute4x64_epi64(_mm256_castps_si256(both), 0xd8));
    }
}

/* Word w of counter base + j (base a multiple of 16) into words[16 w + j]. */
static inline void
philox_words(const struct rng_stream *stream, uint64_t base, uint32_t words[PHILOX_WORDS])
{
    philox_eight(stream, base, 0, words);
    philox_eight(stream, base, 8, words);
}

#else

/* Word w of counter base + j (base a multiple of 16) into words[16 w + j]. */
static inline void
philox_words(const struct rng_stream *stream, uint64_t base, uint32_t words[PHILOX_WORDS])
{
    for (uint32_t j = 0; j < PHILOX_COUNTERS; j++) {
        uint32_t block[4];
        rng_block(stream, base + j, block);
        for (size_t w = 0; w < 4; w++)
            words[PHILOX_COUNTERS * w + j] = block[w];
    }
}

#endif

#endif
