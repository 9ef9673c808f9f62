/*
 * Tiles of 12 rows and 32 columns in 24 registers of AVX-512, for any multiply-add of units.
 * Private to core/gemm; MULTIPLY_ADD(a, b, sum) and LINE_UNITS, the units made from a
 * cache line of floats, are defined by whoever includes it.
 *
 * A tile is compiled for every number of rows and for one or two vectors of columns, so that the
 * sums always stay in registers.
 */
#ifndef CORE_GEMM_TILES_AVX512_H
#define CORE_GEMM_TILES_AVX512_H

#include "core/gemm/native.h"

#include <immintrin.h>

enum { ROWS = 12, LANES = 16, COLUMNS = 2 * LANES };

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

/* Fetch what the next panel needs. */
static inline void
fetch(struct gemm_ahead *ahead)
{
    const char *far = ahead->at + ahead->far;
    _mm_prefetch(ahead->at, _MM_HINT_T1);
    _mm_prefetch(ahead->at + ahead->near, _MM_HINT_T1);
    _mm_prefetch(far, _MM_HINT_T1);
    _mm_prefetch(far + ahead->near, _MM_HINT_T1);
    ahead->at += ahead->step;
}

/* clang-format off */
#define ROWS_OF(rows) _Pragma("GCC unroll 12") for (size_t i = 0; i < (rows); i++)
#define VECTORS_OF(vectors) _Pragma("GCC unroll 2") for (size_t v = 0; v < (vectors); v++)

/* The sums of `units` units; packed A has row i at a + i * a_row, and goes on by a_step. */
#define ADD_UNITS(rows, vectors, a_row, a_step, units)                                             \
    for (size_t u = (units); u > 0; u--) {                                                         \
        __m512 panel[vectors];                                                                     \
        VECTORS_OF(vectors) panel[v] = _mm512_loadu_ps(b + v * LANES);                              \
        ROWS_OF(rows) {                                                                            \
            __m512 x = _mm512_set1_ps(a[i * (a_row)]);                                             \
            VECTORS_OF(vectors) sums[i][v] = MULTIPLY_ADD(x, panel[v], sums[i][v]);                \
        }                                                                                          \
        a += (a_step);                                                                             \
        b += b_step;                                                                               \
    }

#define DEFINE_TILE(name, rows, vectors, a_row, a_step)                                            \
    static void name##_##rows##_##vectors(const struct gemm_tile *t)                               \
    {                                                                                              \
        __m512 sums[rows][vectors];                                                                \
        const float *a = t->a;                                                                     \
        const float *b = t->b;                                                                     \
        size_t b_step = t->b_step;                                                                 \
        struct gemm_ahead ahead = t->ahead;                                                        \
        ROWS_OF(rows) VECTORS_OF(vectors) sums[i][v] = _mm512_setzero_ps();                        \
        for (size_t line = t->units / LINE_UNITS; line > 0; line--) {                              \
            fetch(&ahead);                                                                         \
            ADD_UNITS(rows, vectors, a_row, a_step, LINE_UNITS)                                    \
        }                                                                                          \
        ADD_UNITS(rows, vectors, a_row, a_step, t->units % LINE_UNITS)                             \
        __m512 alpha = _mm512_set1_ps(t->alpha);                                                   \
        VECTORS_OF(vectors) {                                                                      \
            __mmask16 mask = mask_of(t, v);                                                        \
            ROWS_OF(rows) {                                                                        \
                __m512 product = _mm512_mul_ps(alpha, sums[i][v]);                                 \
                _mm512_mask_storeu_ps(t->c + i * t->ldc + v * LANES, mask,                         \
                                      _mm512_add_ps(product, before(t, i, v, mask)));              \
            }                                                                                      \
        }                                                                                          \
    }

#define DEFINE_TILES(rows)                                                                         \
    DEFINE_TILE(tile, rows, 1, NATIVE_LINE, 1)                                                     \
    DEFINE_TILE(tile, rows, 2, NATIVE_LINE, 1)                                                     \
    DEFINE_TILE(upright, rows, 1, 1, ROWS)                                                         \
    DEFINE_TILE(upright, rows, 2, 1, ROWS)

DEFINE_TILES(1) DEFINE_TILES(2) DEFINE_TILES(3) DEFINE_TILES(4) DEFINE_TILES(5) DEFINE_TILES(6)
DEFINE_TILES(7) DEFINE_TILES(8) DEFINE_TILES(9) DEFINE_TILES(10) DEFINE_TILES(11) DEFINE_TILES(12)

#define TILES(rows)                                                                                \
    {{tile_##rows##_1, tile_##rows##_2}, {upright_##rows##_1, upright_##rows##_2}}
    /* clang-format on */

    static void tile(const struct gemm_tile *t)
{
    static void (*const tiles[ROWS][2][2])(const struct gemm_tile *) = {
        TILES(1), TILES(2), TILES(3), TILES(4),  TILES(5),  TILES(6),
        TILES(7), TILES(8), TILES(9), TILES(10), TILES(11), TILES(12)};
    tiles[t->rows - 1][t->upright][t->columns > LANES](t);
}

#endif
