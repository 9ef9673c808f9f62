/* The transposition that packs B^T, for both AVX sets. Private to core/gemm. */
#ifndef CORE_GEMM_TRANSPOSE_AVX_H
#define CORE_GEMM_TRANSPOSE_AVX_H

#include <immintrin.h>
#include <stddef.h>

/* y (8,8) with ldy = x (rows,8)^T with ldx; columns of y beyond rows are zero. */
static inline void
transpose_8x8(size_t rows, const float *x, size_t ldx, float *y, size_t ldy)
{
    __m256 r[8];
    __m256 s[8];
    for (int i = 0; i < 8; i++)
        r[i] = (size_t)i < rows ? _mm256_loadu_ps(x + (size_t)i * ldx) : _mm256_setzero_ps();
    for (int i = 0; i < 4; i++) {
        s[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        s[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        r[4 * i] = _mm256_shuffle_ps(s[4 * i], s[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(s[4 * i], s[4 * i + 2], 0xee);
        r[4 * i + 2] = _mm256_shuffle_ps(s[4 * i + 1], s[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(s[4 * i + 1], s[4 * i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + (size_t)i * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (size_t)(i + 4) * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

/*
 * gemm_kernel.pack_transposed for panels of `width` columns read in vectors of `lanes`, a multiple
 * of 8; vectors without a column are left as they are.
 */
static inline void
pack_transposed_avx(size_t width, size_t lanes, size_t k, size_t n, const float *x, size_t ld,
                    float *panel)
{
    size_t end = (n + lanes - 1) / lanes * lanes;
    for (size_t j = 0; j < end; j += 8) {
        size_t rows = j >= n ? 0 : n - j < 8 ? n - j : 8;
        size_t p = 0;
        for (; p + 8 <= k; p += 8)
            transpose_8x8(rows, x + j * ld + p, ld, panel + p * width + j, width);
        for (; p < k; p++)
            for (size_t i = j; i < j + 8; i++)
                panel[p * width + i] = i < n ? x[i * ld + p] : 0.0f;
    }
}

#endif
