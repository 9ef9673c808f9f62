/*
 * Tiles for AVX512_BF16: each multiply-add takes two terms, rounded to bfloat16 while they are
 * packed, and adds both products to a float.
 */
#include "core/gemm/native.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>

#define MULTIPLY_ADD(a, b, sum) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#define LINE_UNITS              (GEMM_LINE_FLOATS / 2)
#include "core/gemm/tiles_avx512.inc"
#include "core/gemm/transpose_avx.h"

/* The first n of 16 floats. */
static inline __m512
load(const float *x, size_t n)
{
    return _mm512_maskz_loadu_ps(lanes_mask(n), x);
}

/* Numbers 0 to 15 and 16 to 31 become 16 units: lane i holds the pair (i, 16 + i). */
static inline __m512
interleave_halves(__m512i numbers)
{
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, numbers));
}

/* 16 units: lane i holds the pair (even[i], odd[i]), rounded. */
static inline __m512
interleave(__m512 even, __m512 odd)
{
    return interleave_halves((__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

/* The same of numbers that are bfloat16 already. */
static inline __m512
pairs_of(__m256i even, __m256i odd)
{
    return interleave_halves(_mm512_inserti64x4(_mm512_castsi256_si512(even), odd, 1));
}

static void
pack_line(size_t k, const float *x, float *line)
{
    size_t p = 0;
    for (; p + 2 * LANES <= k; p += 2 * LANES)
        _mm512_storeu_ps(line + p / 2, (__m512)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + p + LANES),
                                                                   _mm512_loadu_ps(x + p)));
    if (p == k)
        return;
    size_t left = k - p;
    __m512 low = load(x + p, left);
    __m512 high = left > LANES ? load(x + p + LANES, left - LANES) : _mm512_setzero_ps();
    _mm512_mask_storeu_ps(line + p / 2, lanes_mask((left + 1) / 2),
                          (__m512)_mm512_cvtne2ps_pbh(high, low));
}

/* pack_rows and pack_columns. */
static inline void
pack_straight(size_t width, size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    for (size_t p = 0; p < k; p += 2, panel += width) {
        const float *even = x + p * ld;
        for (size_t j = 0; j < width; j += LANES) {
            size_t columns = n > j ? n - j : 0;
            __m512 below = p + 1 < k ? load(even + ld + j, columns) : _mm512_setzero_ps();
            _mm512_mask_storeu_ps(panel + j, lanes_mask(width - j),
                                  interleave(load(even + j, columns), below));
        }
    }
}

static void
pack_rows(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    pack_straight(ROWS, k, n, x, ld, panel);
}

static void
pack_columns(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    pack_straight(COLUMNS, k, n, x, ld, panel);
}

/* pack_half_rows and pack_half_columns. */
static inline void
pack_half(size_t width, size_t k, size_t n, const uint16_t *x, size_t ld, float *panel)
{
    for (size_t p = 0; p < k; p += 2, panel += width) {
        const uint16_t *even = x + p * ld;
        for (size_t j = 0; j < width; j += LANES) {
            __mmask16 mask = lanes_mask(n > j ? n - j : 0);
            __mmask16 mask_below = p + 1 < k ? mask : (__mmask16)0;
            __m256i above = _mm256_maskz_loadu_epi16(mask, even + j);
            __m256i below = _mm256_maskz_loadu_epi16(mask_below, even + ld + j);
            _mm512_mask_storeu_ps(panel + j, lanes_mask(width - j), pairs_of(above, below));
        }
    }
}

static void
pack_half_rows(size_t k, size_t n, const uint16_t *x, size_t ld, float *panel)
{
    pack_half(ROWS, k, n, x, ld, panel);
}

static void
pack_half_columns(size_t k, size_t n, const uint16_t *x, size_t ld, float *panel)
{
    pack_half(COLUMNS, k, n, x, ld, panel);
}

/* Each row of B^T becomes a line of units, 16 at a time; lines are then transposed like floats. */
static void
pack_transposed(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    _Alignas(64) float lines[COLUMNS * LANES];
    for (size_t p = 0; p < k; p += 2 * LANES) {
        size_t terms = k - p < 2 * LANES ? k - p : 2 * LANES;
        for (size_t j = 0; j < n; j++)
            pack_line(terms, x + j * ld + p, lines + j * LANES);
        pack_transposed_avx(COLUMNS, LANES, (terms + 1) / 2, n, lines, LANES,
                            panel + p / 2 * COLUMNS);
    }
}

const struct gemm_kernel gemm_kernel_bf16 = {
    .name = "avx512_bf16",
    .rows = ROWS,
    .columns = COLUMNS,
    .terms = 2,
    .tile = tile,
    .pack_line = pack_line,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .pack_half_rows = pack_half_rows,
    .pack_half_columns = pack_half_columns,
    .pack_transposed = pack_transposed,
};
#endif
