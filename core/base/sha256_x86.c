/*
 * SHA-256 by the processor's instructions; see sha256_x86.h.
 *
 * sha256rnds2 does two rounds on a state held as two registers, {F,E,B,A} and {H,G,D,C} from the
 * lowest word up; sha256msg1 and sha256msg2 are the two halves of the message schedule, four words
 * at a time. (Source: Intel, "Intel SHA Extensions", 2013.)
 */
#include "core/base/sha256_x86.h"

#if defined(__SHA__) && defined(__SSE4_1__)
#include <immintrin.h>

enum { GROUPS = SHA256_ROUNDS / 4 };

static __m128i
load(const void *bytes)
{
    return _mm_loadu_si128(bytes);
}

/* Rounds 4g .. 4g+3 with the words of the schedule that belong to them. */
static void
four_rounds(__m128i *abef, __m128i *cdgh, __m128i words, size_t group)
{
    __m128i sum = _mm_add_epi32(words, load(sha256_constants + 4 * group));
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* The next four words from the last sixteen, oldest first. */
static __m128i
next_words(const __m128i w[4])
{
    __m128i sum = _mm_sha256msg1_epu32(w[0], w[1]);
    sum = _mm_add_epi32(sum, _mm_alignr_epi8(w[3], w[2], 4));
    return _mm_sha256msg2_epu32(sum, w[3]);
}

static void
mix(uint32_t state[8], const unsigned char *blocks, size_t count)
{
    const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    /* {D,C,B,A}, {H,G,F,E} as memory has them to the processor's order. */
    __m128i badc = _mm_shuffle_epi32(load(state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (; count > 0; count--, blocks += SHA256_BLOCK_BYTES) {
        __m128i abef_before = abef;
        __m128i cdgh_before = cdgh;
        __m128i w[4];
        for (size_t g = 0; g < 4; g++) {
            w[g] = _mm_shuffle_epi8(load(blocks + 16 * g), big_endian);
            four_rounds(&abef, &cdgh, w[g], g);
        }
        for (size_t g = 4; g < GROUPS; g++) {
            __m128i words = next_words(w);
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = words;
            four_rounds(&abef, &cdgh, words, g);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

sha256_compress *const sha256_compress_x86 = mix;
#else
sha256_compress *const sha256_compress_x86 = NULL;
#endif
