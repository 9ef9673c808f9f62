/* Tiles for AVX2 with FMA: 6 rows of 16 columns in 12 registers. */
#include "core/gemm/native.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "core/gemm/transpose_avx.h"

#include <string.h>

enum { ROWS = 6, LANES = 8, COLUMNS = 2 * LANES };

/* One row of C from its sums, when all columns exist. */
static inline void
store_row(const struct gemm_tile *t, size_t i, const __m256 sums[2])
{
    __m256 alpha = _mm256_set1_ps(t->alpha);
    float *c = t->c + i * t->ldc;
    for (size_t v = 0; v < 2; v++) {
        __m256 before = _mm256_setzero_ps();
        if (t->bias != NULL)
            before = _mm256_loadu_ps(t->bias + v * LANES);
        else if (t->accumulate)
            before = _mm256_loadu_ps(c + v * LANES);
        _mm256_storeu_ps(c + v * LANES, _mm256_add_ps(_mm256_mul_ps(alpha, sums[v]), before));
    }
}

/* The same when some do not. */
static inline void
store_part_of_row(const struct gemm_tile *t, size_t i, const __m256 sums[2])
{
    float row[COLUMNS];
    float *c = t->c + i * t->ldc;
    memcpy(row, sums, sizeof row);
    for (size_t j = 0; j < t->columns; j++) {
        float before = t->bias != NULL ? t->bias[j] : t->accumulate ? c[j] : 0.0f;
        c[j] = t->alpha * row[j] + before;
    }
}

#define DEFINE_TILE(rows)                                                                          \
    static void tile_##rows(const struct gemm_tile *t)                                             \
    {                                                                                              \
        __m256 sums[rows][2];                                                                      \
        const float *a = t->a;                                                                     \
        const float *b = t->b;                                                                     \
        size_t a_row = t->a_row;                                                                   \
        size_t a_step = t->a_step;                                                                 \
        _Pragma("GCC unroll 6") for (size_t i = 0; i < (rows); i++) sums[i][0] = sums[i][1] =      \
            _mm256_setzero_ps();                                                                   \
        for (size_t p = t->k; p > 0; p--) {                                                        \
            __m256 left = _mm256_load_ps(b);                                                       \
            __m256 right = _mm256_load_ps(b + LANES);                                              \
            _Pragma("GCC unroll 6") for (size_t i = 0; i < (rows); i++)                            \
            {                                                                                      \
                __m256 x = _mm256_set1_ps(a[i * a_row]);                                           \
                sums[i][0] = _mm256_fmadd_ps(x, left, sums[i][0]);                                 \
                sums[i][1] = _mm256_fmadd_ps(x, right, sums[i][1]);                                \
            }                                                                                      \
            a += a_step;                                                                           \
            b += COLUMNS;                                                                          \
        }                                                                                          \
        _Pragma("GCC unroll 6") for (size_t i = 0; i < (rows); i++)                                \
        {                                                                                          \
            if (t->columns == COLUMNS)                                                             \
                store_row(t, i, sums[i]);                                                          \
            else                                                                                   \
                store_part_of_row(t, i, sums[i]);                                                  \
        }                                                                                          \
    }

/* clang-format off */
DEFINE_TILE(1) DEFINE_TILE(2) DEFINE_TILE(3) DEFINE_TILE(4) DEFINE_TILE(5) DEFINE_TILE(6)
    /* clang-format on */

    static void tile(const struct gemm_tile *t)
{
    static void (*const tiles[ROWS])(const struct gemm_tile *) = {tile_1, tile_2, tile_3,
                                                                  tile_4, tile_5, tile_6};
    tiles[t->rows - 1](t);
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

const struct gemm_kernel gemm_kernel_avx2 = {"avx2",    ROWS,         COLUMNS,        tile,
                                             pack_rows, pack_columns, pack_transposed};
#endif
