/* Tiles for AVX-512: one fused multiply-add for each sum and term. */
#include "core/gemm/native.h"

#if defined(__AVX512F__)
#define MULTIPLY_ADD(a, b, sum) _mm512_fmadd_ps(a, b, sum)
#define LINE_UNITS              GEMM_LINE_FLOATS
#include "core/gemm/tiles_avx512.inc"
#include "core/gemm/transpose_avx.h"

static void
pack_line(size_t k, const float *x, float *line)
{
    for (size_t p = 0; p < k; p += LANES)
        _mm512_mask_storeu_ps(line + p, lanes_mask(k - p),
                              _mm512_maskz_loadu_ps(lanes_mask(k - p), x + p));
}

static void
pack_rows(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    for (size_t p = 0; p < k; p++)
        _mm512_mask_storeu_ps(panel + p * ROWS, lanes_mask(ROWS),
                              _mm512_maskz_loadu_ps(lanes_mask(n), x + p * ld));
}

/* The second vector is not read when n ends in the first. */
static void
pack_columns(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    for (size_t v = 0; v < n; v += LANES)
        for (size_t p = 0; p < k; p++)
            _mm512_store_ps(panel + p * COLUMNS + v,
                            _mm512_maskz_loadu_ps(lanes_mask(n - v), x + p * ld + v));
}

static void
pack_transposed(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    pack_transposed_avx(COLUMNS, LANES, k, n, x, ld, panel);
}

const struct gemm_kernel gemm_kernel_avx512 = {
    .name = "avx512",
    .rows = ROWS,
    .columns = COLUMNS,
    .terms = 1,
    .tile = tile,
    .pack_line = pack_line,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .pack_transposed = pack_transposed,
};
#endif
