/*
 * Tiles for AVX-512: 12 rows of 32 columns in 24 registers, one fused multiply-add each per term.
 *
 * A tile is compiled for every number of rows and for one or two vectors of columns, so that the
 * sums always stay in registers.
 */
#include "core/gemm/native.h"

#if defined(__AVX512F__)
#include "core/gemm/transpose_avx.h"

enum { ROWS = 12, LANES = 16, COLUMNS = 2 * LANES, AHEAD_TERMS = 4 };

/* What is added to the sums of row i, vector v. */
static inline __m512
before(const struct gemm_tile *t, size_t i, size_t v, __mmask16 mask)
{
    if (t->bias != NULL)
        return _mm512_maskz_loadu_ps(mask, t->bias + v * LANES);
    if (t->accumulate)
        return _mm512_maskz_loadu_ps(mask, t->c + i * t->ldc + v * LANES);
    return _mm512_setzero_ps();
}

/* Columns of vector v that exist. */
static inline __mmask16
mask_of(const struct gemm_tile *t, size_t v)
{
    size_t left = t->columns - v * LANES;
    return left >= LANES ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1u);
}

/* One term of the sums. */
#define STEP(rows, vectors)                                                                        \
    {                                                                                              \
        __m512 panel[vectors];                                                                     \
        _Pragma("GCC unroll 2") for (size_t v = 0; v < (vectors); v++) panel[v] =                  \
            _mm512_load_ps(b + v * LANES);                                                         \
        _Pragma("GCC unroll 12") for (size_t i = 0; i < (rows); i++)                               \
        {                                                                                          \
            __m512 x = _mm512_set1_ps(a[i * a_row]);                                               \
            _Pragma("GCC unroll 2") for (size_t v = 0; v < (vectors); v++) sums[i][v] =            \
                _mm512_fmadd_ps(x, panel[v], sums[i][v]);                                          \
        }                                                                                          \
    }

#define DEFINE_TILE(rows, vectors)                                                                 \
    static void tile_##rows##_##vectors(const struct gemm_tile *t)                                 \
    {                                                                                              \
        __m512 sums[rows][vectors];                                                                \
        const float *a = t->a;                                                                     \
        const float *b = t->b;                                                                     \
        size_t a_row = t->a_row;                                                                   \
        size_t a_step = t->a_step;                                                                 \
        struct gemm_ahead ahead = *t->ahead;                                                       \
        size_t p = 0;                                                                              \
        _Pragma("GCC unroll 12") for (size_t i = 0; i < (rows); i++)                               \
            _Pragma("GCC unroll 2") for (size_t v = 0; v < (vectors); v++) sums[i][v] =            \
                _mm512_setzero_ps();                                                               \
        for (; p + AHEAD_TERMS <= t->k; p += AHEAD_TERMS) {                                        \
            _mm_prefetch(gemm_ahead_next(&ahead), _MM_HINT_T1);                                    \
            _Pragma("GCC unroll 4") for (size_t q = 0; q < AHEAD_TERMS; q++)                       \
            {                                                                                      \
                STEP(rows, vectors)                                                                \
                a += a_step;                                                                       \
                b += COLUMNS;                                                                      \
            }                                                                                      \
        }                                                                                          \
        for (; p < t->k; p++) {                                                                    \
            STEP(rows, vectors)                                                                    \
            a += a_step;                                                                           \
            b += COLUMNS;                                                                          \
        }                                                                                          \
        *t->ahead = ahead;                                                                         \
        __m512 alpha = _mm512_set1_ps(t->alpha);                                                   \
        _Pragma("GCC unroll 2") for (size_t v = 0; v < (vectors); v++)                             \
        {                                                                                          \
            __mmask16 mask = mask_of(t, v);                                                        \
            _Pragma("GCC unroll 12") for (size_t i = 0; i < (rows); i++)                           \
            {                                                                                      \
                __m512 product = _mm512_mul_ps(alpha, sums[i][v]);                                 \
                _mm512_mask_storeu_ps(t->c + i * t->ldc + v * LANES, mask,                         \
                                      _mm512_add_ps(product, before(t, i, v, mask)));              \
            }                                                                                      \
        }                                                                                          \
    }

#define DEFINE_TILES(rows) DEFINE_TILE(rows, 1) DEFINE_TILE(rows, 2)

/* clang-format off */
DEFINE_TILES(1) DEFINE_TILES(2) DEFINE_TILES(3) DEFINE_TILES(4) DEFINE_TILES(5) DEFINE_TILES(6)
DEFINE_TILES(7) DEFINE_TILES(8) DEFINE_TILES(9) DEFINE_TILES(10) DEFINE_TILES(11) DEFINE_TILES(12)
    /* clang-format on */

    static void tile(const struct gemm_tile *t)
{
    static void (*const tiles[ROWS][2])(const struct gemm_tile *) = {
        {tile_1_1, tile_1_2},   {tile_2_1, tile_2_2},   {tile_3_1, tile_3_2},
        {tile_4_1, tile_4_2},   {tile_5_1, tile_5_2},   {tile_6_1, tile_6_2},
        {tile_7_1, tile_7_2},   {tile_8_1, tile_8_2},   {tile_9_1, tile_9_2},
        {tile_10_1, tile_10_2}, {tile_11_1, tile_11_2}, {tile_12_1, tile_12_2},
    };
    tiles[t->rows - 1][t->columns > LANES](t);
}

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

const struct gemm_kernel gemm_kernel_avx512 = {"avx512",  ROWS,         COLUMNS,        tile,
                                               pack_rows, pack_columns, pack_transposed};
#endif
