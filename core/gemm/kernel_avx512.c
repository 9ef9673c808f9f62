/* Tiles for AVX-512: one fused multiply-add for each sum and term. */
#include "core/gemm/native.h"

#if defined(__AVX512F__)
#define MULTIPLY_ADD(a, b, sum) _mm512_fmadd_ps(a, b, sum)
#define LINE_UNITS              GEMM_LINE_FLOATS
#include "core/gemm/tiles_avx512.inc"
#include "core/gemm/transpose_avx.h"

static void
pack_rows(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    gemm_pack_straight(ROWS, k, n, x, ld, panel);
}

static void
pack_columns(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    gemm_pack_straight(COLUMNS, k, n, x, ld, panel);
}

static void
pack_transposed(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    pack_transposed_avx(COLUMNS, k, n, x, ld, panel);
}

const struct gemm_kernel gemm_kernel_avx512 = {
    .name = "avx512",
    .rows = ROWS,
    .columns = COLUMNS,
    .terms = 1,
    .tile = tile,
    .pack_line = gemm_pack_line,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .pack_transposed = pack_transposed,
};
#endif
